import CommitLog
import Model
import NIOCore
import Records
import TestSupport
import Testing
import Wire

@testable import Broker

/// Compaction in a running broker: on demand, by itself, and when it fails.
struct CompactTopicTests {
    /// A broker with a compacted topic of small segments.
    private func broker(
        _ configs: [String: String] = [:],
        settings: [String: String] = [:]
    ) throws -> (TestBroker, FakeConnection) {
        let broker = try TestBroker(settings)
        let connection = broker.connect()
        var all = ["cleanup.policy": "compact", "internal.segment.bytes": "300"]
        all.merge(configs) { $1 }
        try connection.createTopic("table", configs: all)
        return (broker, connection)
    }

    private func fill(_ connection: FakeConnection, _ count: Int = 12) throws {
        for number in 0..<count {
            try connection.append(Batch(["value \(number)"], key: "key \(number % 2)"), to: "table")
        }
    }

    private func order(
        _ connection: FakeConnection,
        start: Bool = true,
        dryRun: Bool = false,
        purge: Bool = false,
        topics: [String] = ["table"]
    ) throws -> [CompactTopicResponse.Topic] {
        var request = CompactTopicRequest()
        request.topics = topics
        request.start = start
        request.dryRun = dryRun
        request.purgeTombstones = purge
        return try connection.send(request).topics
    }

    private func status(_ connection: FakeConnection) throws -> CompactTopicResponse.Partition {
        try #require(try order(connection, start: false).first?.partitions.first)
    }

    /// The values that a consumer sees who reads the topic from its start.
    private func values(_ connection: FakeConnection, _ topic: String) throws -> [String] {
        var all: [String] = []
        var next: Int64 = 0
        while true {
            let response = try connection.fetch(.wanting([Wanted(topic: topic, offset: next)]))
            let partition = try #require(response.topics.first?.partitions.first)
            if next >= partition.highWatermark { return all }
            all += try BrokerTests.values(in: partition.records)
            next = try #require(try lastOffset(in: partition.records)) + 1
        }
    }

    private func alter(_ connection: FakeConnection, _ configs: [String: String]) throws {
        var resource = IncrementalAlterConfigsRequest.Resource()
        resource.type = 4
        resource.configs = configs.map { name, value in
            var config = IncrementalAlterConfigsRequest.Config()
            (config.name, config.value) = (name, value)
            return config
        }
        var request = IncrementalAlterConfigsRequest()
        request.resources = [resource]
        #expect(try connection.send(request).resources.first?.errorCode == ErrorCode.none)
    }

    private func size(_ broker: TestBroker) throws -> Int {
        try #require(broker.broker.topics.snapshot["table"]).partitions[0].log().sizeInBytes
    }

    @Test func aTopicThatIsNotThereOrNotCompactedIsRefusedInWords() throws {
        let (broker, connection) = try broker()
        defer { withExtendedLifetime(broker) {} }
        try connection.createTopic("events", configs: ["cleanup.policy": "delete"])
        try connection.createTopic("archive", configs: ["cleanup.policy": ""])
        let topics = try order(connection, topics: ["nothing", "events", "archive", "table"])
        #expect(topics.map(\.errorCode) == [.unknownTopicOrPartition, .invalidRequest, .invalidRequest, .none])
        #expect(topics[1].errorMessage?.contains("its cleanup.policy is delete") == true)
        #expect(topics[2].errorMessage?.contains("its cleanup.policy is empty") == true)
    }

    @Test func anOrderNobodyGaveIsNotKnown() throws {
        let (broker, connection) = try broker()
        defer { withExtendedLifetime(broker) {} }
        let partition = try status(connection)
        #expect(partition.errorCode == .invalidRequest)
        #expect(partition.errorMessage?.contains("no order to compact it is known") == true)
    }

    @Test func theSameOrderTwiceIsOneAndAnotherOneHasToWait() throws {
        let (broker, connection) = try broker()
        defer { withExtendedLifetime(broker) {} }
        let first = try order(connection)[0].partitions[0]
        #expect(first.state == 0)
        #expect(try order(connection)[0].partitions[0].run == first.run)
        let other = try order(connection, purge: true)[0].partitions[0]
        #expect(other.errorCode == .invalidRequest)
        #expect(other.errorMessage?.contains("being compacted already") == true)
        broker.broker.cleaner.cleanNext()
        #expect(try order(connection, purge: true)[0].partitions[0].run > first.run)
    }

    @Test func aFailureIsShownWithItsReasonAndTheNextTryUntilItWorks() throws {
        let (broker, connection) = try broker()
        try fill(connection)
        _ = try order(connection)
        broker.fileSystem.inject { operation, path in operation == .sync && path.contains("cleaned") ? 5 : nil }
        #expect(broker.broker.cleaner.cleanNext() == TopicPartition("table", 0))
        let failed = try status(connection)
        #expect(failed.state == 3 && failed.reason?.isEmpty == false)
        let condition = try #require(broker.broker.health.conditions.first)
        #expect(condition.kind == .compactionFailing && condition.subject == "table-0")
        #expect(condition.reason == failed.reason)
        #expect(condition.nextTry?.milliseconds == broker.time.now.milliseconds + 15_000)
        #expect(broker.broker.cleaner.cleanNext() == nil, "not before its time")
        broker.advance(milliseconds: 15_000)
        #expect(broker.broker.cleaner.cleanNext() == TopicPartition("table", 0))
        let next = broker.broker.health.conditions.first?.nextTry
        #expect(next?.milliseconds == broker.time.now.milliseconds + 30_000)
        // An order does not wait for the next try.
        broker.fileSystem.inject(nil)
        _ = try order(connection)
        broker.broker.cleaner.cleanNext()
        #expect(try status(connection).state == 2)
        #expect(broker.broker.health.conditions.isEmpty)
        #expect(try values(connection, "table") == ["value 10", "value 11"])
    }

    @Test func aQuietTopicIsCompactedAndItsTombstonesGoInTime() throws {
        let (broker, connection) = try broker(["delete.retention.ms": "3600000", "min.cleanable.dirty.ratio": "1"])
        try connection.append(Batch(["value"], key: "gone"), to: "table")
        var builder = BatchBuilder()
        try builder.append(key: ByteBuffer(string: "gone"), value: nil, timestamp: broker.time.now)
        let response = try connection.produce(.single("table", 0, try builder.finish()))
        #expect(response.topics[0].partitions[0].errorCode == ErrorCode.none)
        #expect(try compaction(connection).reason == "clean")
        #expect(broker.broker.cleaner.cleanNext() == nil)
        broker.advance(milliseconds: 600_000)
        #expect(try compaction(connection).reason == "quiet")
        #expect(broker.broker.cleaner.cleanNext() == TopicPartition("table", 0))
        #expect(try values(connection, "table") == ["null"])
        #expect(broker.broker.cleaner.cleanNext() == nil)
        let waiting = try compaction(connection)
        #expect(waiting.reason == "tombstones" && !waiting.isDue)
        #expect(waiting.nextTime == broker.time.now.milliseconds + 3_600_000)
        #expect(waiting.lastTime == broker.time.now.milliseconds && waiting.lastBytesBefore > waiting.lastBytesAfter)
        // It is known after a restart, too.
        try broker.restart()
        let again = broker.connect()
        broker.advance(milliseconds: 3_600_001)
        #expect(try compaction(again).reason == "tombstones" && compaction(again).isDue)
        #expect(broker.broker.cleaner.cleanNext() == TopicPartition("table", 0))
        #expect(try broker.partitionLog("table").offsets.logEnd == Offset(2))
        #expect(try values(again, "table") == [])
        #expect(try compaction(again).reason == "nothing")
        #expect(broker.broker.cleaner.cleanNext() == nil)
    }

    @Test func whatIsNextIsExplained() throws {
        let (broker, connection) = try broker(settings: ["log.cleaner.enable": "false"])
        try fill(connection)
        #expect(try compaction(connection).reason == "off")
        _ = try order(connection)
        #expect(try compaction(connection).reason == "ordered")
        broker.fileSystem.inject { operation, path in operation == .sync && path.contains("cleaned") ? 5 : nil }
        broker.broker.cleaner.cleanNext()
        let failed = try compaction(connection)
        #expect(failed.reason == "failed" && failed.nextTime == broker.time.now.milliseconds + 15_000)
        #expect(failed.explanation.contains("it has failed") && !failed.isDue)
        broker.fileSystem.inject(nil)
        try connection.createTopic("events")
        #expect(try explain(connection, "events").compaction == nil)
    }

    private func explain(_ connection: FakeConnection, _ topic: String) throws -> ExplainTopicResponse.Partition {
        var request = ExplainTopicRequest()
        request.topics = [topic]
        return try #require(try connection.send(request).topics.first?.partitions.first)
    }

    private func compaction(_ connection: FakeConnection) throws -> ExplainTopicResponse.Compaction {
        try #require(try explain(connection, "table").compaction)
    }

    @Test func whatHasGoneMeanwhileIsNotOrderedAnyMore() throws {
        let (broker, connection) = try broker()
        try fill(connection)
        _ = try order(connection)
        try connection.deleteTopic("table")
        #expect(broker.broker.cleaner.cleanNext() == nil)
        #expect(try order(connection, start: false)[0].errorCode == .unknownTopicOrPartition)
    }

    @Test func anOrderGoesBeforeWhatIsDueAndTakesInWhatIsWritten() throws {
        let (broker, connection) = try broker()
        try fill(connection, 40)
        try connection.createTopic("other", configs: ["cleanup.policy": "compact"])
        for _ in 0..<3 { try connection.append(Batch(["x"], key: "same"), to: "other") }
        _ = try order(connection, topics: ["other"])
        #expect(broker.broker.cleaner.cleanNext() == TopicPartition("other", 0))
        #expect(try values(connection, "other") == ["x"])
        #expect(broker.broker.cleaner.cleanNext() == TopicPartition("table", 0))
        #expect(broker.broker.cleaner.cleanNext() == nil)
    }

    @Test func aDryRunForetellsWhatTheRealOneDoes() throws {
        let (broker, connection) = try broker()
        try fill(connection)
        let before = try size(broker)
        _ = try order(connection, dryRun: true)
        broker.broker.cleaner.cleanNext()
        let promised = try status(connection)
        #expect(try size(broker) == before)
        #expect(promised.state == 2 && promised.recordsBefore == 12 && promised.recordsAfter == 2)
        #expect(promised.bytesBefore == Int64(before))
        _ = try order(connection)
        broker.broker.cleaner.cleanNext()
        let done = try status(connection)
        #expect(done.recordsBefore == promised.recordsBefore && done.recordsAfter == promised.recordsAfter)
        #expect(done.bytesBefore == promised.bytesBefore && done.bytesAfter == promised.bytesAfter)
        #expect(done.segmentsBefore == promised.segmentsBefore && done.segmentsAfter == promised.segmentsAfter)
        #expect(try size(broker) == Int(done.bytesAfter))
        #expect(done.bytesRead == done.bytesToRead && done.bytesToRead > 0)
    }

    @Test func whatIsTurnedOffStillDoesWhatItIsAsked() throws {
        let (broker, connection) = try broker(settings: ["log.cleaner.enable": "false"])
        try fill(connection)
        #expect(broker.broker.cleaner.cleanNext() == nil)
        _ = try order(connection)
        #expect(broker.broker.cleaner.cleanNext() == TopicPartition("table", 0))
        #expect(try values(connection, "table") == ["value 10", "value 11"])
    }

    @Test func aThreadThatHasToEndLeavesTheOrderToAnotherOne() throws {
        let (broker, connection) = try broker()
        try fill(connection)
        let run = try order(connection)[0].partitions[0].run
        broker.broker.cleaner.cleanNext { false }
        #expect(try status(connection).state == 0)
        broker.broker.cleaner.cleanNext()
        #expect(try status(connection).run == run)
        #expect(try status(connection).state == 2)
        #expect(broker.broker.health.conditions.isEmpty)
    }

    @Test func threadsComeAndGoWithTheConfiguration() throws {
        let (broker, connection) = try broker()
        broker.broker.startBackgroundWork()
        for threads in ["4", "1", "3"] {
            try alter(connection, ["log.cleaner.threads": threads, "log.cleaner.backoff.ms": "9223372036854775807"])
            #expect(broker.broker.cleaner.settings.threads == Int(threads))
        }
        _ = try order(connection)
        while try status(connection).state < 2 {}
        broker.stop()
    }
}
