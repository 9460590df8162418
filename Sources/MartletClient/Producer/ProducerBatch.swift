import Model
import NIOCore
import Records

/// Who produces, as idempotent batches say it. Immutable.
struct ProducerIdentity: Equatable, Sendable {
    let id: ProducerID
    let epoch: Int16
}

/// Where a delivered batch was stored.
struct BatchPlacement: Equatable, Sendable {
    /// The offset of the batch's first record; nil if the broker did not tell.
    let baseOffset: Int64?
    let logAppendTime: Int64?
}

/// What became of a batch that was refused because of some of its records (KIP-467). Immutable.
struct BatchRefusal: Sendable {
    /// What all records get that are not in ``records``.
    let error: ClientError
    /// The records at fault, by their place in the batch.
    let records: [Int32: ClientError]
}

/// Records of one partition on their way, from the first append to the broker's answer.
///
/// Owned by the accumulator, so guarded by its lock, but for the time between being drained and being handed back: then
/// it belongs to the sender that drained it.
final class ProducerBatch: @unchecked Sendable {
    let partition: TopicPartition
    let created: Instant
    private let compression: ProducerConfiguration.Compression
    /// Completes with where the batch was stored, or fails with why it was not.
    let result: BatchResult
    /// Bytes of the memory budget that the batch's records hold.
    private(set) var reservedBytes = 0
    private(set) var count: Int32 = 0
    private(set) var sequence: SequenceNumber?
    private(set) var identity: ProducerIdentity?
    /// Its place among the partition's batches.
    var ordinal: UInt64 = 0
    /// How often it was sent.
    var attempts = 0

    /// The records, until they are encoded.
    private var builder: BatchBuilder
    private var encoded: ByteBuffer?

    init(_ partition: TopicPartition, created: Instant, compression: ProducerConfiguration.Compression) {
        self.partition = partition
        self.created = created
        self.compression = compression
        result = BatchResult(partition)
        builder = BatchBuilder(compression: compression.codec, level: compression.level)
    }

    /// The bytes of the batch before compression. Stored, as it is looked at for each record.
    private(set) var size = BatchHeader.length

    /// Adds a record and says which place it got.
    func append(
        _ record: borrowing ProducerRecord,
        timestamp: Timestamp,
        reserving bytes: Int
    ) throws(ClientError) -> Int32 {
        do throws(BatchError) {
            try builder.append(key: record.key, value: record.value, headers: fields(record), timestamp: timestamp)
        } catch {
            throw ClientError(.invalidArgument, "a record for topic '\(partition.topic)' cannot be encoded: \(error)")
        }
        reservedBytes += bytes
        size = builder.uncompressedSize
        count += 1
        return count - 1
    }

    private func fields(_ record: borrowing ProducerRecord) -> [RecordHeaderField] {
        record.headers.isEmpty ? [] : record.headers.map { RecordHeaderField(name: $0.name, value: $0.value) }
    }

    /// Gives the batch its place in the producer's numbering, or takes it away.
    func number(_ identity: ProducerIdentity?, _ sequence: SequenceNumber?) {
        self.identity = identity
        self.sequence = sequence
    }

    /// The batch as it travels. Compresses the first time; later only the numbering can have changed.
    func encode() throws(ClientError) -> ByteBuffer {
        do throws(BatchError) {
            guard var bytes = encoded.take() else {
                stamp(&builder)
                let bytes = try builder.finish()
                builder = BatchBuilder()
                encoded = bytes
                return bytes
            }
            stamp(&bytes)
            encoded = bytes
            return bytes
        } catch {
            throw ClientError(.invalidArgument, "records for \(partition) cannot be encoded: \(error)")
        }
    }

    /// Two batches with the records of this one, which the broker finds too large, half of its bytes in each. Numbered
    /// as this one was, so that those behind it stay in sequence.
    ///
    /// - Returns: nil if there is only one record.
    func halves() throws(ClientError) -> (first: ProducerBatch, second: ProducerBatch)? {
        guard count > 1, let encoded else { return nil }
        let (first, second) = (emptyCopy(), emptyCopy())
        do throws(BatchError) {
            var reader = try RecordReader(batch: encoded, limits: ReadLimits(maximumDecompressedBytes: size))
            while let record = try reader.next() {
                let isFirst =
                    first.count == 0 || (second.count == 0 && first.size < size / 2 && first.count < count - 1)
                try (isFirst ? first : second).append(record)
            }
        } catch {
            throw ClientError(.invalidArgument, "records for \(partition) cannot be split: \(error)")
        }
        first.reservedBytes = reservedBytes / 2
        second.reservedBytes = reservedBytes - first.reservedBytes
        if let identity, let sequence {
            first.number(identity, sequence)
            second.number(identity, sequence.advanced(by: first.count))
        }
        return (first, second)
    }

    private func emptyCopy() -> ProducerBatch {
        let copy = ProducerBatch(partition, created: created, compression: compression)
        copy.ordinal = ordinal
        copy.attempts = attempts
        return copy
    }

    private func append(_ record: Record) throws(BatchError) {
        try builder.append(key: record.key, value: record.value, headers: record.headers, timestamp: record.timestamp)
        size = builder.uncompressedSize
        count += 1
    }

    private func stamp(_ builder: inout BatchBuilder) {
        builder.producerID = identity?.id ?? .none
        builder.producerEpoch = identity?.epoch ?? -1
        builder.baseSequence = sequence ?? .none
    }

    private func stamp(_ bytes: inout ByteBuffer) {
        let start = bytes.readerIndex
        typealias Format = RecordBatchFormat
        bytes.setInteger(identity?.id.rawValue ?? -1, at: start + Format.producerIDPosition)
        bytes.setInteger(identity?.epoch ?? -1, at: start + Format.producerEpochPosition)
        bytes.setInteger(sequence?.rawValue ?? -1, at: start + Format.baseSequencePosition)
        bytes.setInteger(CRC32C.checksum(of: bytes), at: start + Format.checksumPosition)
    }
}

extension ProducerConfiguration.Compression {
    var codec: Model.Compression {
        switch self {
        case .none: .none
        case .gzip: .gzip
        case .snappy: .snappy
        case .lz4: .lz4
        case .zstd: .zstd
        }
    }

    var level: Int? {
        switch self {
        case .none, .snappy: nil
        case .gzip(let level), .lz4(let level), .zstd(let level): level
        }
    }
}
