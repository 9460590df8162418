package import CommitLog
import Model

extension LogConfig {
    /// What a topic's configuration says about its partitions' logs.
    package init(_ topic: TopicConfiguration) {
        self.init()
        let values = Values(topic.values)
        segmentBytes =
            topic.value("internal.segment.bytes") == nil
            ? values.int("segment.bytes") : values.int("internal.segment.bytes")
        segmentMilliseconds = values.int64("segment.ms")
        segmentJitterMilliseconds = values.int64("segment.jitter.ms")
        segmentIndexBytes = values.int("segment.index.bytes")
        indexIntervalBytes = values.int("index.interval.bytes")
        preallocate = values.boolean("preallocate")
        fileDeleteDelayMilliseconds = values.int64("file.delete.delay.ms")
        durability = Durability(rawValue: values.string("durability")) ?? .fsync
        flushMessages = values.int64("flush.messages")
        flushMilliseconds = values.int64("flush.ms")

        maxMessageBytes = values.int("max.message.bytes")
        timestampType = values.string("message.timestamp.type") == "LogAppendTime" ? .logAppendTime : .createTime
        timestampBeforeMaxMilliseconds = values.int64("message.timestamp.before.max.ms")
        timestampAfterMaxMilliseconds = values.int64("message.timestamp.after.max.ms")

        cleanupPolicy = Self.policy(values.list("cleanup.policy"))
        retentionMilliseconds = Self.limit(values.int64("retention.ms"))
        retentionBytes = Self.limit(values.int64("retention.bytes"))
        deleteRetentionMilliseconds = values.int64("delete.retention.ms")
        minCompactionLagMilliseconds = values.int64("min.compaction.lag.ms")
        maxCompactionLagMilliseconds = values.int64("max.compaction.lag.ms")
        minCleanableDirtyRatio = values.double("min.cleanable.dirty.ratio")
    }

    /// The same from what was set for the topic; fails if that is not valid.
    package init(topicOverrides: [String: String], broker: BrokerConfiguration) throws(ConfigurationError) {
        self.init(try TopicConfiguration(overrides: topicOverrides, broker: broker))
    }

    private static func policy(_ names: [String]) -> CleanupPolicy {
        var policy: CleanupPolicy = []
        if names.contains("compact") { policy.insert(.compact) }
        if names.contains("delete") { policy.insert(.delete) }
        return policy
    }

    /// Negative is no limit.
    private static func limit(_ number: Int64) -> Int64? { number < 0 ? nil : number }
}
