import CommitLog
import Model
import NIOCore
import Records
import TestSupport
import Testing

/// Idempotent producers, as the log treats them.
@Suite struct ProducerStateTests {
    private let producer = ProducerID(4001)

    private func batch(_ sequence: Int32, count: Int = 1, epoch: Int16 = 0, producer: Int64 = 4001) -> TestBatch {
        TestBatch(
            values: (0..<count).map { "\(producer)/\(sequence)+\($0)" },
            producer: ProducerID(producer),
            epoch: epoch,
            sequence: sequence
        )
    }

    private func outOfOrder(_ found: Int32, expected: Int32, epoch: Int16 = 0) -> LogError {
        .outOfOrderSequence(
            producer: producer,
            epoch: epoch,
            expected: SequenceNumber(expected),
            found: SequenceNumber(found)
        )
    }

    @Test func aGapInTheSequenceIsRefused() throws {
        let fixture = try LogFixture()
        try fixture.append(batch(0, count: 3))
        for sequence: Int32 in [1, 2, 4, 100, .max] {
            #expect(throws: outOfOrder(sequence, expected: 3)) { try fixture.append(batch(sequence)) }
        }
        #expect(fixture.log.offsets.logEnd == Offset(3))
        try fixture.append(batch(3))
        #expect(
            LogError.outOfOrderSequence(
                producer: producer,
                epoch: 0,
                expected: SequenceNumber(3),
                found: SequenceNumber(4)
            ).errorCode == .outOfOrderSequenceNumber
        )
    }

    @Test func theLastFiveBatchesAreRecognisedWhenTheyComeAgain() throws {
        let fixture = try LogFixture()
        let results = try (0..<7).map { try fixture.append(batch(Int32($0) * 2, count: 2)) }
        for (number, first) in results.enumerated().dropFirst(2) {
            let again = try fixture.append(batch(Int32(number) * 2, count: 2))
            #expect(again.isDuplicate)
            #expect(again.baseOffset == first.baseOffset && again.lastOffset == first.lastOffset)
            #expect(again.logAppendTime == .none)
        }
        for number: Int32 in [0, 1] {
            #expect(throws: outOfOrder(number * 2, expected: 14)) { try fixture.append(batch(number * 2, count: 2)) }
        }
        // The same start with another number of records is another batch.
        #expect(throws: outOfOrder(12, expected: 14)) { try fixture.append(batch(12)) }
        #expect(fixture.log.offsets.logEnd == Offset(14))
    }

    @Test(arguments: [true, false])
    func allFiveAreStillRecognisedAfterARestart(clean: Bool) throws {
        let fixture = try LogFixture()
        let results = try (0..<6).map { try fixture.append(batch(Int32($0))) }
        try fixture.reopen(clean: clean)
        for number in 1..<6 {
            let again = try fixture.append(batch(Int32(number)))
            #expect(again.isDuplicate && again.baseOffset == results[number].baseOffset)
        }
        try fixture.append(batch(6))
        #expect(fixture.log.offsets.logEnd == Offset(7))
    }

    @Test func sequencesWrapBehindTheLargest() throws {
        let fixture = try LogFixture()
        try fixture.append(batch(.max - 1, count: 2))
        #expect(throws: outOfOrder(1, expected: 0)) { try fixture.append(batch(1)) }
        try fixture.append(batch(0))
        try fixture.append(batch(1))

        let across = try LogFixture()
        try across.append(batch(.max - 1, count: 4))
        #expect(try across.append(batch(.max - 1, count: 4)).isDuplicate)
        try across.append(batch(2))
    }

    @Test func anUnknownProducerMayBeginAnywhere() throws {
        let fixture = try LogFixture()
        try fixture.append(batch(777, epoch: 5))
        try fixture.append(batch(778, epoch: 5))
    }

    @Test func aNewEpochBeginsAtZeroAndEndsTheOld() throws {
        let fixture = try LogFixture()
        try fixture.append(batch(0))
        #expect(throws: outOfOrder(1, expected: 0, epoch: 1)) { try fixture.append(batch(1, epoch: 1)) }
        try fixture.append(batch(0, epoch: 1))
        let expected = LogError.invalidProducerEpoch(producer: producer, epoch: 0, current: 1)
        #expect(throws: expected) { try fixture.append(batch(1)) }
        #expect(throws: expected) { try fixture.append(batch(0)) }
        #expect(expected.errorCode == .invalidProducerEpoch)
        #expect(try fixture.append(batch(0, epoch: 1)).isDuplicate)
    }

    @Test func aRefusedBatchChangesNothing() throws {
        let fileSystem = SimulatedFileSystem()
        let fixture = try LogFixture(on: fileSystem)
        try fixture.append(batch(0))
        fileSystem.limit(freeBytes: 20)
        #expect(throws: LogError.self) { try fixture.append(batch(1)) }
        fileSystem.limit(freeBytes: nil)
        #expect(try !fixture.append(batch(1)).isDuplicate)
    }

    @Test func silentProducersAreForgotten() throws {
        let fixture = try LogFixture()
        try fixture.append(batch(0))
        fixture.time.advance(milliseconds: 12 * 60 * 60 * 1000)
        try fixture.append(batch(0, producer: 4002))
        fixture.time.advance(milliseconds: 12 * 60 * 60 * 1000)
        fixture.log.removeExpiredProducers()
        #expect(fixture.log.producerCount == 1)
        try fixture.append(batch(1, producer: 4002))
        try fixture.append(batch(5))
    }

    @Test func theNumberOfRememberedProducersIsBounded() throws {
        let fixture = try LogFixture(on: SimulatedFileSystem())
        fixture.environment.maximumProducers = 20
        try fixture.reopen(clean: true)
        for producer: Int64 in 0..<100 {
            try fixture.append(batch(0, producer: producer))
            #expect(fixture.log.producerCount <= 20)
        }
        // The latest ones are there, the first is unknown.
        for producer: Int64 in 90..<100 { #expect(try fixture.append(batch(0, producer: producer)).isDuplicate) }
        #expect(try !fixture.append(batch(0, producer: 0)).isDuplicate)
    }

    @Test func randomProducersMatchASimpleModelAcrossRestarts() throws {
        for seed in 0..<20 as Range<UInt64> {
            var generator = SeededGenerator(seed: seed)
            var config = LogConfig()
            config.segmentBytes = 1000
            let fixture = try LogFixture(config: config, on: SimulatedFileSystem())
            var sent: [Int64: [(sequence: Int32, count: Int, base: Int64)]] = [:]
            for _ in 0..<200 {
                let producer = Int64.random(in: 1...3, using: &generator)
                let history = sent[producer] ?? []
                let next = history.last.map { $0.sequence + Int32($0.count) } ?? 0
                switch Int.random(in: 0..<10, using: &generator) {
                case ..<6:
                    let count = Int.random(in: 1...3, using: &generator)
                    let result = try fixture.append(batch(next, count: count, producer: producer))
                    #expect(!result.isDuplicate, "seed \(seed)")
                    sent[producer, default: []].append((next, count, result.baseOffset.rawValue))
                case ..<8:
                    guard let old = history.suffix(5).randomElement(using: &generator) else { continue }
                    let result = try fixture.append(batch(old.sequence, count: old.count, producer: producer))
                    #expect(result.isDuplicate && result.baseOffset.rawValue == old.base, "seed \(seed)")
                case 8:
                    guard !history.isEmpty else { continue }
                    #expect(throws: LogError.self, "seed \(seed)") {
                        try fixture.append(batch(next + 1, producer: producer))
                    }
                default:
                    try fixture.reopen(clean: Bool.random(using: &generator))
                }
            }
        }
    }
}
