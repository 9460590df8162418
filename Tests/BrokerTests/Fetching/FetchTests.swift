import CommitLog
import Model
import NIOCore
import TestSupport
import Testing
import Wire

@testable import Broker

/// Fetches that are answered at once: what is refused, and how limits cut.
struct FetchTests {
    private let broker: TestBroker
    private let connection: FakeConnection
    private let topicID: TopicID

    init() throws {
        broker = try TestBroker()
        connection = broker.connect()
        topicID = try connection.createTopic("events", partitions: 3)
    }

    /// A wait that no test waits for: what must be answered at once is.
    private let longWait: Int32 = 60_000

    private func fetch(_ wanted: Wanted..., version: Int16 = 12) throws -> FetchResponse {
        try connection.fetch(.wanting(wanted, wait: longWait), version: version)
    }

    // MARK: What is refused

    @Test func topicsAndPartitionsThatAreNotThereAreErrorsAtOnce() throws {
        for wanted in [Wanted(topic: "missing"), Wanted(index: 3), Wanted(index: -1), Wanted(index: .max)] {
            for version: Int16 in [4, 12] {
                let answer = try fetch(wanted, version: version).first
                #expect(answer.errorCode == .unknownTopicOrPartition)
                #expect(answer.highWatermark == -1)
                #expect(answer.records.length == 0)
            }
        }
    }

    @Test func topicIDsThatAreNotThereAreErrorsOfTheirOwn() throws {
        let response = try fetch(
            Wanted(topic: "", id: TopicID(high: 1, low: 1)),
            Wanted(topic: "", id: topicID, index: 9),
            Wanted(topic: "", id: topicID),
            version: 18
        )
        #expect(
            response.partitions.map(\.answer.errorCode) == [.unknownTopicId, .unknownTopicOrPartition, .none]
        )
    }

    @Test func anErrorDoesNotKeepBackTheRecordsOfOtherPartitions() throws {
        try connection.append(Batch(["a"]), to: "events", 1)
        let response = try fetch(Wanted(topic: "missing"), Wanted(index: 1))
        #expect(response.partitions.map(\.answer.errorCode) == [.unknownTopicOrPartition, .none])
        #expect(try response.allValues == ["a"])
    }

    @Test func offsetsOutsideTheLogAreOutOfRangeAtOnce() throws {
        for _ in 0..<5 { try connection.append(to: "events") }
        _ = try broker.partitionLog("events").deleteRecords(before: Offset(3))
        for offset: Int64 in [-1, 0, 2, 6, .max, .min] {
            let answer = try fetch(Wanted(offset: offset)).first
            #expect(answer.errorCode == .offsetOutOfRange, "offset \(offset)")
            #expect(answer.records.length == 0)
        }
        #expect(try fetch(Wanted(offset: 3)).first.errorCode == .none)
    }

    @Test func onlyAReplicaMaySayThatItIsOne() throws {
        for version in FetchRequest.api.versions {
            let connection = broker.connect()
            var request = FetchRequest.wanting(0)
            if version <= 14 { request.replicaID = 0 } else { request.replicaState.replicaID = 0 }
            _ = try connection.begin(request, version: version)
            #expect(connection.refusals == ["a fetch claims to come from replica 0"], "v\(version)")
        }
    }

    // MARK: Leader epochs

    /// Two records of epoch 0, two of epoch 3.
    private func makeHistory() throws {
        try connection.append(Batch(["a", "b"]), to: "events")
        try broker.partitionLog("events").beginLeaderEpoch(LeaderEpoch(3))
        try connection.append(Batch(["c", "d"]), to: "events")
    }

    @Test func aClientOfAnotherEpochIsToldThatItsOwnIsOldOrNotKnownYet() throws {
        try makeHistory()
        #expect(try fetch(Wanted(currentEpoch: 2)).first.errorCode == .fencedLeaderEpoch)
        #expect(try fetch(Wanted(currentEpoch: 4)).first.errorCode == .unknownLeaderEpoch)
        for epoch: Int32 in [3, -1, -7] {
            #expect(try fetch(Wanted(currentEpoch: epoch)).first.errorCode == .none)
        }
        // Before version 9 a client cannot say which epoch it knows.
        #expect(try fetch(Wanted(currentEpoch: 2), version: 8).first.errorCode == .none)
    }

    @Test func aClientWithAnotherHistoryIsToldWhereTheCommonPartEnds() throws {
        try makeHistory()
        for (epoch, offset) in [(1, 2), (2, 2), (0, 3), (0, 4)] as [(Int32, Int64)] {
            let answer = try fetch(Wanted(offset: offset, lastEpoch: epoch)).first
            #expect(answer.errorCode == .none)
            #expect(answer.divergingEpoch.epoch == 0, "epoch \(epoch), offset \(offset)")
            #expect(answer.divergingEpoch.endOffset == 2)
            #expect(answer.records.length == 0)
        }
        for (epoch, offset) in [(0, 0), (0, 2), (3, 2), (3, 4)] as [(Int32, Int64)] {
            let answer = try connection.fetch(.wanting([Wanted(offset: offset, lastEpoch: epoch)])).first
            #expect(answer.errorCode == .none)
            #expect(answer.divergingEpoch == FetchResponse.EpochEndOffset())
        }
    }

    /// An empty answer at once would let the client ask for ever.
    @Test func aClientWithAnEpochThatWasNeverHereIsOutOfRange() throws {
        try makeHistory()
        for epoch: Int32 in [4, .max] {
            #expect(try fetch(Wanted(offset: 4, lastEpoch: epoch)).first.errorCode == .offsetOutOfRange)
        }
    }

    // MARK: What is sent

    @Test func anOffsetInsideABatchIsAnsweredWithTheWholeBatch() throws {
        try connection.append(Batch(["a"]), to: "events")
        try connection.append(Batch(["b", "c", "d"]), to: "events")
        for version: Int16 in [4, 12] {
            let answer = try fetch(Wanted(offset: 3), version: version).first
            #expect(try values(in: answer.records) == ["b", "c", "d"])
            #expect(try baseOffsets(in: answer.records) == [1])
        }
    }

    @Test func theOffsetsThatBoundThePartitionAreTold() throws {
        for _ in 0..<4 { try connection.append(to: "events") }
        _ = try broker.partitionLog("events").deleteRecords(before: Offset(1))
        let answer = try fetch(Wanted(offset: 2)).first
        #expect([answer.highWatermark, answer.lastStableOffset, answer.logStartOffset] == [4, 4, 1])
    }

    @Test func committedReadersAreToldThatNothingWasAborted() throws {
        try connection.append(to: "events")
        var request = FetchRequest.wanting(0)
        #expect(try connection.fetch(request).first.abortedTransactions == nil)
        request.isolationLevel = 1
        let answer = try connection.fetch(request).first
        #expect(answer.abortedTransactions == [])
        #expect(try values(in: answer.records) == ["value"])
    }

    @Test func aFetchThatDoesNotWaitIsAnsweredWithNothing() throws {
        let response = try connection.fetch(.wanting(0, 1))
        #expect(response.indexes == [0, 1])
        #expect(response.partitions.allSatisfy { $0.answer.errorCode == .none && $0.answer.highWatermark == 0 })
    }

    @Test func aFetchOfNothingIsAnsweredAtOnce() throws {
        #expect(try connection.fetch(.wanting([], wait: longWait)).topics.isEmpty)
    }

    @Test(arguments: FetchRequest.api.versions)
    func everyVersionBringsTheRecords(version: Int16) throws {
        try connection.append(Batch(["a", "b"]), to: "events")
        let wanted = version <= 12 ? Wanted() : Wanted(topic: "", id: topicID)
        let response = try fetch(wanted, version: version)
        #expect(try response.allValues == ["a", "b"])
        #expect(version <= 12 ? response.topics[0].name == "events" : response.topics[0].topicID == topicID)
    }

    // MARK: Limits

    /// Batches of the same size in three partitions; returns that size.
    private func fill(batches: Int) throws -> Int32 {
        for partition: Int32 in 0..<3 {
            for number in 0..<batches {
                try connection.append(Batch(["\(partition)\(number)"]), to: "events", partition)
            }
        }
        return Int32(try Batch(["00"]).bytes.readableBytes)
    }

    @Test func aPartitionGivesWholeBatchesUpToItsLimit() throws {
        let size = try fill(batches: 5)
        let response = try fetch(Wanted(index: 0, maximumBytes: 2 * size), Wanted(index: 1, maximumBytes: 4 * size - 1))
        #expect(try response.allValues == ["00", "01", "10", "11", "12"])
    }

    @Test(arguments: [0, 1, 60, -1, .min] as [Int32])
    func theFirstBatchIsSentHoweverSmallTheLimitsAreAndNoOther(limit: Int32) throws {
        _ = try fill(batches: 2)
        let wanted = (0..<3).map { Wanted(index: $0, maximumBytes: limit) }
        for maximum in [limit, 1 << 20] {
            let response = try connection.fetch(.wanting(wanted, wait: longWait, maximum: maximum))
            #expect(response.indexes == [0, 1, 2])
            #expect(try response.allValues == ["00"])
        }
    }

    @Test func theFirstBatchMayComeFromAnyPartition() throws {
        try connection.append(Batch(["only"]), to: "events", 2)
        let wanted = (0..<3).map { Wanted(index: $0, maximumBytes: 1) }
        #expect(try connection.fetch(.wanting(wanted, wait: longWait, maximum: 1)).allValues == ["only"])
    }

    @Test func theLimitOfTheResponseIsSharedByItsPartitions() throws {
        let size = try fill(batches: 2)
        for (maximum, expected) in [
            (3 * size, ["00", "01", "10"]), (4 * size - 1, ["00", "01", "10"]), (4 * size, ["00", "01", "10", "11"]),
        ] {
            let wanted = (0..<3).map { Wanted(index: $0) }
            let response = try connection.fetch(.wanting(wanted, maximum: maximum))
            #expect(try response.allValues == expected)
            #expect(response.indexes == [0, 1, 2])
        }
    }

    @Test func theBrokerHasALimitOfItsOwn() throws {
        let broker = try TestBroker(["fetch.max.bytes": "1024"])
        let connection = broker.connect()
        try connection.createTopic("events")
        for number in 0..<20 {
            try connection.append(Batch([String(repeating: "x", count: 200), "\(number)"]), to: "events")
        }
        let records = try connection.fetch(.wanting([Wanted()], maximum: .max)).first.records
        #expect(records.length <= 1024)
        #expect(try baseOffsets(in: records) == [0, 2, 4])
    }

    // MARK: Partitions that cannot be read

    @Test func anOfflinePartitionIsAnErrorEverywhereAndItsNeighboursWork() throws {
        for partition: Int32 in 0..<3 { try connection.append(Batch(["\(partition)"]), to: "events", partition) }
        try broker.restart { files in
            files.inject { operation, path in operation == .list && path.hasSuffix("/events-1") ? 5 : nil }
        }
        let connection = broker.connect()
        let response = try connection.fetch(.wanting(0, 1, 2))
        #expect(response.partitions.map(\.answer.errorCode) == [.none, .kafkaStorageError, .none])
        #expect(try response.allValues == ["0", "2"])
        let produced = try connection.produce(.single("events", 1, Batch().bytes))
        #expect(produced.topics.first?.partitions.first?.errorCode == .kafkaStorageError)
        let partitions = try connection.metadata(of: "events").partitions
        #expect(partitions.map(\.errorCode) == [.none, .leaderNotAvailable, .none])
        #expect(partitions.map(\.leaderID) == [1, -1, 1])
        #expect(partitions[1].offlineReplicas == [1])
        #expect(partitions[1].isrNodes == [])
    }
}
