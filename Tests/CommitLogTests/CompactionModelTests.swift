import CommitLog
import Model
import NIOCore
import Records
import TestSupport
import Testing

/// Random appends, compactions, restarts and crashes, compared with every record that was ever appended.
@Suite struct CompactionModelTests {
    @Test(arguments: 0..<60 as Range<UInt64>)
    func theLastValueOfEveryKeyStays(seed: UInt64) throws {
        try CompactionRun(seed: seed).perform(steps: 60)
    }
}

/// An idempotent producer as the test remembers it.
private struct TestProducer {
    let id: ProducerID
    var sequence: Int32 = 0
    var lastBytes: ByteBuffer?
    var lastBase = Offset.zero
}

private final class CompactionRun {
    private let seed: UInt64
    private var generator: SeededGenerator
    private let fileSystem = SimulatedFileSystem()
    private let fixture: LogFixture
    /// Every record by its offset.
    private var appended: [KeyedRecord] = []
    private var producers = [TestProducer(id: ProducerID(1)), TestProducer(id: ProducerID(2))]
    private var compactedTo: Int64 = 0
    /// Nothing is known to be durable: everything is looked through.
    private static let unknown = OpeningHints(recoveryPoint: .zero)

    init(seed: UInt64) throws {
        self.seed = seed
        generator = SeededGenerator(seed: seed)
        var config = LogConfig.compacted(segmentBytes: Int.random(in: 400...3000, using: &generator))
        config.indexIntervalBytes = [0, 100, 4096].randomElement(using: &generator) ?? 0
        config.deleteRetentionMilliseconds = 1000
        fixture = try LogFixture(config: config, on: fileSystem)
        try fixture.log.flush()
    }

    func perform(steps: Int) throws {
        for step in 0..<steps {
            let draw = Int.random(in: 0..<100, using: &generator)
            switch draw {
            case ..<70: try append()
            case ..<75: try retry(step)
            case ..<90: try compact()
            case ..<94: try fixture.reopen(clean: true)
            case ..<97: try fixture.reopen(clean: false, hints: Self.unknown)
            case ..<98: try crash()
            default: fixture.time.advance(milliseconds: Int64.random(in: 0...1500, using: &generator))
            }
            try check(step)
        }
    }

    private func append() throws {
        let count = Int.random(in: 1...5, using: &generator)
        let keys = (0..<count).map { _ in "key \(Int.random(in: 0..<12, using: &generator))" }
        let values = (0..<count).map { number -> String? in
            Int.random(in: 0..<5, using: &generator) == 0 ? nil : "value \(appended.count + number)"
        }
        let compression = Compression.allCases.randomElement(using: &generator) ?? .none
        var records: [(key: String?, value: String?)] = []
        for (key, value) in zip(keys, values) { records.append((key, value)) }
        let producer = Int.random(in: 0...2, using: &generator)
        let isIdempotent = producer < producers.count
        let bytes = try fixture.batch(
            records,
            compression: compression,
            producer: isIdempotent ? producers[producer].id : .none,
            sequence: isIdempotent ? producers[producer].sequence : -1
        )
        let result = try fixture.log.append(bytes)
        #expect(result.baseOffset.rawValue == Int64(appended.count) && !result.isDuplicate, "seed \(seed)")
        if isIdempotent {
            producers[producer].sequence += Int32(count)
            producers[producer].lastBytes = bytes
            producers[producer].lastBase = result.baseOffset
        }
        for (key, value) in zip(keys, values) {
            appended.append(KeyedRecord(offset: Int64(appended.count), key: key, value: value))
        }
    }

    /// A retried batch gets its first offset, wherever its records have gone.
    private func retry(_ step: Int) throws {
        let producer = producers[Int.random(in: 0...1, using: &generator)]
        guard let bytes = producer.lastBytes else { return }
        let result = try fixture.log.append(bytes)
        #expect(result.isDuplicate && result.baseOffset == producer.lastBase, "seed \(seed), step \(step)")
    }

    private func compact() throws {
        var options = CompactionOptions()
        options.dedupeBufferBytes = [48, 150, 1 << 20].randomElement(using: &generator) ?? 48
        if Bool.random(using: &generator) { try fixture.log.rollIfAged(always: true) }
        // Appends come in between, and now and then the compaction is ended.
        let log = fixture.log
        let between = try fixture.batch([("key 1", "between")])
        let appendsAt = Int.random(in: 0..<10, using: &generator)
        let endsAt = Int.random(in: 0..<4, using: &generator) == 0 ? Int.random(in: 0..<30, using: &generator) : .max
        let calls = Locked(0)
        let probe = CompactionProbe { _ in
            let number = calls.withLock { count in
                count += 1
                return count
            }
            if number == appendsAt {
                do { _ = try log.append(between) } catch { return false }
            }
            return number < endsAt
        }
        do {
            let result = try log.compact(options, control: probe)
            compactedTo = max(compactedTo, result.needsAnotherPass ? 0 : result.range.upperBound)
        } catch {
            if case .closed = error {} else { throw error }
        }
        if fixture.log.offsets.logEnd.rawValue > Int64(appended.count) {
            appended.append(KeyedRecord(offset: Int64(appended.count), key: "key 1", value: "between"))
        }
    }

    /// A power cut in the middle of a compaction; what was appended had been synced.
    private func crash() throws {
        try fixture.log.rollIfAged(always: true)
        try fixture.log.flush()
        let limit = Int.random(in: 0..<120, using: &generator)
        let performed = Locked(0)
        fileSystem.inject { _, _ in
            performed.withLock { count in
                count += 1
                return count > limit ? 5 : nil
            }
        }
        do {
            try fixture.log.compact(control: CompactionProbe())
        } catch {
            // The power cut that follows is what it is about.
        }
        fileSystem.inject(nil)
        fixture.log.abandon()
        fileSystem.crash()
        try fixture.reopenAsIs(clean: false, hints: Self.unknown)
    }

    private func check(_ step: Int) throws {
        let comment = Comment("seed \(seed), step \(step)")
        let found = try fixture.allRecords()
        #expect(fixture.log.offsets.logEnd.rawValue == Int64(appended.count), comment)
        #expect(found.map(\.offset) == Set(found.map(\.offset)).sorted(), comment)
        let known = found.filter { $0.offset < Int64(appended.count) }
        for record in known { #expect(appended[Int(record.offset)] == record, comment) }
        var last: [String: KeyedRecord] = [:]
        for record in appended { last[record.key ?? ""] = record }
        let offsets = Set(found.map(\.offset))
        for record in last.values where record.value != nil { #expect(offsets.contains(record.offset), comment) }
        // A key whose last record is a tombstone, even one that is gone, has no earlier value below the clean part's end.
        for record in known where record.offset < compactedTo {
            let later = appended[Int(record.offset + 1)..<Int(compactedTo)].contains { $0.key == record.key }
            #expect(!later, "\(comment): \(record) is superseded")
        }
    }
}
