import CommitLog
import Model
import TestSupport
import Testing
import Wire

@testable import Broker

/// DeleteRecords: what is refused, and that what is gone stays gone.
struct DeleteRecordsTests {
    private let broker: TestBroker
    private let connection: FakeConnection

    init() throws {
        broker = try TestBroker()
        connection = broker.connect()
        try connection.createTopic("events", partitions: 2)
        for number in 0..<5 { try connection.append(Batch(["\(number)"]), to: "events") }
    }

    private func delete(
        before offset: Int64,
        topic: String = "events",
        _ partition: Int32 = 0,
        version: Int16 = 2
    ) throws -> DeleteRecordsResponse.Partition {
        var asked = DeleteRecordsRequest.Partition()
        (asked.index, asked.offset) = (partition, offset)
        var named = DeleteRecordsRequest.Topic()
        (named.name, named.partitions) = (topic, [asked])
        var request = DeleteRecordsRequest()
        request.topics = [named]
        return try #require(try connection.send(request, version: version).topics.first?.partitions.first)
    }

    @Test(arguments: DeleteRecordsRequest.api.versions)
    func partitionsThatAreNotThereAreUnknown(version: Int16) throws {
        for (topic, partition) in [
            ("missing", 0), ("events", 2), ("events", -1), (EmbeddedCatalogue.topicName, 0),
        ] as [(String, Int32)] {
            let result = try delete(before: 0, topic: topic, partition, version: version)
            #expect(result.errorCode == .unknownTopicOrPartition)
            #expect(result.index == partition && result.lowWatermark == -1)
        }
    }

    @Test(arguments: [-2, .min, 6, .max] as [Int64])
    func offsetsOutsideTheLogAreOutOfRange(offset: Int64) throws {
        let result = try delete(before: offset)
        #expect(result.errorCode == .offsetOutOfRange && result.lowWatermark == -1)
        #expect(try broker.partitionLog("events").offsets.logStart == .zero)
    }

    @Test func aCompactedTopicKeepsTheLastValueOfEachKey() throws {
        for (policy, code) in [
            ("compact", ErrorCode.policyViolation), ("compact,delete", .none), ("delete", .none), ("", .none),
        ] {
            let topic = "table-\(policy.filter(\.isLetter))"
            try connection.createTopic(topic, configs: ["cleanup.policy": policy])
            try connection.append(to: topic)
            let result = try delete(before: 1, topic: topic)
            #expect(result.errorCode == code, "'\(policy)'")
            #expect(result.lowWatermark == (code == .none ? 1 : -1))
        }
    }

    @Test func theBrokersInternalTopicsAreNotCut() throws {
        try connection.createTopic("__consumer_offsets")
        #expect(try delete(before: 0, topic: "__consumer_offsets").errorCode == .invalidTopicException)
    }

    @Test func anOfflinePartitionIsAnError() throws {
        try broker.restart(preparing: { files in
            files.inject { operation, path in operation == .list && path.hasSuffix("/events-0") ? 5 : nil }
        })
        var asked = DeleteRecordsRequest.Partition()
        asked.offset = 1
        var named = DeleteRecordsRequest.Topic()
        (named.name, named.partitions) = ("events", [asked])
        var request = DeleteRecordsRequest()
        request.topics = [named]
        #expect(try broker.connect().send(request).topics[0].partitions[0].errorCode == .kafkaStorageError)
    }

    @Test func theStartMovesForwardOnly() throws {
        for (offset, start) in [(0, 0), (2, 2), (1, 2), (2, 2), (4, 4), (-1, 5), (-1, 5), (0, 5)] as [(Int64, Int64)] {
            let result = try delete(before: offset)
            #expect(result.errorCode == .none)
            #expect(result.lowWatermark == start, "before \(offset)")
        }
        #expect(try connection.append(Batch(["new"]), to: "events") == 5)
        #expect(try connection.fetch(.wanting([Wanted(offset: 5)])).allValues == ["new"])
        #expect(try connection.fetch(.wanting([Wanted(offset: 4)])).first.errorCode == .offsetOutOfRange)
    }

    @Test func theHighWatermarkOfAnEmptyPartitionIsItsStart() throws {
        let result = try delete(before: -1, 1)
        #expect(result.errorCode == .none && result.lowWatermark == 0)
    }

    @Test(arguments: [TestBroker.Ending.clean, .kill, .powerCut])
    func whatIsGoneStaysGone(ending: TestBroker.Ending) throws {
        try broker.partitionLog("events").flush()
        #expect(try delete(before: 3).lowWatermark == 3)
        try broker.restart(ending)
        #expect(try broker.partitionLog("events").offsets.logStart == Offset(3))
        let answer = try broker.connect().fetch(.wanting([Wanted(offset: 3)])).first
        #expect(try values(in: answer.records) == ["3", "4"])
        #expect(answer.logStartOffset == 3)
    }
}
