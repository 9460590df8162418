import CommitLog
import Glibc
import Model
import TestSupport
import Testing
import Wire

@testable import Broker

/// Produce requests that wait for the disk.
struct PendingProduceTests {
    private let broker: TestBroker
    private let connection: FakeConnection
    /// Keeps the partitions' first sync from succeeding, as long as it is set.
    private let isShort = Locked(false)

    init() throws {
        broker = try TestBroker()
        connection = broker.connect()
        try connection.createTopic("events", partitions: 2)
        let isShort = isShort
        broker.fileSystem.inject { operation, path in
            let isHeld = operation == .open && path.contains("events") && path.hasSuffix("partition.metadata")
            return isHeld && isShort.withLock { $0 } ? EMFILE : nil
        }
    }

    private func request(_ batch: Batch = Batch(), acks: Int16 = -1) throws -> ProduceRequest {
        try ProduceRequest.single("events", 0, batch.bytes, acks: acks)
    }

    private func begin(_ batch: Batch = Batch(), acks: Int16 = -1) throws -> PendingResponse<ProduceRequest> {
        try connection.begin(request(batch, acks: acks), version: 12)
    }

    private func finish(_ pending: PendingResponse<ProduceRequest>) throws -> ProduceResponse.Partition {
        try #require(try connection.finish(pending).topics.first?.partitions.first)
    }

    @Test func afterAFailedSyncTheDirectoryIsOffline() throws {
        try connection.append(to: "events")
        broker.fileSystem.inject { operation, path in operation == .sync && path.contains("events") ? EIO : nil }
        let waiting = try begin()
        #expect(try finish(waiting).errorCode == .kafkaStorageError)
        broker.fileSystem.inject(nil)
        #expect(try finish(begin(acks: 1)).errorCode == .kafkaStorageError)
        // What is there can still be read.
        #expect(try connection.metadata(of: "events").partitions.allSatisfy { !$0.errorCode.isError })
        let fetched = try connection.fetch(FetchRequest.wanting(0))
        #expect(try values(in: try #require(fetched.topics.first?.partitions.first).records) == ["value"])
        #expect(broker.log.lines.count { $0.hasPrefix("critical") && $0.contains("is offline") } == 1)
        #expect(broker.broker.health.conditions.map(\.kind) == [.directoryOffline])
    }

    @Test func aFailedWritePutsTheDirectoryOutOfUseForWritingOnly() throws {
        try connection.append(to: "events")
        broker.fileSystem.inject { operation, path in operation == .write && path.contains("events-0") ? EIO : nil }
        #expect(try finish(begin()).errorCode == .kafkaStorageError)
        broker.fileSystem.inject(nil)
        let other = try ProduceRequest.single("events", 1, Batch().bytes)
        #expect(try connection.produce(other).topics.first?.partitions.first?.errorCode == .kafkaStorageError)
        let fetched = try connection.fetch(FetchRequest.wanting(0))
        #expect(try values(in: try #require(fetched.topics.first?.partitions.first).records) == ["value"])
        #expect(broker.broker.health.conditions.map(\.kind) == [.directoryOffline])
        try broker.restart(.kill)
        let connection = broker.connect()
        #expect(try connection.append(to: "events") == 1)
    }

    @Test func whoWaitsTooLongIsToldSoAndTheRecordsMayStillCome() throws {
        isShort.withLock { $0 = true }
        let waiting = try begin()
        #expect(!connection.isAnswered(waiting))
        broker.advance(milliseconds: 29_999)
        #expect(!connection.isAnswered(waiting))
        broker.advance(milliseconds: 1)
        let answer = try finish(waiting)
        #expect(answer.errorCode == .requestTimedOut)
        #expect(answer.baseOffset == -1)
        #expect(broker.loop.pendingTimers == 0)
        isShort.withLock { $0 = false }
        #expect(try connection.append(to: "events") == 1)
    }

    @Test func oneTimerServesAllWhoWait() throws {
        isShort.withLock { $0 = true }
        let waiting = try (0..<50).map { _ in try begin() }
        #expect(waiting.allSatisfy { !connection.isAnswered($0) })
        #expect(broker.loop.pendingTimers == 1)
        broker.advance(milliseconds: 10_000)
        let late = try begin()
        broker.advance(milliseconds: 20_000)
        #expect(try waiting.allSatisfy { try finish($0).errorCode == .requestTimedOut })
        #expect(!connection.isAnswered(late))
        broker.advance(milliseconds: 10_000)
        #expect(try finish(late).errorCode == .requestTimedOut)
        #expect(broker.loop.pendingTimers == 0)
    }

    @Test func aRequestWithAShorterTimeoutNeedNotWaitForOthers() throws {
        isShort.withLock { $0 = true }
        let patient = try begin()
        var request = try request()
        request.timeoutMilliseconds = 10
        let impatient = try connection.begin(request, version: 12)
        broker.advance(milliseconds: 10)
        #expect(try finish(impatient).errorCode == .requestTimedOut)
        #expect(!connection.isAnswered(patient))
        isShort.withLock { $0 = false }
        #expect(try finish(patient).errorCode == .none)
    }

    @Test func acknowledgedByAllSurvivesAPowerCut() throws {
        for number in 0..<20 { try connection.append(Batch(["\(number)"]), to: "events", Int32(number % 2)) }
        try broker.restart(.powerCut)
        for index in 0..<2 as Range<Int32> {
            #expect(try broker.partitionLog("events", index).offsets.logEnd == Offset(10))
        }
    }

    @Test func acknowledgedByTheLeaderIsAnsweredAtOnceAndSeenWhenItIsDurable() throws {
        isShort.withLock { $0 = true }
        let waiting = try connection.begin(FetchRequest.wanting(0, wait: 60_000), version: 12)
        #expect(try connection.isAnswered(begin(acks: 1)))
        #expect(!connection.isAnswered(waiting))
        #expect(try broker.partitionLog("events").offsets.highWatermark == .zero)
        isShort.withLock { $0 = false }
        let partition = try #require(try connection.finish(waiting).topics.first?.partitions.first)
        #expect(try values(in: partition.records) == ["value"])
        #expect(partition.highWatermark == 1)
    }

    @Test func aRetriedBatchWaitsForItsFirstCopy() throws {
        isShort.withLock { $0 = true }
        var batch = Batch()
        (batch.producer, batch.epoch, batch.sequence) = (ProducerID(7), 0, 0)
        #expect(try finish(begin(batch, acks: 1)).baseOffset == 0)
        let retried = try begin(batch)
        #expect(!connection.isAnswered(retried))
        isShort.withLock { $0 = false }
        let answer = try finish(retried)
        #expect(answer.errorCode == .none)
        #expect(answer.baseOffset == 0)
        #expect(try broker.partitionLog("events").offsets.logEnd == Offset(1))
    }

    @Test func aClientThatGoesAwayLeavesNothingBehind() throws {
        isShort.withLock { $0 = true }
        let other = broker.connect()
        _ = try other.begin(request(), version: 12)
        let waits = broker.broker.storageWaits(on: broker.loop)
        #expect(!waits.isEmpty)
        other.close()
        #expect(waits.isEmpty)
        isShort.withLock { $0 = false }
        #expect(try connection.append(to: "events") == 1)
    }

    @Test func thePageCacheIsEnoughWhereTheTopicSaysSo() throws {
        try connection.createTopic("fast", configs: ["durability": "page-cache"])
        let before = broker.fileSystem.count(of: .sync)
        let pending = try connection.begin(ProduceRequest.single("fast", 0, Batch().bytes), version: 12)
        #expect(connection.isAnswered(pending))
        #expect(broker.fileSystem.count(of: .sync) == before)
        #expect(try broker.partitionLog("fast").offsets.highWatermark == Offset(1))
    }

    @Test func aFullDiskRefusesAndTakesAgainWhenThereIsRoom() throws {
        broker.fileSystem.limit(freeBytes: 10)
        #expect(try finish(begin()).errorCode == .kafkaStorageError)
        broker.fileSystem.limit(freeBytes: nil)
        // The first look finds what has happened, the second that it is over.
        for _ in 0..<2 { broker.broker.space.check() }
        #expect(try finish(begin()).errorCode == .none)
        #expect(broker.logged("is offline") == 0)
    }
}
