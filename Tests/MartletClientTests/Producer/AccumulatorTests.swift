import Model
import NIOCore
import Records
import Testing

@testable import MartletClient

@Suite struct AccumulatorTests {
    let metadata = ClusterMetadata.fixture(["t": [1, 1, 2, nil]])

    func accumulator(_ change: (inout ProducerConfiguration) -> Void = { _ in }) -> Accumulator {
        var configuration = ProducerConfiguration(client: .nowhere)
        configuration.batchBytes = 400
        configuration.linger = .milliseconds(5)
        change(&configuration)
        var accumulator = Accumulator(configuration: configuration, seed: 1)
        if let topic = metadata.topics["t"] { accumulator.update(topic) }
        if configuration.usesSequences { accumulator.identity = ProducerIdentity(id: ProducerID(7), epoch: 0) }
        return accumulator
    }

    @discardableResult
    func append(
        _ value: String,
        to partition: Int32 = 0,
        at milliseconds: Int64 = 0,
        _ accumulator: inout Accumulator
    ) throws -> (delivery: Delivery, isUrgent: Bool) {
        let record = ProducerRecord(topic: "t", partition: partition, value: ByteBuffer(string: value))
        let appended = try accumulator.append(
            record,
            now: .at(milliseconds: milliseconds),
            clock: Timestamp(milliseconds: 0)
        )
        guard case .record(let delivery, let isUrgent) = appended else {
            Issue.record("not appended: \(appended)")
            throw ClientError(.invalidArgument, "not appended")
        }
        return (delivery, isUrgent)
    }

    func drain(_ node: Int32 = 1, at milliseconds: Int64, _ accumulator: inout Accumulator) -> [ProducerBatch] {
        accumulator.drain(node: node, metadata: metadata, now: .at(milliseconds: milliseconds))
    }

    // MARK: Refusals

    @Test func recordLargerThanTheBufferIsRefused() throws {
        var accumulator = accumulator { $0.bufferBytes = 100 }
        let record = ProducerRecord(topic: "t", value: ByteBuffer(repeating: 0, count: 101))
        #expect(throws: ClientError.self) {
            try accumulator.append(record, now: .at(milliseconds: 0), clock: .none)
        }
    }

    @Test func partitionThatDoesNotExistIsRefused() throws {
        var accumulator = accumulator()
        for partition: Int32 in [-1, 4] {
            let record = ProducerRecord(topic: "t", partition: partition, value: ByteBuffer())
            #expect(throws: ClientError.self) {
                try accumulator.append(record, now: .at(milliseconds: 0), clock: .none)
            }
        }
        #expect(accumulator.budget.used == 0)
    }

    @Test func unknownTopicIsAskedFor() throws {
        var accumulator = accumulator()
        let appended = try accumulator.append(
            ProducerRecord(topic: "other", value: "x"),
            now: .at(milliseconds: 0),
            clock: .none
        )
        guard case .unknownTopic = appended else { return #expect(Bool(false), "\(appended)") }
    }

    @Test func fullBufferMakesTheCallerWait() throws {
        var accumulator = accumulator { $0.bufferBytes = 150 }
        try append(String(repeating: "x", count: 100), &accumulator)
        let appended = try accumulator.append(
            ProducerRecord(topic: "t", partition: 0, value: ByteBuffer(repeating: 1, count: 50)),
            now: .at(milliseconds: 0),
            clock: .none
        )
        guard case .full(let bytes) = appended else { return #expect(Bool(false), "\(appended)") }
        #expect(bytes >= 50)
    }

    // MARK: Batching

    @Test func recordsLingerTogether() throws {
        var accumulator = accumulator()
        #expect(try append("a", at: 0, &accumulator).isUrgent)
        #expect(try !append("b", at: 1, &accumulator).isUrgent)
        #expect(drain(at: 4, &accumulator).isEmpty)
        #expect(
            accumulator.readiness(of: 1, metadata: metadata, now: .at(milliseconds: 4))
                == .waiting(until: .at(milliseconds: 5))
        )
        let batches = drain(at: 5, &accumulator)
        #expect(batches.map(\.count) == [2])
    }

    @Test func fullBatchDoesNotLinger() throws {
        var accumulator = accumulator()
        try append(String(repeating: "x", count: 200), &accumulator)
        #expect(try append(String(repeating: "x", count: 200), &accumulator).isUrgent)
        #expect(drain(at: 0, &accumulator).map(\.count) == [1])
    }

    @Test func flushDoesNotLinger() throws {
        var accumulator = accumulator()
        try append("a", &accumulator)
        accumulator.flushes = 1
        #expect(drain(at: 0, &accumulator).count == 1)
    }

    @Test func eachNodeGetsItsPartitions() throws {
        var accumulator = accumulator()
        for partition: Int32 in 0...3 { try append("a", to: partition, &accumulator) }
        #expect(Set(drain(1, at: 5, &accumulator).map(\.partition.partition)) == [0, 1])
        #expect(drain(2, at: 5, &accumulator).map(\.partition.partition) == [2])
        #expect(accumulator.readiness(of: nil, metadata: metadata, now: .at(milliseconds: 5)) == .ready)
    }

    @Test func keyDecidesThePartition() throws {
        var accumulator = accumulator()
        let record = ProducerRecord(topic: "t", key: "21", value: "x")
        guard
            case .record(let delivery, _) = try accumulator.append(
                record,
                now: .at(milliseconds: 0),
                clock: .none
            )
        else { return #expect(Bool(false)) }
        // toPositive(-973932308) % 4
        #expect(delivery.batch.partition.partition == 0x7fff_ffff & -973_932_308 % 4)
    }

    // MARK: Order and numbering

    @Test func batchesAreNumberedInOrder() throws {
        var accumulator = accumulator()
        for index in 0..<3 {
            try append(String(repeating: "x", count: 300), at: Int64(index), &accumulator)
        }
        let sequences = (0..<3).flatMap { _ in drain(at: 10, &accumulator) }.map(\.sequence)
        #expect(sequences == [SequenceNumber(0), SequenceNumber(1), SequenceNumber(2)])
    }

    @Test func noMoreThanFiveAreOnTheirWay() throws {
        var accumulator = accumulator()
        for index in 0..<7 { try append(String(repeating: "x", count: 300), at: Int64(index), &accumulator) }
        let sent = (0..<7).flatMap { _ in drain(at: 20, &accumulator) }
        #expect(sent.count == 5)
        #expect(accumulator.readiness(of: 1, metadata: metadata, now: .at(milliseconds: 20)) == .waiting(until: nil))
        _ = accumulator.succeed(sent[0])
        #expect(drain(at: 20, &accumulator).count == 1)
    }

    @Test func withoutSequencesOneIsOnItsWay() throws {
        var accumulator = accumulator { $0.isIdempotent = false }
        for index in 0..<3 { try append(String(repeating: "x", count: 300), at: Int64(index), &accumulator) }
        let first = drain(at: 10, &accumulator)
        #expect(first.count == 1)
        #expect(first[0].sequence == nil)
        #expect(drain(at: 10, &accumulator).isEmpty)
    }

    @Test func nothingLeavesBeforeTheProducerHasAnIdentity() throws {
        var accumulator = accumulator()
        accumulator.identity = nil
        try append("a", &accumulator)
        #expect(drain(at: 5, &accumulator).isEmpty)
        #expect(accumulator.needsIdentity)
    }

    @Test func failedBatchesGoAgainInOrderWithTheirNumbers() throws {
        var accumulator = accumulator()
        for index in 0..<4 { try append(String(repeating: "x", count: 300), at: Int64(index), &accumulator) }
        let sent = (0..<3).flatMap { _ in drain(at: 10, &accumulator) }
        // The answers come in any order, and the fourth batch must wait for all of them.
        for index in [1, 0] { accumulator.retry(sent[index]) { _ in .at(milliseconds: 20) } }
        #expect(drain(at: 30, &accumulator).isEmpty)
        accumulator.retry(sent[2]) { _ in .at(milliseconds: 20) }
        #expect(drain(at: 19, &accumulator).isEmpty)
        for expected in 0..<3 {
            let again = drain(at: 20, &accumulator)
            #expect(again.first === sent[expected])
            #expect(again.first?.sequence == SequenceNumber(Int32(expected)))
            if expected < 2 { #expect(drain(at: 20, &accumulator).isEmpty, "one at a time while more have failed") }
            if expected == 2 {
                let fourth = try #require(drain(at: 20, &accumulator).first)
                #expect(fourth.sequence == SequenceNumber(3))
                _ = accumulator.succeed(fourth)
            }
            _ = accumulator.succeed(sent[expected])
        }
        #expect(accumulator.unfinished.isEmpty)
    }

    @Test func lostBatchStartsANewEpoch() throws {
        var accumulator = accumulator()
        for index in 0..<3 { try append(String(repeating: "x", count: 300), at: Int64(index), &accumulator) }
        let sent = (0..<2).flatMap { _ in drain(at: 10, &accumulator) }
        _ = accumulator.abandon(sent[0])
        #expect(drain(at: 10, &accumulator).isEmpty, "the second batch is still on its way")
        // It cannot succeed: the broker misses the first.
        accumulator.retry(sent[1]) { _ in .at(milliseconds: 10) }
        let again = drain(at: 10, &accumulator)
        #expect(again.first === sent[1])
        #expect(again.first?.sequence == SequenceNumber(0))
        #expect(again.first?.identity == ProducerIdentity(id: ProducerID(7), epoch: 1))
        _ = accumulator.succeed(sent[1])
        let third = drain(at: 10, &accumulator)
        #expect(third.first?.sequence == SequenceNumber(1))
        #expect(third.first?.identity?.epoch == 1)
    }

    @Test func otherPartitionsKeepTheirEpoch() throws {
        var accumulator = accumulator()
        try append("a", to: 0, &accumulator)
        try append("a", to: 1, &accumulator)
        let first = drain(at: 5, &accumulator)
        for batch in first {
            _ = batch.partition.partition == 0 ? accumulator.abandon(batch) : accumulator.succeed(batch)
        }
        try append("b", to: 0, at: 10, &accumulator)
        try append("b", to: 1, at: 10, &accumulator)
        for batch in drain(at: 15, &accumulator) {
            #expect(batch.identity?.epoch == (batch.partition.partition == 0 ? 1 : 0))
            #expect(batch.sequence == SequenceNumber(batch.partition.partition == 0 ? 0 : 1))
        }
    }

    @Test func lastEpochNeedsANewIdentity() throws {
        var accumulator = accumulator()
        accumulator.identity = ProducerIdentity(id: ProducerID(7), epoch: .max)
        try append("a", &accumulator)
        for batch in drain(at: 5, &accumulator) { _ = accumulator.abandon(batch) }
        try append("b", at: 10, &accumulator)
        #expect(drain(at: 15, &accumulator).isEmpty)
        #expect(accumulator.needsIdentity)
        accumulator.identity = ProducerIdentity(id: ProducerID(8), epoch: 0)
        #expect(drain(at: 15, &accumulator).first?.identity == ProducerIdentity(id: ProducerID(8), epoch: 0))
    }

    @Test func renumberedBatchIsStampedAgain() throws {
        var accumulator = accumulator()
        try append("a", &accumulator)
        let batch = try #require(drain(at: 5, &accumulator).first)
        #expect(try BatchHeader(batch.encode()).producerEpoch == 0)
        accumulator.retry(batch, needsNewEpoch: true) { _ in .at(milliseconds: 5) }
        _ = drain(at: 5, &accumulator)
        let bytes = try batch.encode()
        let header = try BatchHeader(bytes)
        #expect(header.producerEpoch == 1)
        #expect(header.baseSequence == SequenceNumber(0))
        #expect(header.checksum == CRC32C.checksum(of: bytes))
    }

    // MARK: The end

    @Test func lateBatchesExpire() throws {
        var accumulator = accumulator { $0.deliveryTimeout = .milliseconds(100) }
        try append("a", to: 3, at: 0, &accumulator)
        try append("b", to: 0, at: 50, &accumulator)
        let (late, _) = accumulator.expire(now: .at(milliseconds: 120))
        #expect(late.map(\.partition.partition) == [3])
        #expect(accumulator.unfinished.map(\.partition.partition) == [0])
    }

    @Test func deliveredBatchFreesItsMemory() throws {
        var accumulator = accumulator()
        try append("a", &accumulator)
        #expect(accumulator.budget.used > 0)
        for batch in drain(at: 5, &accumulator) { _ = accumulator.succeed(batch) }
        #expect(accumulator.budget.used == 0)
        #expect(accumulator.unfinished.isEmpty)
    }

    /// Random appends, failures and answers in any order: each partition's batches are accepted by a broker that checks
    /// sequence numbers as Kafka does, and nothing is lost.
    @Test(arguments: 0..<20 as Range<UInt64>)
    func orderSurvivesRandomFailures(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        var accumulator = accumulator()
        var expected: [Int32: Int32] = [:]
        var onTheirWay: [ProducerBatch] = []
        var appended: Int32 = 0
        var delivered: Int32 = 0
        var now: Int64 = 0
        while appended < 500 || delivered < appended {
            now += 1
            if appended < 500 {
                let length = Int.random(in: 1...200, using: &generator)
                let partition = Int32.random(in: 0...1, using: &generator)
                try append(String(repeating: "x", count: length), to: partition, at: now, &accumulator)
                appended += 1
            }
            onTheirWay += drain(at: now, &accumulator)
            guard !onTheirWay.isEmpty, Bool.random(using: &generator) else { continue }
            // Per partition answers come in the order of the requests.
            let partition = Int32.random(in: 0...1, using: &generator)
            guard let index = onTheirWay.firstIndex(where: { $0.partition.partition == partition }) else { continue }
            let batch = onTheirWay.remove(at: index)
            let sequence = try #require(batch.sequence).rawValue
            let isLost = Int.random(in: 0..<4, using: &generator) == 0
            if sequence == expected[partition, default: 0], !isLost {
                expected[partition] = sequence + batch.count
                delivered += batch.count
                _ = accumulator.succeed(batch)
            } else {
                #expect(sequence >= expected[partition, default: 0], "seed \(seed)")
                accumulator.retry(batch) { _ in .at(milliseconds: now) }
            }
        }
        #expect(accumulator.unfinished.isEmpty, "seed \(seed)")
        #expect(accumulator.budget.used == 0, "seed \(seed)")
    }
}
