import CommitLog
import Model
import NIOCore
import Records
import TestSupport
import Testing

/// What a log should hold: the batches in order.
private struct LogModel {
    struct Batch {
        let base: Int64
        let values: [String]
        let timestamps: [Int64]
        let length: Int

        var next: Int64 { base + Int64(values.count) }
    }

    var batches: [Batch] = []
    var start: Int64 = 0
    var end: Int64 = 0

    /// The batches a read has to return: from the one that holds the offset on, as many as fit; all of one segment,
    /// which the model does not know, so that fewer are right as well.
    func expected(from offset: Int64, maximumBytes: Int, alwaysOneBatch: Bool) -> [Batch] {
        var room = maximumBytes
        var found: [Batch] = []
        for batch in batches where batch.next > offset {
            if batch.length > room, !(found.isEmpty && alwaysOneBatch) { break }
            room -= batch.length
            found.append(batch)
        }
        return found
    }

    func first(notBefore target: Int64) -> (offset: Int64, timestamp: Int64)? {
        for batch in batches {
            for (number, timestamp) in batch.timestamps.enumerated() where timestamp >= target {
                let offset = batch.base + Int64(number)
                if offset >= start { return (offset, timestamp) }
            }
        }
        return nil
    }
}

/// Random work on a log, compared step by step with a list of batches.
@Suite struct ModelComparisonTests {
    @Test(arguments: 0..<30 as Range<UInt64>)
    func randomWorkInMemoryMatchesTheModel(seed: UInt64) throws {
        let fileSystem = SimulatedFileSystem()
        try Run(seed: seed, on: fileSystem).perform(steps: 150)
    }

    @Test(arguments: 100..<106 as Range<UInt64>)
    func randomWorkOnDiskMatchesTheModel(seed: UInt64) throws {
        try Run(seed: seed, on: nil).perform(steps: 150)
    }
}

private final class Run {
    private let seed: UInt64
    private var generator: SeededGenerator
    private let fixture: LogFixture
    private var model = LogModel()

    init(seed: UInt64, on fileSystem: SimulatedFileSystem?) throws {
        self.seed = seed
        generator = SeededGenerator(seed: seed)
        var config = LogConfig()
        config.segmentBytes = Int.random(in: 600...6000, using: &generator)
        config.indexIntervalBytes = [0, 100, 4096].randomElement(using: &generator) ?? 0
        config.segmentIndexBytes = [40, 10 << 20].randomElement(using: &generator) ?? 40
        config.timestampAfterMaxMilliseconds = .max
        fixture = try LogFixture(config: config, on: fileSystem)
        fixture.environment.recentTailBytes = [0, 1 << 20].randomElement(using: &generator) ?? 0
        fileSystem?.setCold(Bool.random(using: &generator))
    }

    func perform(steps: Int) throws {
        for step in 0..<steps {
            switch Int.random(in: 0..<100, using: &generator) {
            case ..<50: try append()
            case ..<75: try read(step)
            case ..<87: try search(step)
            case ..<91: try deleteRecords()
            case ..<93: try deleteSegments()
            case ..<95: try fixture.reopen(clean: true)
            case ..<97: try fixture.reopen(clean: false)
            case ..<98: try truncate()
            case ..<99: try fixture.log.flush()
            default: fixture.log.releaseHandles()
            }
            check(step)
        }
        try checkEverything()
    }

    private func append() throws {
        let count = Int.random(in: 1...4, using: &generator)
        let size = Int.random(in: 0...120, using: &generator)
        let values = (0..<count).map { "\(model.end + Int64($0))" + String(repeating: "x", count: size) }
        let timestamps = (0..<count).map { _ in
            1_700_000_000_000 + model.end * 10 + Int64.random(in: -200...200, using: &generator)
        }
        let compression: Compression = Bool.random(using: &generator) ? .none : .gzip
        let batch = TestBatch(values: values, timestamps: timestamps, compression: compression)
        let bytes = try batch.bytes(now: 0)
        let result = try fixture.log.append(bytes)
        #expect(result.baseOffset.rawValue == model.end, "seed \(seed)")
        model.batches.append(
            LogModel.Batch(base: model.end, values: values, timestamps: timestamps, length: bytes.readableBytes)
        )
        model.end += Int64(count)
    }

    private func read(_ step: Int) throws {
        let offset = Int64.random(in: model.start...model.end, using: &generator)
        let maximum = [0, 1, 200, 1000, 1 << 20].randomElement(using: &generator) ?? 0
        let alwaysOne = Bool.random(using: &generator)
        let found = try fixture.read(from: offset, maximumBytes: maximum, alwaysOneBatch: alwaysOne)
        let expected = model.expected(from: offset, maximumBytes: maximum, alwaysOneBatch: alwaysOne)
        let comment = Comment("seed \(seed), step \(step): read from \(offset), at most \(maximum)")
        #expect(found.count <= expected.count && (expected.isEmpty || !found.isEmpty), comment)
        for (found, expected) in zip(found, expected) {
            #expect(found.header.baseOffset.rawValue == expected.base, comment)
            #expect(found.records.map(\.text) == expected.values, comment)
        }
    }

    private func search(_ step: Int) throws {
        let target = 1_700_000_000_000 + Int64.random(in: -300...model.end * 10 + 300, using: &generator)
        let found = try fixture.log.offset(forTimestamp: Timestamp(milliseconds: target))
        let expected = model.first(notBefore: target)
        #expect(found?.offset.rawValue == expected?.offset, "seed \(seed), step \(step): from \(target)")
        #expect(found?.timestamp.milliseconds == expected?.timestamp, "seed \(seed), step \(step): from \(target)")
    }

    private func deleteRecords() throws {
        let offset = Int64.random(in: model.start...model.end, using: &generator)
        let start = try fixture.log.deleteRecords(before: Offset(offset))
        #expect(start.rawValue == offset, "seed \(seed)")
        drop(to: offset)
    }

    private func deleteSegments() throws {
        let offset = Int64.random(in: model.start...model.end, using: &generator)
        let start = try fixture.log.deleteSegments(upTo: Offset(offset)).rawValue
        #expect(start >= model.start && start <= max(offset, model.start), "seed \(seed)")
        drop(to: start)
    }

    private func drop(to start: Int64) {
        model.start = start
        model.batches.removeAll { $0.next <= start }
    }

    private func truncate() throws {
        let offset = Int64.random(in: model.start...model.end, using: &generator)
        let end = try fixture.log.truncate(to: Offset(offset)).rawValue
        model.batches.removeAll { $0.next > offset }
        let expected = model.batches.last?.next ?? end
        #expect(end == expected && end <= offset, "seed \(seed)")
        model.end = end
        if model.start > end { Issue.record("seed \(seed): the log ends at \(end), before its start") }
    }

    /// A kill forgets where the log began inside a segment, as Kafka's does between two checkpoints.
    private func check(_ step: Int) {
        let offsets = fixture.log.offsets
        #expect(offsets.logEnd.rawValue == model.end, "seed \(seed), step \(step)")
        if offsets.logStart.rawValue < model.start {
            do { _ = try fixture.log.deleteRecords(before: Offset(model.start)) } catch { Issue.record(error) }
        }
        #expect(fixture.log.offsets.logStart.rawValue == model.start, "seed \(seed), step \(step)")
    }

    private func checkEverything() throws {
        let expected = model.batches.flatMap { batch in
            zip(batch.values, batch.base...).filter { $0.1 >= model.start }.map(\.0)
        }
        #expect(try fixture.allValues() == expected, "seed \(seed)")
        let maximum = try fixture.log.maximumTimestamp()
        let timestamps = model.batches.flatMap { batch in
            zip(batch.timestamps, batch.base...).filter { $0.1 >= model.start }
        }
        let largest = timestamps.map(\.0).max()
        #expect(maximum?.timestamp.milliseconds == largest, "seed \(seed)")
        #expect(maximum?.offset.rawValue == timestamps.first { $0.0 == largest }?.1, "seed \(seed)")
    }
}
