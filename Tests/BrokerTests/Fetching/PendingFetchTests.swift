import Model
import NIOCore
import TestSupport
import Testing
import Wire

@testable import Broker
@testable import CommitLog

/// Fetches that wait: what wakes them, and that nothing of them is left behind.
struct PendingFetchTests {
    private let broker: TestBroker
    private let connection: FakeConnection
    /// Another client, which appends.
    private let producer: FakeConnection
    private let topicID: TopicID

    init() throws {
        // What is appended is seen at once, so that wake-ups can be counted.
        broker = try TestBroker(["log.durability": "page-cache"])
        connection = broker.connect()
        producer = broker.connect()
        topicID = try producer.createTopic("events", partitions: 3)
    }

    /// Nothing waits, nothing is observed.
    private func expectNothingIsLeft() throws {
        #expect(connection.parked.isEmpty)
        #expect(broker.loop.pendingTimers == 0)
        for partition: Int32 in 0..<3 { #expect(try observers(partition) == 0) }
    }

    private func observers(_ partition: Int32) throws -> Int {
        try broker.partitionLog("events", partition).observers.withLock { $0.count }
    }

    private func parked(_ request: FetchRequest, version: Int16 = 12) throws -> PendingResponse<FetchRequest> {
        let pending = try connection.beginFetch(request, version: version)
        #expect(!connection.isAnswered(pending))
        #expect(connection.parked[pending.number] != nil)
        return pending
    }

    // MARK: Ends without records

    @Test func theEndOfItsTimeAnswersWithNothing() throws {
        let pending = try parked(.wanting(0, 1, wait: 500))
        #expect(try (0..<3).map { try observers($0) } == [1, 1, 0])
        broker.advance(milliseconds: 499)
        #expect(!connection.isAnswered(pending))
        broker.advance(milliseconds: 1)
        let response = try connection.finish(pending)
        #expect(response.indexes == [0, 1])
        #expect(response.partitions.allSatisfy { $0.answer.errorCode == .none && $0.answer.records.length == 0 })
        try expectNothingIsLeft()
    }

    @Test func aConnectionThatClosesTakesItsFetchesWithIt() throws {
        _ = try parked(.wanting(0, 1, 2, wait: 500))
        _ = try parked(.wanting(1, wait: 500))
        connection.close()
        try expectNothingIsLeft()
        try producer.append(to: "events", 1)
        broker.advance(milliseconds: 1_000)
        #expect(connection.order.isEmpty)
    }

    @Test func aFetchThatIsParkedOnAClosedConnectionIsGoneAtOnce() throws {
        connection.close()
        _ = try connection.beginFetch(.wanting(0, wait: 500))
        broker.loop.run()
        try expectNothingIsLeft()
    }

    @Test func aBrokerThatStopsAnswersWithWhatThereIs() throws {
        let pending = try parked(.wanting([Wanted(index: 0), Wanted(index: 1)], wait: .max, minimum: 100_000))
        try producer.append(Batch(["a"]), to: "events", 1)
        #expect(!connection.isAnswered(pending))
        connection.drain()
        #expect(try connection.finish(pending).allValues == ["a"])
        try expectNothingIsLeft()
    }

    @Test func theDeletionOfTheTopicEndsTheWait() throws {
        let byName = try parked(.wanting(0, wait: 60_000))
        let byID = try parked(.wanting([Wanted(topic: "", id: topicID)], wait: 60_000), version: 13)
        try producer.deleteTopic("events")
        #expect(try connection.finish(byName).first.errorCode == .unknownTopicOrPartition)
        #expect(try connection.finish(byID).first.errorCode == .unknownTopicId)
        #expect(broker.loop.pendingTimers == 0)
        #expect(connection.parked.isEmpty)
    }

    @Test func aLogThatIsClosedEndsTheWait() throws {
        let pending = try parked(.wanting(0, wait: 60_000))
        try broker.partitionLog("events").close()
        #expect(try connection.finish(pending).first.errorCode == .notLeaderOrFollower)
        try expectNothingIsLeft()
    }

    /// The start of the log moves past the offset that is waited for.
    @Test func anOffsetThatIsDeletedMeanwhileIsOutOfRangeInTheEnd() throws {
        for _ in 0..<3 { try producer.append(to: "events") }
        let pending = try parked(.wanting([Wanted(offset: 1)], wait: 500, minimum: 100_000))
        _ = try broker.partitionLog("events").deleteRecords(before: Offset(3))
        broker.advance(milliseconds: 500)
        #expect(try connection.finish(pending).first.errorCode == .offsetOutOfRange)
        try expectNothingIsLeft()
    }

    // MARK: Woken by records

    @Test func anAppendWakesIt() throws {
        let pending = try parked(.wanting(0, 1, wait: 500))
        try producer.append(Batch(["a", "b"]), to: "events", 1)
        let response = try connection.finish(pending)
        #expect(response.indexes == [0, 1])
        #expect(try response.allValues == ["a", "b"])
        try expectNothingIsLeft()
    }

    @Test func anAppendToAPartitionThatIsNotWantedDoesNotWakeIt() throws {
        let pending = try parked(.wanting(0, wait: 500))
        try producer.append(to: "events", 1)
        #expect(!connection.isAnswered(pending))
        connection.close()
    }

    @Test func aBurstOfAppendsIsAnsweredOnce() throws {
        let pending = try parked(.wanting(0, 1, wait: 500))
        for number in 0..<5 {
            let log = try broker.partitionLog("events", Int32(number % 2))
            _ = try log.append(try Batch(["\(number)"]).bytes)
        }
        #expect(try connection.finish(pending).allValues == ["0", "2", "4", "1", "3"])
        broker.advance(milliseconds: 1_000)
        #expect(connection.order == [pending.number])
        try expectNothingIsLeft()
    }

    @Test func theSmallestNumberOfBytesIsCountedOverAllPartitions() throws {
        let size = Int32(try Batch(["0"]).bytes.readableBytes)
        let pending = try parked(.wanting(0, 1, 2, wait: 500, minimum: 3 * size))
        for partition: Int32 in 0..<2 {
            try producer.append(Batch(["\(partition)"]), to: "events", partition)
            #expect(!connection.isAnswered(pending))
        }
        try producer.append(Batch(["2"]), to: "events", 2)
        #expect(try connection.finish(pending).allValues == ["0", "1", "2"])
        try expectNothingIsLeft()
    }

    @Test func tooFewBytesAreSentWhenTheTimeIsOver() throws {
        let pending = try parked(.wanting(0, wait: 500, minimum: 100_000))
        try producer.append(Batch(["a"]), to: "events")
        #expect(!connection.isAnswered(pending))
        broker.advance(milliseconds: 500)
        #expect(try connection.finish(pending).allValues == ["a"])
        try expectNothingIsLeft()
    }

    @Test func moreBytesThanTheResponseMayHaveAreNotWaitedFor() throws {
        for number in 0..<5 { try producer.append(Batch(["\(number)"]), to: "events") }
        let request = FetchRequest.wanting([Wanted()], wait: 60_000, minimum: .max, maximum: 200)
        #expect(try connection.fetch(request).allValues == ["0", "1"])
    }

    /// As many bytes at least as at most, which whole batches never add up to.
    @Test func recordsThatAreThereAreSentThoughWholeBatchesAreTooFewBytes() throws {
        for number in 0..<5 { try producer.append(Batch(["\(number)"]), to: "events") }
        for limit: Int32 in [100, 200, 300] {
            let wanted = Wanted(maximumBytes: limit)
            #expect(try !connection.fetch(.wanting([wanted], wait: 60_000, minimum: limit)).allValues.isEmpty)
        }
        try producer.append(Batch([String(repeating: "x", count: 1_000)]), to: "events", 1)
        let wanted = [Wanted(), Wanted(index: 1)]
        let request = FetchRequest.wanting(wanted, wait: 60_000, minimum: 600, maximum: 600)
        #expect(try connection.fetch(request).allValues == ["0", "1", "2", "3", "4"])
    }

    @Test(arguments: [0, -1, .min] as [Int32])
    func aFetchThatAsksForNoBytesIsAnsweredAtOnce(minimum: Int32) throws {
        #expect(try connection.fetch(.wanting(0, wait: 60_000, minimum: minimum)).first.errorCode == .none)
        try expectNothingIsLeft()
    }

    @Test(arguments: [-1, .min] as [Int32])
    func aNegativeTimeIsNoTime(wait: Int32) throws {
        #expect(try connection.fetch(.wanting(0, wait: wait)).allValues == [])
    }

    @Test func manyFetchesOfAConnectionAreAnsweredEachInItsOwnTime() throws {
        let pending = try (0..<3).map { try parked(.wanting(Int32($0), wait: 500)) }
        for partition in [2, 0, 1] { try producer.append(Batch(["\(partition)"]), to: "events", Int32(partition)) }
        broker.loop.run()
        #expect(connection.order == [2, 0, 1])
        #expect(try pending.map { try connection.finish($0).allValues } == [["0"], ["1"], ["2"]])
    }
}

/// Fetches of records that are not in memory: the event loop never waits for the disk.
struct ColdFetchTests {
    private let broker: TestBroker
    private let connection: FakeConnection

    /// Two partitions with old records, which a restart has let go cold, and a third with fresh ones.
    init() throws {
        // What is appended is seen at once, so that wake-ups can be counted.
        broker = try TestBroker(["log.durability": "page-cache"])
        try broker.connect().createTopic("events", partitions: 3)
        for partition: Int32 in 0..<2 { try broker.connect().append(Batch(["old"]), to: "events", partition) }
        try broker.restart()
        connection = broker.connect()
        try connection.append(Batch(["new"]), to: "events", 2)
        broker.fileSystem.setCold(true)
    }

    /// Answers to fetches so far; the first answer is that to the append.
    private var fetchAnswers: Int { connection.order.count - 1 }

    @Test func coldRecordsAreLoadedElsewhereAndThenSent() throws {
        let pending = try connection.beginFetch(.wanting(0, 1, wait: 60_000))
        #expect(fetchAnswers == 0)
        #expect(try connection.finish(pending).allValues == ["old", "old"])
        #expect(broker.loop.pendingTimers == 0)
        #expect(connection.parked.isEmpty)
    }

    @Test func coldRecordsAreSentToAFetchThatDoesNotWaitToo() throws {
        let pending = try connection.beginFetch(.wanting(0))
        #expect(fetchAnswers == 0)
        #expect(try connection.finish(pending).allValues == ["old"])
    }

    @Test func whatIsInMemoryDoesNotWaitForWhatIsNot() throws {
        let pending = try connection.beginFetch(.wanting(0, 2, wait: 60_000))
        #expect(fetchAnswers == 1)
        #expect(try connection.finish(pending).allValues == ["new"])
    }

    @Test func whatIsInMemoryWaitsForWhatIsNotWhereItIsTooLittle() throws {
        let size = Int32(try Batch(["new"]).bytes.readableBytes)
        let pending = try connection.beginFetch(.wanting(0, 2, wait: 60_000, minimum: 2 * size))
        #expect(fetchAnswers == 0)
        #expect(try connection.finish(pending).allValues == ["old", "new"])
    }

    @Test func aConnectionThatClosesMeanwhileGetsNothing() throws {
        _ = try connection.beginFetch(.wanting(0, wait: 60_000))
        connection.close()
        broker.stop()
        broker.loop.run()
        #expect(fetchAnswers == 0)
        #expect(broker.loop.pendingTimers == 0)
    }

    /// The next fetch gets to the rest.
    @Test func noMoreIsLoadedForOneFetchThanTheLimitSays() throws {
        broker.fileSystem.setCold(false)
        for _ in 0..<3 { try connection.append(Batch(["old"]), to: "events", 2) }
        try broker.restart()
        broker.fileSystem.setCold(true)
        let other = broker.connect()
        let each = Int32(FetchRound.mostColdBytes / 2)
        let wanted: [Wanted] = [2, 0, 1].map { Wanted(index: $0, maximumBytes: each) }
        let request = FetchRequest.wanting(wanted, wait: 60_000, maximum: 3 * each)
        let first = try #require(try other.fetch(request).topics.first).partitions
        #expect(first.map { $0.records.length > 0 } == [true, true, false])
        let rest = try other.fetch(.wanting([Wanted(index: 1, maximumBytes: each)], wait: 60_000))
        #expect(try rest.allValues == ["old"])
    }

    @Test func othersAreServedBesideWhatTheDiskDoesNotGive() throws {
        broker.fileSystem.inject { operation, path in operation == .read && path.contains("/events-0/") ? 5 : nil }
        let response = try connection.fetch(.wanting(0, 1, wait: 60_000))
        let partitions = try #require(response.topics.first).partitions
        #expect(partitions.map(\.errorCode) == [.kafkaStorageError, .none])
        #expect(try values(in: partitions[1].records) == ["old"])
        #expect(broker.logged("read of events-0 failed") == 1)
    }

    @Test func aDiskThatFailsIsAnErrorAndNotAnEndlessLoop() throws {
        broker.fileSystem.inject { operation, path in operation == .read && path.contains("/events-0/") ? 5 : nil }
        #expect(try connection.fetch(.wanting(0, wait: 60_000)).first.errorCode == .kafkaStorageError)
        #expect(connection.parked.isEmpty)
    }

    @Test func anAppendMeanwhileIsNotLost() throws {
        let pending = try connection.beginFetch(.wanting(0, wait: 60_000))
        _ = try broker.partitionLog("events").append(try Batch(["newer"]).bytes)
        #expect(try connection.finish(pending).allValues == ["old", "newer"])
        #expect(connection.order.count == 2)
    }
}
