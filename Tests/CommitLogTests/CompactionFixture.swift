import CommitLog
import Model
import NIOCore
import Records
import TestSupport

/// A record as the tests compare it.
struct KeyedRecord: Equatable, CustomStringConvertible {
    let offset: Int64
    let key: String?
    let value: String?

    var description: String { "\(offset):\(key ?? "-")=\(value ?? "-")" }
}

/// Lets a compaction run as fast as it can, tells the test how it gets on, and ends it when the test says so.
final class CompactionProbe: CompactionControl {
    private let goesOn: @Sendable (Int) -> Bool

    init(_ goesOn: @escaping @Sendable (Int) -> Bool = { _ in true }) { self.goesOn = goesOn }

    func transferred(_ bytes: Int) throws(LogError) {
        if !goesOn(bytes) { throw .closed(TopicPartition("ended-by-the-test", 0)) }
    }
}

extension LogConfig {
    /// Compacted, with segments of a few batches.
    static func compacted(segmentBytes: Int = 600) -> LogConfig {
        var config = LogConfig()
        config.cleanupPolicy = .compact
        config.segmentBytes = segmentBytes
        config.indexIntervalBytes = 100
        return config
    }
}

extension LogFixture {
    /// Appends one batch of keys and values; a nil value is a tombstone.
    @discardableResult
    func append(
        _ records: [(key: String?, value: String?)],
        compression: Compression = .none,
        producer: ProducerID = .none,
        sequence: Int32 = -1
    ) throws -> AppendResult {
        try log.append(try batch(records, compression: compression, producer: producer, sequence: sequence))
    }

    func batch(
        _ records: [(key: String?, value: String?)],
        compression: Compression = .none,
        producer: ProducerID = .none,
        sequence: Int32 = -1
    ) throws -> ByteBuffer {
        var builder = BatchBuilder(
            compression: compression,
            producerID: producer,
            producerEpoch: producer == .none ? -1 : 0,
            baseSequence: SequenceNumber(sequence)
        )
        for (key, value) in records {
            try builder.append(
                key: key.map { ByteBuffer(string: $0) },
                value: value.map { ByteBuffer(string: $0) },
                timestamp: time.now
            )
        }
        return try builder.finish()
    }

    /// Compacts everything that was appended so far.
    @discardableResult
    func compactAll(
        _ options: CompactionOptions = CompactionOptions(),
        control: CompactionProbe = CompactionProbe()
    ) throws -> CompactionResult {
        try log.rollIfAged(always: true)
        return try log.compact(options, control: control)
    }

    func allBatches() throws -> [ReadBatch] {
        var all: [ReadBatch] = []
        var next = log.offsets.logStart.rawValue
        while next < log.offsets.logEnd.rawValue {
            let batches = try read(from: next)
            guard let last = batches.last else { break }
            all += batches
            next = last.header.nextOffset.rawValue
        }
        return all
    }

    func allRecords() throws -> [KeyedRecord] {
        let start = log.offsets.logStart
        return try allBatches().flatMap(\.records).filter { $0.offset >= start }.map {
            KeyedRecord(
                offset: $0.offset.rawValue,
                key: $0.key.map { String(buffer: $0) },
                value: $0.value.map { String(buffer: $0) }
            )
        }
    }
}
