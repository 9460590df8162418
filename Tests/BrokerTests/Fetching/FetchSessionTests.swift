import CommitLog
import Model
import NIOCore
import TestSupport
import Testing
import Wire

@testable import Broker

/// Fetch sessions (KIP-227): a client says what it wants once and is told what is new.
struct FetchSessionTests {
    private let broker: TestBroker
    private let connection: FakeConnection
    private let topicID: TopicID

    init() throws {
        broker = try TestBroker(["max.incremental.fetch.session.cache.slots": "3"])
        connection = broker.connect()
        topicID = try connection.createTopic("events", partitions: 3)
    }

    private let all = (0..<3).map { Wanted(index: $0) }

    /// Opens a session and returns its id.
    private func open(_ wanted: [Wanted]? = nil, version: Int16 = 12) throws -> Int32 {
        let response = try connection.fetch(.wanting(wanted ?? all, session: (0, 0)), version: version)
        #expect(response.errorCode == .none)
        return response.sessionID
    }

    private func next(
        _ id: Int32,
        _ epoch: Int32,
        _ wanted: [Wanted] = [],
        forgetting: [Int32] = [],
        version: Int16 = 12
    ) throws -> FetchResponse {
        var request = FetchRequest.wanting(wanted, session: (id, epoch))
        if !forgetting.isEmpty { request.forget("events", forgetting) }
        return try connection.fetch(request, version: version)
    }

    // MARK: What is refused

    @Test(arguments: [1, 7, .max, -2, .min] as [Int32])
    func aSessionThatDoesNotExistIsNotFound(epoch: Int32) throws {
        let id = try open()
        for unknown in [0, id &+ 1, .min] {
            let response = try next(unknown, epoch, all)
            #expect(response.errorCode == .fetchSessionIdNotFound)
            #expect(response.topics.isEmpty)
            #expect(response.sessionID == 0)
        }
    }

    @Test func aWrongEpochIsRefusedAndTheSessionGoesOnWithTheRightOne() throws {
        let id = try open()
        for epoch: Int32 in [2, 3, .max, -2, .min] {
            #expect(try next(id, epoch, all).errorCode == .invalidFetchSessionEpoch, "epoch \(epoch)")
        }
        #expect(try next(id, 1).errorCode == .none)
        #expect(try next(id, 1).errorCode == .invalidFetchSessionEpoch)
        #expect(try next(id, 2).errorCode == .none)
    }

    @Test func aSessionKeepsToNamesOrToIDs() throws {
        let named = try open()
        let identified = try open([Wanted(topic: "", id: topicID)], version: 13)
        #expect(try next(named, 1, version: 13).errorCode == .fetchSessionTopicIdError)
        #expect(try next(identified, 1, version: 12).errorCode == .fetchSessionTopicIdError)
        #expect(try next(named, 1, version: 7).errorCode == .none)
        #expect(try next(identified, 1, version: 18).errorCode == .none)
    }

    @Test func beforeVersion7ThereAreNoSessions() throws {
        for version: Int16 in 4...6 {
            let response = try connection.fetch(.wanting(all, session: (0, 0)), version: version)
            #expect(response.sessionID == 0)
            #expect(response.indexes == [0, 1, 2])
        }
        // Three slots are all free still.
        #expect(try (0..<3).allSatisfy { _ in try open() != 0 })
    }

    // MARK: News

    @Test func aFullFetchTellsEverythingAndThenOnlyNewsIsTold() throws {
        try connection.append(Batch(["old"]), to: "events", 0)
        let first = try connection.fetch(.wanting(all, session: (0, 0)))
        #expect(first.sessionID != 0)
        #expect(first.indexes == [0, 1, 2])
        #expect(try first.allValues == ["old"])
        let id = first.sessionID
        #expect(try next(id, 1, [Wanted(index: 0, offset: 1)]).topics.isEmpty)
        try connection.append(Batch(["new"]), to: "events", 1)
        let news = try next(id, 2)
        #expect(news.sessionID == id)
        #expect(news.indexes == [1])
        #expect(try news.allValues == ["new"])
        #expect(try next(id, 3, [Wanted(index: 1, offset: 1)]).topics.isEmpty)
    }

    @Test func whatIsNotYetFetchedIsToldAgain() throws {
        let id = try open()
        try connection.append(Batch(["a"]), to: "events", 2)
        for epoch: Int32 in 1...3 { #expect(try next(id, epoch).allValues == ["a"]) }
    }

    @Test func boundsThatMoveAreNewsWithoutRecords() throws {
        for _ in 0..<3 { try connection.append(to: "events", 1) }
        let id = try open([Wanted(index: 0), Wanted(index: 1, offset: 3)])
        #expect(try next(id, 1).topics.isEmpty)
        _ = try broker.partitionLog("events", 1).deleteRecords(before: Offset(2))
        let news = try next(id, 2)
        #expect(news.indexes == [1])
        #expect(try news.first.logStartOffset == 2)
        #expect(try next(id, 3).topics.isEmpty)
    }

    @Test func anErrorIsToldEveryTimeAndItsEndOnce() throws {
        let id = try open([Wanted(topic: "events"), Wanted(topic: "later")])
        for epoch: Int32 in 1...2 {
            let news = try next(id, epoch)
            #expect(news.topics.map(\.name) == ["later"])
            #expect(try news.first.errorCode == .unknownTopicOrPartition)
        }
        try connection.createTopic("later")
        let news = try next(id, 3)
        #expect(news.topics.map(\.name) == ["later"])
        #expect(try news.first.errorCode == .none)
        #expect(try next(id, 4).topics.isEmpty)
    }

    @Test func theEndOfAnErrorThatTellsTheBoundsIsNewsToo() throws {
        let id = try open([Wanted(index: 0)])
        #expect(try next(id, 1, [Wanted(offset: 5)]).first.errorCode == .offsetOutOfRange)
        let news = try next(id, 2, [Wanted(offset: 0)])
        #expect(news.indexes == [0])
        #expect(try news.first.errorCode == .none)
        #expect(try next(id, 3).topics.isEmpty)
    }

    @Test func anIncrementalFetchWaitsForNewsAsOthersDo() throws {
        let id = try open()
        let pending = try connection.beginFetch(.wanting([], wait: 500, session: (id, 1)))
        #expect(!connection.isAnswered(pending))
        try connection.append(Batch(["a"]), to: "events", 1)
        #expect(try connection.finish(pending).allValues == ["a"])
        let quiet = try connection.beginFetch(
            .wanting([Wanted(index: 1, offset: 1)], wait: 500, session: (id, 2))
        )
        #expect(!connection.isAnswered(quiet))
        broker.advance(milliseconds: 500)
        #expect(try connection.finish(quiet).topics.isEmpty)
    }

    // MARK: What a session holds

    @Test func partitionsAreAddedAndForgotten() throws {
        let id = try open([Wanted(index: 0)])
        #expect(try next(id, 1, [Wanted(index: 1)]).indexes == [1])
        for partition: Int32 in 0..<3 { try connection.append(Batch(["\(partition)"]), to: "events", partition) }
        #expect(try next(id, 2, forgetting: [0, 2]).allValues == ["1"])
        #expect(try next(id, 3, [Wanted(index: 2)]).allValues.sorted() == ["1", "2"])
        // Forgetting goes after adding.
        #expect(try next(id, 4, [Wanted(index: 2)], forgetting: [2]).allValues == ["1"])
    }

    @Test func partitionsNamedByIDAreForgottenByID() throws {
        let wanted = (0..<2).map { Wanted(topic: "", id: topicID, index: $0) }
        let id = try open(wanted, version: 13)
        for partition: Int32 in 0..<2 { try connection.append(Batch(["\(partition)"]), to: "events", partition) }
        var request = FetchRequest.wanting([], session: (id, 1))
        request.forget("", id: topicID, [0])
        let response = try connection.fetch(request, version: 13)
        #expect(try response.allValues == ["1"])
        #expect(response.topics.map(\.topicID) == [topicID])
    }

    @Test func aSessionThatHasForgottenEverythingIsGone() throws {
        let id = try open()
        let response = try next(id, 1, forgetting: [0, 1, 2])
        #expect(response.errorCode == .none)
        #expect(response.sessionID == 0)
        #expect(response.topics.isEmpty)
        #expect(try next(id, 2).errorCode == .fetchSessionIdNotFound)
    }

    @Test func theLastEpochClosesTheSessionAndFetchesInFull() throws {
        let id = try open()
        let response = try next(id, -1, all)
        #expect(response.errorCode == .none)
        #expect(response.sessionID == 0)
        #expect(response.indexes == [0, 1, 2])
        #expect(try next(id, 1).errorCode == .fetchSessionIdNotFound)
    }

    @Test func theFirstEpochReplacesTheSession() throws {
        let id = try open()
        let replaced = try next(id, 0, all)
        #expect(replaced.sessionID != 0 && replaced.sessionID != id)
        #expect(replaced.indexes == [0, 1, 2])
        #expect(try next(id, 1).errorCode == .fetchSessionIdNotFound)
        #expect(try next(replaced.sessionID, 1).errorCode == .none)
    }

    /// With room for one batch only, each fetch goes on behind the partition that was served last.
    @Test func everyPartitionGetsItsTurn() throws {
        for partition: Int32 in 0..<3 { try connection.append(Batch(["\(partition)"]), to: "events", partition) }
        let request = FetchRequest.wanting(all, maximum: 1, session: (0, 0))
        let first = try connection.fetch(request)
        var served = try first.allValues
        for epoch: Int32 in 1...5 {
            served += try connection.fetch(.wanting([], maximum: 1, session: (first.sessionID, epoch))).allValues
        }
        #expect(served == ["0", "1", "2", "0", "1", "2"])
    }

    // MARK: Room

    @Test func withoutASlotTheFetchIsFullAndHasNoSession() throws {
        let ids = try (0..<3).map { _ in try open() }
        #expect(Set(ids).count == 3 && !ids.contains(0))
        let response = try connection.fetch(.wanting(all, session: (0, 0)))
        #expect(response.errorCode == .none)
        #expect(response.sessionID == 0)
        #expect(response.indexes == [0, 1, 2])
        for id in ids { #expect(try next(id, 1).errorCode == .none) }
    }

    @Test func theSessionThatIsIdleLongestMakesRoomAfterTwoMinutes() throws {
        let ids = try (0..<3).map { _ in
            broker.advance(milliseconds: 1_000)
            return try open()
        }
        broker.advance(milliseconds: 110_000)
        #expect(try next(ids[0], 1).errorCode == .none)
        broker.advance(milliseconds: 8_999)
        #expect(try open() == 0)
        broker.advance(milliseconds: 1)
        #expect(try open() != 0)
        #expect(
            try ids.map { try next($0, $0 == ids[0] ? 2 : 1).errorCode } == [.none, .fetchSessionIdNotFound, .none]
        )
    }

    @Test func aSessionOfNothingIsNotKept() throws {
        #expect(try open([]) == 0)
    }

    private func request(_ indexes: Range<Int32>, _ session: (Int32, Int32)) -> FetchRequest {
        .wanting(indexes.map { Wanted(index: $0) }, session: session)
    }

    @Test func thePartitionsOfAllSessionsTogetherAreBounded() throws {
        let sessions = FetchSessions(slots: 10, maximumPartitions: 10, time: broker.time)
        func plan(_ indexes: Range<Int32>, _ session: (Int32, Int32)) throws -> FetchPlan {
            try sessions.plan(request(indexes, session), version: 12, maximumBytes: 1 << 20)
        }
        let first = try #require(try plan(0..<6, (0, 0)).session)
        #expect(try plan(0..<5, (0, 0)).session == nil)
        let second = try #require(try plan(0..<4, (0, 0)).session)
        // The same partitions again are no more than before; one more is one too many, and its session goes.
        #expect(try plan(0..<6, (first.id, 1)).session?.partitionCount == 6)
        #expect(throws: FetchRefusal(.fetchSessionIdNotFound)) { try plan(6..<7, (first.id, 2)) }
        #expect(try plan(4..<10, (second.id, 1)).session?.partitionCount == 10)
    }
}
