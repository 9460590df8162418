import CommitLog
import Model
import NIOCore
import TestSupport
import Testing
import Wire

@testable import Broker

/// Produce requests that are too large for an event loop: they are appended elsewhere, and nobody overtakes them.
struct LargeProduceTests {
    private let broker: TestBroker
    private let connection: FakeConnection
    /// More than an event loop takes, each batch less than a topic takes.
    private static let batches = 6
    private static let batchBytes = 1_000_000

    init() throws {
        broker = try TestBroker(["log.durability": "page-cache"])
        connection = broker.connect()
        _ = try connection.createTopic("events", partitions: 6)
    }

    /// A request with a batch for each partition; the value of the first record tells them apart.
    private func large(acks: Int16 = 1, topic: String = "events") throws -> ProduceRequest {
        var request = try ProduceRequest.single(topic, 0, Batch(["0", filler]).bytes, acks: acks)
        for index in 1..<Int32(Self.batches) {
            var partition = ProduceRequest.Partition()
            partition.index = index
            partition.records = .bytes(try Batch(["\(index)", filler]).bytes)
            request.topics[0].partitions.append(partition)
        }
        return request
    }

    private var filler: String { String(repeating: "x", count: Self.batchBytes) }

    /// The requests that were answered, without the one that has made the topic.
    private var answered: [UInt64] { Array(connection.order.dropFirst()) }

    private func end(_ partition: Int32) throws -> Int64 {
        try broker.partitionLog("events", partition).offsets.logEnd.rawValue
    }

    @Test func aPartitionThatIsUnknownIsRefusedAndTheOthersAreAppended() throws {
        var request = try large()
        request.topics[0].partitions[3].index = 77
        let answers = try #require(try connection.send(request, version: 9).topics.first).partitions
        #expect(answers.map(\.errorCode) == [.none, .none, .none, .unknownTopicOrPartition, .none, .none])
        #expect(try (0..<6).map { try end($0) } == [2, 2, 2, 0, 2, 2])
        try broker.loop.run(until: { !connection.isHeldBack }, "the end of the request")
    }

    @Test func oneThatCannotBeReadEndsTheConnection() throws {
        var frame = ByteBuffer()
        // The header of a produce request, and a body that says nothing.
        frame.writeMultipleIntegers(APIKey.produce.rawValue, Int16(8), Int32(1), Int16(-1))
        frame.writeRepeatingByte(0xff, count: 5 << 20)
        connection.deliver(frame)
        try broker.loop.run(until: { !connection.isOpen }, "the end of the connection")
        #expect(connection.refusals.count == 1)
        #expect(connection.refusals.first?.contains("cannot be read") == true)
    }

    @Test func withoutAcknowledgementsAFailureEndsTheConnection() throws {
        let pending = try connection.begin(large(acks: 0, topic: "nowhere"), version: 9)
        #expect(connection.isHeldBack)
        #expect(throws: UnexpectedAnswer.self) { try connection.answer(to: pending.number) }
        #expect(connection.refusals.count == 1)
        #expect(connection.refusals.first?.contains("acks=0") == true)
    }

    @Test func aConnectionThatClosesMeanwhileLeavesNothingBehind() throws {
        _ = try connection.begin(large(), version: 9)
        connection.close()
        try broker.loop.run(until: { !connection.isHeldBack }, "the end of the appends")
        #expect(try (0..<6).map { try end($0) } == [2, 2, 2, 2, 2, 2])
        #expect(answered.isEmpty)
    }

    @Test(arguments: [0, 1, -1] as [Int16]) func requestsBehindItWaitForIt(acks: Int16) throws {
        let first = try connection.begin(large(acks: acks), version: 9)
        #expect(connection.isHeldBack)
        let second = try connection.begin(ProduceRequest.single("events", 0, Batch(["behind"]).bytes), version: 9)
        _ = try connection.answer(to: first.number)
        #expect(try connection.finish(second).topics.first?.partitions.first?.baseOffset == 2)
        #expect(answered == [first.number, second.number])
        try broker.loop.run(until: { !connection.isHeldBack }, "the end of the request")
        let fetched = try connection.fetch(.wanting([Wanted(offset: 2)])).allValues
        #expect(fetched == ["behind"])
    }

    @Test func othersOnTheSameEventLoopAreServedMeanwhile() throws {
        let other = broker.connect()
        let pending = try connection.begin(large(), version: 9)
        let request = try ProduceRequest.single("events", 1, Batch(["other"]).bytes)
        // Answered in this turn, while the large one comes back through the event loop, which has not run yet.
        let quick = try other.begin(request, version: 9)
        #expect(other.order == [quick.number])
        #expect(answered.isEmpty)
        #expect(try connection.finish(pending).topics.first?.partitions.count == Self.batches)
    }

    @Test func whatAnEventLoopCanTakeIsAppendedThere() throws {
        let pending = try connection.begin(ProduceRequest.single("events", 0, Batch([filler]).bytes), version: 9)
        #expect(!connection.isHeldBack)
        #expect(answered == [pending.number])
    }
}
