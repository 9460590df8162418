import CommitLog
import Model
import NIOCore
import Records
import TestSupport
import Testing
import Wire

@testable import Broker

/// ListOffsets: points of a log by name and by time.
struct ListOffsetsTests {
    private let broker: TestBroker
    private let connection: FakeConnection
    private static let start: Int64 = 1_700_000_000_000

    /// Two partitions; the first has records at 0, 100, 200 … 500 ms from the start, two to a batch.
    init() throws {
        broker = try TestBroker()
        connection = broker.connect()
        try connection.createTopic("events", partitions: 2)
        for pair in 0..<3 {
            try connection.produceRecords(at: [pair * 200, pair * 200 + 100].map { Self.start + Int64($0) })
        }
    }

    private func list(
        _ timestamp: Int64,
        topic: String = "events",
        _ partition: Int32 = 0,
        epoch: Int32 = -1,
        isolation: Int8 = 0,
        version: Int16 = 11
    ) throws -> ListOffsetsResponse.Partition {
        var asked = ListOffsetsRequest.Partition()
        (asked.index, asked.timestamp, asked.currentLeaderEpoch) = (partition, timestamp, epoch)
        var named = ListOffsetsRequest.Topic()
        (named.name, named.partitions) = (topic, [asked])
        var request = ListOffsetsRequest()
        (request.replicaID, request.isolationLevel, request.topics) = (-1, isolation, [named])
        return try #require(try connection.send(request, version: version).topics.first?.partitions.first)
    }

    private func found(_ timestamp: Int64, _ partition: Int32 = 0) throws -> [Int64] {
        let result = try list(timestamp, partition)
        #expect(result.errorCode == .none)
        return [result.offset, result.timestamp < 0 ? result.timestamp : result.timestamp - Self.start]
    }

    // MARK: What is refused

    @Test(arguments: ListOffsetsRequest.api.versions)
    func partitionsThatAreNotThereAreUnknown(version: Int16) throws {
        for timestamp in [-1, -2, Self.start] {
            for (topic, partition) in [("missing", 0), ("events", 2), ("events", -1)] as [(String, Int32)] {
                let result = try list(timestamp, topic: topic, partition, version: version)
                #expect(result.errorCode == .unknownTopicOrPartition)
                #expect(result.index == partition && result.offset == -1 && result.timestamp == -1)
            }
        }
    }

    @Test(arguments: ListOffsetsRequest.api.versions)
    func pointsAreKnownFromTheVersionOnThatBroughtThem(version: Int16) throws {
        let first: [(Int64, Int16)] = [(-1, 1), (-2, 1), (-3, 7), (-4, 8), (-5, 9), (-6, 11)]
        for (timestamp, since) in first {
            let code = try list(timestamp, version: version).errorCode
            #expect(code == (version >= since ? .none : .unsupportedVersion), "\(timestamp)")
        }
        for timestamp in [-7, -100, .min] as [Int64] {
            #expect(try list(timestamp, version: version).errorCode == .unsupportedVersion)
        }
    }

    @Test func aClientOfAnotherEpochIsToldSo() throws {
        try broker.partitionLog("events").beginLeaderEpoch(LeaderEpoch(3))
        for timestamp in [-1, -2, -3, Self.start] {
            #expect(try list(timestamp, epoch: 2).errorCode == .fencedLeaderEpoch)
            #expect(try list(timestamp, epoch: 4).errorCode == .unknownLeaderEpoch)
            #expect(try list(timestamp, epoch: 3).errorCode == .none)
        }
        #expect(try list(-1, epoch: 2, version: 3).errorCode == .none)
    }

    @Test func aDiskThatFailsIsAnError() throws {
        try broker.restart()
        broker.fileSystem.inject { operation, path in operation == .read && path.contains("/events-0/") ? 5 : nil }
        var asked = ListOffsetsRequest.Partition()
        asked.timestamp = Self.start
        var named = ListOffsetsRequest.Topic()
        (named.name, named.partitions) = ("events", [asked])
        var request = ListOffsetsRequest()
        request.topics = [named]
        let result = try broker.connect().send(request).topics[0].partitions[0]
        #expect(result.errorCode == .kafkaStorageError && result.offset == -1)
    }

    // MARK: Points

    @Test func theEndTheStartAndTheLargestTimestampAreFound() throws {
        #expect(try found(-1) == [6, -1])
        #expect(try found(-2) == [0, -1])
        #expect(try found(-3) == [5, 500])
        #expect(try found(-4) == [0, -1])
        #expect(try found(-5) == [-1, -1])
        #expect(try found(-6) == [-1, -1])
        #expect(try list(-1, isolation: 1).offset == 6)
    }

    @Test func anEmptyPartitionHasEndsButNoTimes() throws {
        #expect(try found(-1, 1) == [0, -1])
        #expect(try found(-2, 1) == [0, -1])
        for timestamp in [-3, 0, Self.start, .max] { #expect(try found(timestamp, 1) == [-1, -1]) }
    }

    @Test func theStartMovesWithDeletedRecordsAndSoDoesWhatATimeFinds() throws {
        _ = try broker.partitionLog("events").deleteRecords(before: Offset(3))
        #expect(try found(-2) == [3, -1])
        #expect(try found(-4) == [3, -1])
        #expect(try found(Self.start) == [3, 300])
        #expect(try found(Self.start + 400) == [4, 400])
        _ = try broker.partitionLog("events").deleteRecords(before: Offset(6))
        #expect(try found(Self.start) == [-1, -1])
    }

    @Test func leaderEpochsAreToldFromVersion4On() throws {
        try broker.partitionLog("events").beginLeaderEpoch(LeaderEpoch(3))
        try connection.produceRecords(at: [Self.start + 600])
        for (timestamp, epoch) in [(-1, 3), (-2, 0), (-3, 3), (Self.start, 0), (Self.start + 600, 3)]
            as [(Int64, Int32)]
        {
            #expect(try list(timestamp).leaderEpoch == epoch, "\(timestamp)")
        }
    }

    // MARK: Times

    @Test func theFirstRecordNotBeforeATimeIsFound() throws {
        for (time, expected) in [(-1, 0), (0, 0), (1, 1), (100, 1), (101, 2), (399, 4), (500, 5)] as [(Int64, Int64)] {
            #expect(try found(Self.start + time) == [expected, expected * 100], "\(time)")
        }
        #expect(try found(0) == [0, 0])
        for time in [Self.start + 501, .max] { #expect(try found(time) == [-1, -1]) }
    }

    @Test func aTimeIsFoundInsideACompressedBatch() throws {
        for compression in [Compression.gzip, .snappy, .lz4, .zstd] {
            let end = try broker.partitionLog("events", 1).offsets.logEnd.rawValue
            let base = Self.start + end * 100
            try connection.produceRecords(at: (0..<10).map { base + $0 * 100 }, 1, compression: compression)
            #expect(try found(base + 650, 1) == [end + 7, base - Self.start + 700], "\(compression)")
        }
    }

    @Test func manyPartitionsAreAnsweredTogether() throws {
        var request = ListOffsetsRequest()
        for (name, times) in [("events", [-1, Self.start]), ("missing", [-2]), ("events", [-3])] as [(String, [Int64])]
        {
            var topic = ListOffsetsRequest.Topic()
            topic.name = name
            topic.partitions = times.map { time in
                var asked = ListOffsetsRequest.Partition()
                asked.timestamp = time
                return asked
            }
            request.topics.append(topic)
        }
        let topics = try connection.send(request).topics
        #expect(topics.map(\.name) == ["events", "missing", "events"])
        #expect(topics.map { $0.partitions.map(\.offset) } == [[6, 0], [-1], [5]])
    }
}

extension FakeConnection {
    /// Appends one batch with records of these times to the topic `events`.
    fileprivate func produceRecords(
        at times: [Int64],
        _ partition: Int32 = 0,
        compression: Compression = .none
    ) throws {
        var builder = BatchBuilder(compression: compression)
        for time in times {
            try builder.append(
                key: nil,
                value: .init(string: String(repeating: "value", count: 20)),
                timestamp: Timestamp(milliseconds: time)
            )
        }
        let result = try produce(.single("events", partition, try builder.finish())).topics[0].partitions[0]
        #expect(result.errorCode == .none)
    }
}
