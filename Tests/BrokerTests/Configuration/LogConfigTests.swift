import CommitLog
import Model
import Testing

@testable import Broker

private func logConfig(_ topic: [String: String], broker: [String: String] = [:]) throws -> LogConfig {
    let broker = try BrokerConfiguration.load(overrides: broker.map { ConfigOverride($0.key, $0.value) })
    return try LogConfig(topicOverrides: topic, broker: broker)
}

@Test func storedOverridesThatAreNotValidAreAnError() {
    #expect(throws: ConfigurationError.self) { try logConfig(["retention.ms": "x"]) }
    #expect(throws: ConfigurationError.self) { try logConfig(["nonsense": "1"]) }
}

@Test func logOfATopicWithoutConfigurationHasTheLogsOwnDefaults() throws {
    var expected = LogConfig()
    // Where the broker differs from Kafka.
    expected.durability = .fsync
    #expect(try logConfig([:]) == expected)
}

@Test func everyConfigurationOfALogCanBeSetForItsTopic() throws {
    let config = try logConfig([
        "segment.bytes": "1048576", "segment.ms": "2", "segment.jitter.ms": "3", "segment.index.bytes": "4",
        "index.interval.bytes": "5", "max.message.bytes": "6", "retention.ms": "7", "retention.bytes": "8",
        "cleanup.policy": "compact,delete", "message.timestamp.type": "LogAppendTime",
        "message.timestamp.before.max.ms": "9", "message.timestamp.after.max.ms": "10", "file.delete.delay.ms": "11",
        "durability": "page-cache", "flush.messages": "12", "flush.ms": "13", "preallocate": "true",
        "delete.retention.ms": "14", "min.compaction.lag.ms": "15", "max.compaction.lag.ms": "16",
        "min.cleanable.dirty.ratio": "0.25",
    ])
    var expected = LogConfig()
    expected.segmentBytes = 1 << 20
    expected.segmentMilliseconds = 2
    expected.segmentJitterMilliseconds = 3
    expected.segmentIndexBytes = 4
    expected.indexIntervalBytes = 5
    expected.maxMessageBytes = 6
    expected.retentionMilliseconds = 7
    expected.retentionBytes = 8
    expected.cleanupPolicy = [.compact, .delete]
    expected.timestampType = .logAppendTime
    expected.timestampBeforeMaxMilliseconds = 9
    expected.timestampAfterMaxMilliseconds = 10
    expected.fileDeleteDelayMilliseconds = 11
    expected.durability = .pageCache
    expected.flushMessages = 12
    expected.flushMilliseconds = 13
    expected.preallocate = true
    expected.deleteRetentionMilliseconds = 14
    expected.minCompactionLagMilliseconds = 15
    expected.maxCompactionLagMilliseconds = 16
    expected.minCleanableDirtyRatio = 0.25
    #expect(config == expected)
}

@Test func minusOneAndTheEmptyPolicyKeepRecordsForever() throws {
    let config = try logConfig(["retention.ms": "-1", "retention.bytes": "-1", "cleanup.policy": ""])
    #expect(config.retentionMilliseconds == nil)
    #expect(config.retentionBytes == nil)
    #expect(config.cleanupPolicy == [])
}

@Test func logFollowsTheBrokerWhereItsTopicSaysNothing() throws {
    let config = try logConfig(
        ["segment.ms": "1"],
        broker: ["log.roll.hours": "2", "log.retention.minutes": "3", "log.segment.bytes": "2097152"]
    )
    #expect(config.segmentMilliseconds == 1)
    #expect(config.retentionMilliseconds == 180_000)
    #expect(config.segmentBytes == 2 << 20)
}

@Test func testsCanHaveSegmentsBelowTheMinimum() throws {
    #expect(try logConfig(["internal.segment.bytes": "1000"]).segmentBytes == 1000)
}
