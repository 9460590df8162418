import CommitLog
import Model
import TestSupport
import Testing
import Wire

@testable import Broker

/// OffsetForLeaderEpoch: where the epochs of a partition's history end.
struct OffsetForLeaderEpochTests {
    private let broker: TestBroker
    private let connection: FakeConnection

    /// Two records of epoch 0, three of epoch 3, one of epoch 7.
    init() throws {
        broker = try TestBroker()
        connection = broker.connect()
        try connection.createTopic("events", partitions: 2)
        try connection.append(Batch(["a", "b"]), to: "events")
        try broker.partitionLog("events").beginLeaderEpoch(LeaderEpoch(3))
        try connection.append(Batch(["c", "d", "e"]), to: "events")
        try broker.partitionLog("events").beginLeaderEpoch(LeaderEpoch(7))
        try connection.append(Batch(["f"]), to: "events")
    }

    private func end(
        of epoch: Int32,
        topic: String = "events",
        _ partition: Int32 = 0,
        current: Int32 = -1,
        version: Int16 = 4
    ) throws -> OffsetForLeaderEpochResponse.Partition {
        var asked = OffsetForLeaderEpochRequest.Partition()
        (asked.index, asked.leaderEpoch, asked.currentLeaderEpoch) = (partition, epoch, current)
        var named = OffsetForLeaderEpochRequest.Topic()
        (named.name, named.partitions) = (topic, [asked])
        var request = OffsetForLeaderEpochRequest()
        request.topics = [named]
        return try #require(try connection.send(request, version: version).topics.first?.partitions.first)
    }

    @Test(arguments: OffsetForLeaderEpochRequest.api.versions)
    func partitionsThatAreNotThereAreUnknown(version: Int16) throws {
        for (topic, partition) in [("missing", 0), ("events", 2), ("events", -1)] as [(String, Int32)] {
            let result = try end(of: 0, topic: topic, partition, version: version)
            #expect(result.errorCode == .unknownTopicOrPartition)
            #expect(result.index == partition && result.leaderEpoch == -1 && result.endOffset == -1)
        }
    }

    @Test(arguments: OffsetForLeaderEpochRequest.api.versions)
    func aClientOfAnotherEpochIsToldSo(version: Int16) throws {
        #expect(try end(of: 0, current: 6, version: version).errorCode == .fencedLeaderEpoch)
        #expect(try end(of: 0, current: 8, version: version).errorCode == .unknownLeaderEpoch)
        #expect(try end(of: 0, current: 7, version: version).errorCode == .none)
    }

    @Test func anEpochEndsWhereTheNextOneBegins() throws {
        let cases: [(Int32, Int32, Int64)] = [
            (0, 0, 2), (1, 0, 2), (2, 0, 2), (3, 3, 5), (5, 3, 5), (7, 7, 6), (8, -1, -1), (.max, -1, -1), (-1, -1, -1),
            (.min, -1, -1),
        ]
        for (asked, epoch, offset) in cases {
            let result = try end(of: asked)
            #expect(result.errorCode == .none)
            #expect([Int64(result.leaderEpoch), result.endOffset] == [Int64(epoch), offset], "epoch \(asked)")
        }
        let empty = try end(of: 0, 1)
        #expect([Int64(empty.leaderEpoch), empty.endOffset] == [0, 0])
    }

    @Test(arguments: [TestBroker.Ending.clean, .kill, .powerCut])
    func theHistoryIsThereAgainAfterARestart(ending: TestBroker.Ending) throws {
        try broker.partitionLog("events").flush()
        try broker.restart(ending)
        let log = try broker.partitionLog("events")
        #expect(log.endOffset(forEpoch: LeaderEpoch(0)) == (LeaderEpoch(0), Offset(2)))
        #expect(log.endOffset(forEpoch: LeaderEpoch(3)) == (LeaderEpoch(3), Offset(5)))
        #expect(log.endOffset(forEpoch: LeaderEpoch(7)) == (LeaderEpoch(7), Offset(6)))
    }
}
