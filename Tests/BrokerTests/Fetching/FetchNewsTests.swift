import Model
import NIOCore
import TestSupport
import Testing
import Wire

@testable import Broker
@testable import CommitLog

/// What a session looks at: partitions that have changed, and no others; and that it notices every change.
struct FetchNewsTests {
    private let broker: TestBroker
    private let connection: FakeConnection
    private let topicID: TopicID

    init() throws {
        // What is appended is seen at once.
        broker = try TestBroker([
            "log.durability": "page-cache", "max.incremental.fetch.session.cache.slots": "2",
        ])
        connection = broker.connect()
        topicID = try connection.createTopic("events", partitions: 3)
    }

    /// A session of all partitions, after which each was looked at and found quiet.
    private func quietSession(_ wanted: [Wanted]? = nil) throws -> Int32 {
        let all = wanted ?? (0..<3).map { Wanted(index: $0) }
        let id = try connection.fetch(.wanting(all, session: (0, 0))).sessionID
        #expect(try next(id, 1).topics.isEmpty)
        #expect(try news(id).count == 0)
        return id
    }

    private func next(_ id: Int32, _ epoch: Int32, _ wanted: [Wanted] = []) throws -> FetchResponse {
        try connection.fetch(.wanting(wanted, session: (id, epoch)))
    }

    private func news(_ id: Int32) throws -> FetchNews {
        try #require(broker.broker.fetchSessions.session(id)).news
    }

    private func observers() throws -> [Int] {
        try (0..<3).map { try broker.partitionLog("events", $0).observers.withLock { $0.count } }
    }

    @Test func onlyWhatHasChangedIsLookedAt() throws {
        let id = try quietSession()
        try connection.append(Batch(["a"]), to: "events", 1)
        #expect(try news(id).count == 1)
        #expect(try next(id, 2).indexes == [1])
        // Until the client has gone on, there is something for it.
        #expect(try news(id).count == 1)
        #expect(try next(id, 3, [Wanted(index: 1, offset: 1)]).topics.isEmpty)
        #expect(try news(id).count == 0)
    }

    @Test func aSessionThatNobodyUsesIsToldOnceOfEachLog() throws {
        _ = try quietSession()
        #expect(try observers() == [1, 1, 1])
        for _ in 0..<3 { try connection.append(to: "events", 1) }
        #expect(try observers() == [1, 0, 1])
    }

    @Test func aSessionThatIsReplacedObservesNothing() throws {
        let id = try quietSession()
        _ = try connection.fetch(.wanting([Wanted(index: 2)], session: (id, 0)))
        #expect(try observers() == [0, 0, 1])
    }

    @Test func aSessionThatIsClosedObservesNothing() throws {
        let id = try quietSession()
        _ = try connection.fetch(.wanting([], session: (id, -1)))
        #expect(try observers() == [0, 0, 0])
    }

    @Test func aSessionThatMakesRoomForAnotherObservesNothing() throws {
        _ = try quietSession()
        _ = try quietSession()
        #expect(try observers() == [2, 2, 2])
        broker.advance(milliseconds: 120_000)
        _ = try connection.fetch(.wanting([Wanted(index: 0)], session: (0, 0)))
        #expect(try observers() == [2, 1, 1])
    }

    @Test func aSessionInWhichAFetchWaitsDoesNotMakeRoom() throws {
        let id = try quietSession()
        let other = try quietSession()
        let pending = try connection.beginFetch(.wanting([], wait: 200_000, session: (id, 2)))
        broker.advance(milliseconds: 119_000)
        _ = try next(other, 2)
        broker.advance(milliseconds: 2_000)
        #expect(try connection.fetch(.wanting([Wanted()], session: (0, 0))).sessionID == 0)
        try connection.append(Batch(["a"]), to: "events", 2)
        #expect(try connection.finish(pending).allValues == ["a"])
    }

    @Test func whatIsForgottenIsNotObserved() throws {
        let id = try quietSession()
        try connection.append(to: "events", 0)
        var request = FetchRequest.wanting([], session: (id, 2))
        request.forget("events", [0, 1])
        #expect(try connection.fetch(request).topics.isEmpty)
        #expect(try observers() == [0, 0, 1])
        #expect(try news(id).count == 0)
    }

    @Test func aWaitingFetchIsWokenByWhatWasListedAlready() throws {
        let id = try quietSession()
        let size = Int32(try Batch(["a"]).bytes.readableBytes)
        try connection.append(Batch(["a"]), to: "events", 1)
        let pending = try connection.beginFetch(.wanting([], wait: 500, minimum: 2 * size, session: (id, 2)))
        #expect(!connection.isAnswered(pending))
        try connection.append(Batch(["b"]), to: "events", 1)
        #expect(try connection.finish(pending).allValues == ["a", "b"])
        #expect(broker.loop.pendingTimers == 0)
        #expect(try !news(id).isWaitedFor)
    }

    @Test func aWaitThatEndsWithItsConnectionIsForgotten() throws {
        let id = try quietSession()
        let waiting = broker.connect()
        _ = try waiting.beginFetch(.wanting([], wait: 500, session: (id, 2)))
        #expect(try news(id).isWaitedFor)
        waiting.close()
        #expect(try !news(id).isWaitedFor)
    }

    @Test func retentionThatMovesTheStartIsNoticed() throws {
        for _ in 0..<3 { try connection.append(to: "events", 1) }
        let id = try quietSession([Wanted(index: 0), Wanted(index: 1, offset: 3)])
        _ = try broker.partitionLog("events", 1).deleteSegments(upTo: Offset(3))
        let told = try next(id, 2)
        #expect(told.indexes == [1])
        #expect(try told.first.logStartOffset == 3)
    }

    @Test func aLogThatIsCutOrHasANewLeaderIsNoticed() throws {
        for _ in 0..<3 { try connection.append(to: "events", 1) }
        let id = try quietSession([Wanted(index: 1, offset: 3, currentEpoch: 0)])
        try broker.partitionLog("events", 1).beginLeaderEpoch(LeaderEpoch(4))
        #expect(try next(id, 2).first.errorCode == .fencedLeaderEpoch)
        let again = try quietSession([Wanted(index: 1, offset: 3)])
        _ = try broker.partitionLog("events", 1).truncate(to: Offset(2))
        #expect(try next(again, 2).first.errorCode == .offsetOutOfRange)
    }

    @Test func aTopicThatIsDeletedAndMadeAgainIsNoticed() throws {
        let id = try quietSession()
        try connection.deleteTopic("events")
        let gone = try next(id, 2).partitions.map(\.answer.errorCode)
        #expect(gone == [.unknownTopicOrPartition, .unknownTopicOrPartition, .unknownTopicOrPartition])
        try connection.createTopic("events", partitions: 3)
        #expect(try next(id, 3).indexes.sorted() == [0, 1, 2])
        #expect(try next(id, 4).topics.isEmpty)
        try connection.append(Batch(["new"]), to: "events", 2)
        #expect(try next(id, 5).allValues == ["new"])
    }

    @Test func aPartitionThatIsAddedLaterIsNoticed() throws {
        let id = try connection.fetch(.wanting([Wanted(index: 0), Wanted(index: 3)], session: (0, 0))).sessionID
        #expect(try next(id, 1).first.errorCode == .unknownTopicOrPartition)
        var topic = CreatePartitionsRequest.Topic()
        (topic.name, topic.partitionCount) = ("events", 4)
        var request = CreatePartitionsRequest()
        request.topics = [topic]
        #expect(try connection.send(request).topics.map(\.errorCode) == [.none])
        #expect(try next(id, 2).indexes == [3])
        #expect(try next(id, 3).topics.isEmpty)
    }

    @Test func aReaderOfAllRecordsThatBecomesOneOfCommittedOnesIsServedAnew() throws {
        let id = try quietSession()
        var request = FetchRequest.wanting([], session: (id, 2))
        request.isolationLevel = 1
        #expect(try connection.fetch(request).topics.isEmpty)
        try connection.append(Batch(["a"]), to: "events")
        (request.sessionID, request.sessionEpoch) = (id, 3)
        #expect(try connection.fetch(request).allValues == ["a"])
    }

    @Test func partitionsAreToldUnderTheirTopicInWhateverOrderTheyHadNews() throws {
        try connection.createTopic("others", partitions: 2)
        let wanted = (0..<2).flatMap { [Wanted(index: $0), Wanted(topic: "others", index: $0)] }
        let id = try quietSession(wanted)
        for partition: Int32 in [1, 0] {
            try connection.append(Batch(["e\(partition)"]), to: "events", partition)
            try connection.append(Batch(["o\(partition)"]), to: "others", partition)
        }
        let told = try next(id, 2)
        #expect(told.topics.map(\.name) == ["events", "others"])
        #expect(try told.allValues == ["e1", "e0", "o1", "o0"])
    }
}
