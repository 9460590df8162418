package import Model
package import NIOCore

/// Collects records and makes a batch of them. A value, owned by whoever produces.
package struct BatchBuilder {
    package let compression: Compression
    /// The codec's level, its default if nil.
    package let level: Int?
    package let timestampType: TimestampType
    package let isControl: Bool
    // A producer may learn these after it has begun to collect.
    package var producerID: ProducerID
    package var producerEpoch: Int16
    package var baseSequence: SequenceNumber
    package var isTransactional: Bool

    /// How many records there are.
    package private(set) var count: Int32 = 0
    private var records = ByteBuffer()
    private var baseTimestamp = Timestamp.none
    private var maxTimestamp = Timestamp.none
    /// Of the last record.
    private var lastOffsetDelta: Int32 = -1

    /// What a batch length can say.
    private static let maximumBytes = Int(Int32.max)

    package init(
        compression: Compression = .none,
        level: Int? = nil,
        producerID: ProducerID = .none,
        producerEpoch: Int16 = -1,
        baseSequence: SequenceNumber = .none,
        timestampType: TimestampType = .createTime,
        isTransactional: Bool = false,
        isControl: Bool = false
    ) {
        self.compression = compression
        self.level = level
        self.producerID = producerID
        self.producerEpoch = producerEpoch
        self.baseSequence = baseSequence
        self.timestampType = timestampType
        self.isTransactional = isTransactional
        self.isControl = isControl
    }

    /// The bytes of the batch if it is not compressed, its header included.
    package var uncompressedSize: Int { BatchHeader.length + records.readableBytes }

    /// What ``uncompressedSize`` would be after ``append(key:value:headers:timestamp:)`` with the same arguments.
    package func uncompressedSize(
        appending key: ByteBuffer?,
        value: ByteBuffer?,
        headers: [RecordHeaderField] = [],
        timestamp: Timestamp
    ) -> Int {
        let delta = timestamp.rawValue.subtractingReportingOverflow(base(for: timestamp).rawValue).partialValue
        let body = bodyLength(delta, lastOffsetDelta &+ 1, key, value, headers)
        return uncompressedSize + Varint.length(Int64(body)) + body
    }

    /// Adds a record.
    ///
    /// - Parameter skipping: How many offsets to leave out in front of it, as compaction does.
    package mutating func append(
        key: ByteBuffer?,
        value: ByteBuffer?,
        headers: [RecordHeaderField] = [],
        timestamp: Timestamp,
        skipping: Int32 = 0
    ) throws(BatchError) {
        let base = base(for: timestamp)
        let (delta, overflow) = timestamp.rawValue.subtractingReportingOverflow(base.rawValue)
        guard !overflow else {
            let problem = RecordProblem.timestampOverflow(base: base, delta: delta)
            throw .badRecord(record: count, count: count, problem: problem)
        }
        let offsetDelta = lastOffsetDelta + 1 + skipping
        let body = bodyLength(delta, offsetDelta, key, value, headers)
        let size = uncompressedSize + Varint.length(Int64(body)) + body
        guard size <= Self.maximumBytes else { throw .tooLarge(bytes: size, limit: Self.maximumBytes) }
        let recordBytes = size - uncompressedSize
        records.writeWithUnsafeMutableBytes(minimumWritableBytes: recordBytes) { space in
            var writer = RecordWriter(space)
            writer.varint(Int64(body))
            writer.byte(0)
            writer.varint(delta)
            writer.varint(Int64(offsetDelta))
            writer.field(key)
            writer.field(value)
            writer.varint(Int64(headers.count))
            for header in headers {
                writer.field(header.name)
                writer.field(header.value)
            }
            invariant(writer.position == recordBytes, "a record is as long as it was measured")
            return recordBytes
        }
        maxTimestamp = count == 0 ? timestamp : max(maxTimestamp, timestamp)
        baseTimestamp = base
        lastOffsetDelta = offsetDelta
        count += 1
    }

    /// The batch of all records so far. Can be called again, for example with another sequence number.
    ///
    /// Records that compression does not make smaller are left uncompressed.
    package func finish(
        baseOffset: Offset = .zero,
        leaderEpoch: LeaderEpoch = .none
    ) throws(BatchError) -> ByteBuffer {
        guard count > 0 else { throw .empty }
        let compressed = try Codec.compress(records, with: compression, level: level)
        let isSmaller = compressed.readableBytes < records.readableBytes
        let payload = isSmaller ? compressed : records
        let attributes = BatchAttributes(
            compression: isSmaller ? compression : .none,
            timestampType: timestampType,
            isTransactional: isTransactional,
            isControl: isControl
        )
        var batch = ByteBuffer()
        batch.reserveCapacity(BatchHeader.length + payload.readableBytes)
        batch.writeMultipleIntegers(
            baseOffset.rawValue,
            Int32(RecordBatchFormat.minimumBatchLength + payload.readableBytes),
            leaderEpoch.rawValue,
            RecordBatchFormat.magic,
            UInt32(0)
        )
        batch.writeMultipleIntegers(attributes.rawValue, lastOffsetDelta, baseTimestamp.rawValue, maxTimestamp.rawValue)
        batch.writeMultipleIntegers(producerID.rawValue, producerEpoch, baseSequence.rawValue, count)
        batch.writeImmutableBuffer(payload)
        batch.setInteger(CRC32C.checksum(of: batch), at: RecordBatchFormat.checksumPosition)
        return batch
    }

    private func base(for timestamp: Timestamp) -> Timestamp { count == 0 ? timestamp : baseTimestamp }

    private func bodyLength(
        _ timestampDelta: Int64,
        _ offsetDelta: Int32,
        _ key: ByteBuffer?,
        _ value: ByteBuffer?,
        _ headers: [RecordHeaderField]
    ) -> Int {
        let attributes = 1
        var length = attributes + Varint.length(timestampDelta) + Varint.length(Int64(offsetDelta))
        length += Self.length(key) + Self.length(value) + Varint.length(Int64(headers.count))
        for header in headers {
            let name = header.name.utf8.count
            length += Varint.length(Int64(name)) + name + Self.length(header.value)
        }
        return length
    }

    private static func length(_ field: ByteBuffer?) -> Int {
        guard let field else { return Varint.length(-1) }
        return Varint.length(Int64(field.readableBytes)) + field.readableBytes
    }
}
