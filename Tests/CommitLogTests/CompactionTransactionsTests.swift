import CommitLog
import Model
import NIOCore
import Records
import TestSupport
import Testing

/// Compaction of logs with transactions, whose batches and markers are put together here.
@Suite struct CompactionTransactionsTests {
    private let first = ProducerID(7)
    private let second = ProducerID(8)

    private func fixture(segmentBytes: Int = 100_000) throws -> LogFixture {
        var config = LogConfig.compacted(segmentBytes: segmentBytes)
        config.deleteRetentionMilliseconds = 1000
        let fixture = try LogFixture(config: config, on: SimulatedFileSystem())
        try fixture.log.flush()
        return fixture
    }

    @Test func abortedRecordsGoAndDisplaceNothing() throws {
        let log = TransactionalLog(try fixture())
        try log.fixture.append([("a", "old")])
        try log.append(first, [("a", "aborted"), ("b", "aborted")])
        try log.end(first, commits: false)
        try log.fixture.append([("c", "last")])
        try log.fixture.compactAll()
        #expect(try log.values() == ["a": "old", "c": "last"])
        #expect(try log.markers() == [3], "until the next compaction finds nothing of its transaction")
    }

    @Test func committedRecordsAreComparedByKeyAsAllOthers() throws {
        let log = TransactionalLog(try fixture())
        try log.fixture.append([("a", "old")])
        try log.append(first, [("a", "committed"), ("b", "1")])
        try log.end(first, commits: true)
        try log.fixture.append([("b", "2")])
        try log.fixture.compactAll()
        #expect(try log.values() == ["a": "committed", "b": "2"])
        #expect(try log.offsets() == [1, 4])
        #expect(try log.markers() == [3])
    }

    @Test(arguments: [true, false])
    func aMarkerGoesSomeTimeAfterTheLastOfItsTransaction(commits: Bool) throws {
        let log = TransactionalLog(try fixture())
        try log.append(first, [("a", "1")])
        try log.end(first, commits: commits)
        // Two more of the producer, so that nothing need be kept to know it.
        try log.append(first, [("x", "1")])
        try log.end(first, commits: true)
        try log.fixture.append([("a", "2")])
        try log.fixture.compactAll()
        #expect(try log.markers().first == 1, "its data were there when this compaction began")
        for number in 0..<2 {
            try log.fixture.append([("other", "\(number)")])
            try log.fixture.compactAll()
            #expect(try log.markers().first == 1, "its time has begun")
        }
        log.fixture.time.advance(milliseconds: 1000)
        try log.fixture.append([("other", "last")])
        try log.fixture.compactAll()
        #expect(try log.markers() == [3], "the other's data are still there")
        #expect(try log.values() == ["a": "2", "x": "1", "other": "last"])
        try log.fixture.reopen(clean: false)
        #expect(try log.values() == ["a": "2", "x": "1", "other": "last"])
    }

    @Test func aTransactionThatIsUnderWayEndsTheCompactionWhereItBegins() throws {
        let log = TransactionalLog(try fixture(segmentBytes: 300))
        for number in 0..<4 { try log.fixture.append([("a", "\(number)")]) }
        try log.fixture.log.rollIfAged(always: true)
        let start = log.fixture.log.offsets.logEnd
        try log.append(first, [("a", "open")])
        for number in 4..<8 { try log.fixture.append([("a", "\(number)")]) }
        let result = try log.fixture.compactAll()
        #expect(!result.needsAnotherPass)
        #expect(log.fixture.log.lastCompaction.map { $0.end <= start } ?? false)
        #expect(try log.offsets().suffix(5) == [4, 5, 6, 7, 8])
        try log.end(first, commits: false)
        try log.fixture.compactAll()
        #expect(try log.values() == ["a": "7"])
    }

    /// The marker may lie in a segment that is written still, or a restart may have come between.
    @Test func whatBecameOfATransactionIsReadAheadOverSegments() throws {
        let log = TransactionalLog(try fixture(segmentBytes: 250))
        try log.fixture.append([("a", "old")])
        for number in 0..<5 { try log.append(first, [("a", "aborted \(number)")]) }
        for number in 0..<5 { try log.append(second, [("b", "committed \(number)")]) }
        try log.end(second, commits: true)
        try log.fixture.compactAll()
        #expect(try log.values(ofAborted: true)["a"] == "aborted 4", "nobody knows yet")
        try log.end(first, commits: false)
        try log.fixture.reopen(clean: false)
        try log.fixture.compactAll()
        #expect(try log.values() == ["a": "old", "b": "committed 4"])
    }

    @Test(arguments: Compression.allCases)
    func compressedBatchesOfTransactionsAreUnderstood(_ compression: Compression) throws {
        let log = TransactionalLog(try fixture())
        try log.append(first, [("a", "committed"), ("b", "1")], compression: compression)
        try log.end(first, commits: true)
        try log.append(second, [("a", "aborted")], compression: compression)
        try log.end(second, commits: false)
        try log.fixture.append([("b", "2")])
        try log.fixture.compactAll()
        #expect(try log.values() == ["a": "committed", "b": "2"])
    }

    /// Random transactions of several producers side by side, with a map that holds few keys, against a model.
    @Test(arguments: 0..<60 as Range<UInt64>)
    func whatReadersOfCommittedRecordsSeeLastStays(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let log = TransactionalLog(try fixture(segmentBytes: Int.random(in: 300...3000, using: &generator)))
        var model: [String: String] = [:]
        var pending: [ProducerID: [String: String]] = [:]
        // A record that was committed late lies before later ones all the same: the offset decides.
        var places: [String: Int64] = [:]
        func apply(_ values: [String: String], _ offsets: [String: Int64]) {
            for (key, value) in values where offsets[key] ?? 0 >= places[key] ?? -1 {
                model[key] = value
                places[key] = offsets[key]
            }
        }
        var offsets: [ProducerID: [String: Int64]] = [:]
        for step in 0..<150 {
            let producer = ProducerID(Int64.random(in: 1...3, using: &generator))
            let key = "key\(Int.random(in: 0..<6, using: &generator))"
            switch Int.random(in: 0..<100, using: &generator) {
            case ..<45:
                let end = log.fixture.log.offsets.logEnd.rawValue
                try log.append(producer, [(key, "\(step)")])
                pending[producer, default: [:]][key] = "\(step)"
                offsets[producer, default: [:]][key] = end
            case ..<65 where pending[producer] != nil:
                let commits = Bool.random(using: &generator)
                try log.end(producer, commits: commits)
                if commits { apply(pending[producer] ?? [:], offsets[producer] ?? [:]) }
                pending[producer] = nil
                offsets[producer] = nil
            case ..<80:
                let end = log.fixture.log.offsets.logEnd.rawValue
                try log.fixture.append([(key, "\(step)")])
                apply([key: "\(step)"], [key: end])
            case ..<90:
                var options = CompactionOptions()
                options.dedupeBufferBytes = [100, 1 << 20].randomElement(using: &generator) ?? 100
                var passes = 0
                while try log.fixture.compactAll(options).needsAnotherPass, passes < 20 { passes += 1 }
            case ..<93: try log.fixture.reopen(clean: Bool.random(using: &generator))
            default: log.fixture.time.advance(milliseconds: Int64.random(in: 0...600, using: &generator))
            }
        }
        for producer in pending.keys { try log.end(producer, commits: false) }
        #expect(try log.values() == model, "seed \(seed)")
        try log.fixture.compactAll()
        #expect(try log.values() == model, "seed \(seed)")
    }
}

/// A log with transactions, as a broker that has them writes them. Owned by one test.
private final class TransactionalLog {
    let fixture: LogFixture
    private var sequences: [ProducerID: Int32] = [:]

    init(_ fixture: LogFixture) { self.fixture = fixture }

    func append(
        _ producer: ProducerID,
        _ records: [(key: String, value: String)],
        compression: Compression = .none
    ) throws {
        let sequence = sequences[producer, default: 0]
        sequences[producer] = sequence + Int32(records.count)
        var builder = BatchBuilder(
            compression: compression,
            producerID: producer,
            producerEpoch: 0,
            baseSequence: SequenceNumber(sequence),
            isTransactional: true
        )
        for (key, value) in records {
            try builder.append(
                key: ByteBuffer(string: key),
                value: ByteBuffer(string: value),
                timestamp: fixture.time.now
            )
        }
        _ = try fixture.log.append(try builder.finish())
    }

    /// Appends the marker that ends the producer's transaction.
    func end(_ producer: ProducerID, commits: Bool) throws {
        var builder = BatchBuilder(producerID: producer, producerEpoch: 0, isTransactional: true, isControl: true)
        try builder.append(
            key: ByteBuffer(bytes: [0, 0, 0, commits ? 1 : 0]),
            value: ByteBuffer(bytes: [0, 0, 0, 0, 0, 0]),
            timestamp: fixture.time.now
        )
        _ = try fixture.log.append(try builder.finish(), origin: .broker)
    }

    private func outcomes() throws -> [ProducerID: [(marker: Int64, commits: Bool)]] {
        var ends: [ProducerID: [(marker: Int64, commits: Bool)]] = [:]
        for batch in try fixture.allBatches() where batch.header.attributes.isControl {
            for record in batch.records {
                let commits = record.key?.readableBytesView.last == 1
                ends[batch.header.producerID, default: []].append((record.offset.rawValue, commits))
            }
        }
        return ends
    }

    /// The last value of each key that a reader of committed records sees; with `ofAborted`, of all records.
    func values(ofAborted: Bool = false) throws -> [String: String] {
        let ends = try outcomes()
        var values: [String: String] = [:]
        for batch in try fixture.allBatches() where !batch.header.attributes.isControl {
            let own = ends[batch.header.producerID] ?? []
            let end = own.first { $0.marker > batch.header.baseOffset.rawValue }
            let counts = ofAborted || !batch.header.attributes.isTransactional || end?.commits ?? false
            for record in batch.records where counts {
                guard let key = record.key, let value = record.value else { continue }
                values[String(buffer: key)] = String(buffer: value)
            }
        }
        return values
    }

    /// Where the records are that are no markers.
    func offsets() throws -> [Int64] {
        try fixture.allBatches().filter { !$0.header.attributes.isControl }.flatMap(\.records).map(\.offset.rawValue)
    }

    /// Where the markers are that have not been emptied.
    func markers() throws -> [Int64] {
        try fixture.allBatches().filter { $0.header.attributes.isControl }.flatMap(\.records).map(\.offset.rawValue)
    }
}
