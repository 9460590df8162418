package import Model
package import NIOCore

/// What the 61 bytes in front of a batch's records say. Immutable.
///
/// ``RecordBatchFormat`` has the layout.
package struct BatchHeader: Equatable, Sendable {
    /// Bytes in front of the records.
    package static let length = RecordBatchFormat.recordsPosition

    package let baseOffset: Offset
    /// As on the wire: the batch's bytes after this field. Use ``totalLength``.
    package let batchLength: Int32
    package let leaderEpoch: LeaderEpoch
    package let magic: Int8
    package let checksum: UInt32
    package let attributes: BatchAttributes
    package let lastOffsetDelta: Int32
    package let baseTimestamp: Timestamp
    package let maxTimestamp: Timestamp
    package let producerID: ProducerID
    package let producerEpoch: Int16
    package let baseSequence: SequenceNumber
    package let recordCount: Int32

    /// The bytes of the whole batch.
    package var totalLength: Int { RecordBatchFormat.lengthOverhead + Int(batchLength) }

    /// The bytes of the records, compressed if they are.
    package var recordsLength: Int { totalLength - Self.length }

    package var lastOffset: Offset { baseOffset + Int64(lastOffsetDelta) }

    /// The offset after the batch.
    package var nextOffset: Offset { baseOffset + (Int64(lastOffsetDelta) + 1) }

    /// Whether an idempotent producer wrote the batch.
    package var hasProducerID: Bool { producerID.rawValue > ProducerID.none.rawValue }

    /// The sequence number of the last record; none if the batch has none.
    package var lastSequence: SequenceNumber {
        baseSequence.rawValue < 0 ? .none : baseSequence.advanced(by: lastOffsetDelta)
    }

    /// Reads the header at the start of `bytes` and checks its structure: magic, a length that can hold the header, and
    /// offsets that exist. Does not need the whole batch and does not look at the checksum.
    package init(_ bytes: UnsafeRawBufferPointer) throws(BatchError) {
        try self.init(framing: bytes)
        try checkOffsets()
    }

    /// Reads the header at the reader index, see ``init(_:)-(UnsafeRawBufferPointer)``.
    package init(_ buffer: ByteBuffer) throws(BatchError) {
        self = try buffer.withUnsafeReadableBytes { bytes throws(BatchError) in try BatchHeader(bytes) }
    }

    /// Reads the header and checks only what the checksum does not cover: length and magic.
    ///
    /// For the validator, which must not blame the producer for a field before the checksum has shown it to be what the
    /// producer sent.
    init(framing bytes: UnsafeRawBufferPointer) throws(BatchError) {
        guard bytes.count > RecordBatchFormat.magicPosition else {
            throw .truncated(needed: Self.length, available: bytes.count)
        }
        magic = bytes.integer(at: RecordBatchFormat.magicPosition)
        guard magic == RecordBatchFormat.magic else { throw .unsupportedMagic(magic) }
        batchLength = bytes.integer(at: RecordBatchFormat.lengthPosition)
        guard batchLength >= RecordBatchFormat.minimumBatchLength else { throw .badLength(batchLength) }
        guard bytes.count >= Self.length else { throw .truncated(needed: Self.length, available: bytes.count) }
        baseOffset = Offset(bytes.integer(at: RecordBatchFormat.baseOffsetPosition))
        leaderEpoch = LeaderEpoch(bytes.integer(at: RecordBatchFormat.leaderEpochPosition))
        checksum = bytes.integer(at: RecordBatchFormat.checksumPosition)
        attributes = BatchAttributes(rawValue: bytes.integer(at: RecordBatchFormat.attributesPosition))
        lastOffsetDelta = bytes.integer(at: RecordBatchFormat.lastOffsetDeltaPosition)
        baseTimestamp = Timestamp(milliseconds: bytes.integer(at: RecordBatchFormat.baseTimestampPosition))
        maxTimestamp = Timestamp(milliseconds: bytes.integer(at: RecordBatchFormat.maxTimestampPosition))
        producerID = ProducerID(bytes.integer(at: RecordBatchFormat.producerIDPosition))
        producerEpoch = bytes.integer(at: RecordBatchFormat.producerEpochPosition)
        baseSequence = SequenceNumber(bytes.integer(at: RecordBatchFormat.baseSequencePosition))
        recordCount = bytes.integer(at: RecordBatchFormat.recordCountPosition)
    }

    /// Makes ``lastOffset`` and ``nextOffset`` safe to compute, and the count safe to use.
    func checkOffsets() throws(BatchError) {
        let last = Int64(lastOffsetDelta)
        guard baseOffset.rawValue >= 0, last >= 0, baseOffset.rawValue < Int64.max - last else {
            throw .badOffsets(base: baseOffset.rawValue, lastDelta: lastOffsetDelta)
        }
        guard recordCount >= 0 else { throw .badCount(records: recordCount, lastOffsetDelta: lastOffsetDelta) }
    }
}

extension UnsafeRawBufferPointer {
    /// The big-endian integer at `position`, which the caller has checked to be inside.
    @inline(__always)
    func integer<Value: FixedWidthInteger>(at position: Int, as type: Value.Type = Value.self) -> Value {
        Value(bigEndian: loadUnaligned(fromByteOffset: position, as: type))
    }
}
