import Model
package import NIOCore

/// What a reader of foreign batches puts up with. Immutable.
package struct ReadLimits: Equatable, Sendable {
    /// The largest size that a batch's records may have when decompressed.
    package var maximumDecompressedBytes: Int
    /// The most headers one record may have.
    package var maximumHeaders: Int
    /// Whether the checksum is compared first: not needed for bytes that were just validated.
    package var verifiesChecksum: Bool

    package init(
        maximumDecompressedBytes: Int = BatchLimits.decompressedBytes,
        maximumHeaders: Int = BatchLimits.headers,
        verifiesChecksum: Bool = true
    ) {
        self.maximumDecompressedBytes = maximumDecompressedBytes
        self.maximumHeaders = maximumHeaders
        self.verifiesChecksum = verifiesChecksum
    }
}

/// Takes a batch apart into records, one at a time. A value, owned by whoever reads.
///
/// Reads what any broker may hold: offsets may have gaps where compaction took records out.
package struct RecordReader {
    package let header: BatchHeader
    /// Uncompressed.
    private let records: ByteBuffer
    private let maximumHeaders: Int
    /// Of the next record, from the start of ``records``.
    private var position = 0
    private var count: Int32 = 0
    private var lastOffsetDelta: Int32 = -1

    /// Reads the header of the batch at the reader index, and decompresses the records if they are compressed.
    ///
    /// - Parameter batch: May hold more after the batch.
    package init(batch: ByteBuffer, limits: ReadLimits = ReadLimits()) throws(BatchError) {
        header = try BatchHeader(batch)
        maximumHeaders = limits.maximumHeaders
        guard let whole = batch.getSlice(at: batch.readerIndex, length: header.totalLength) else {
            throw .truncated(needed: header.totalLength, available: batch.readableBytes)
        }
        if limits.verifiesChecksum {
            let computed = CRC32C.checksum(of: whole)
            guard header.checksum == computed else {
                throw .checksumMismatch(stored: header.checksum, computed: computed)
            }
        }
        guard let compression = header.attributes.compression else {
            throw .unsupportedCodec(header.attributes.codecNumber)
        }
        let payload = whole.dropFirst(BatchHeader.length)
        // A batch that compaction has emptied has no compressed data at all.
        records =
            compression == .none || header.recordCount == 0
            ? payload
            : try Codec.decompress(payload, with: compression, limit: limits.maximumDecompressedBytes)
    }

    /// The next record, or nil after the last.
    package mutating func next() throws(BatchError) -> Record? {
        guard count < header.recordCount else {
            let rest = records.readableBytes - position
            guard rest == 0 else { throw .bytesAfterRecords(rest) }
            return nil
        }
        let record: Record
        do throws(RecordProblem) {
            record = try read()
        } catch {
            throw .badRecord(record: count, count: header.recordCount, problem: error)
        }
        count += 1
        return record
    }

    private mutating func read() throws(RecordProblem) -> Record {
        let (layout, headers) = try records.withUnsafeReadableBytes { bytes throws(RecordProblem) in
            var cursor = RecordCursor(bytes, from: position)
            let layout = try cursor.record(maximumHeaders: maximumHeaders)
            return (layout, try readHeaders(layout, bytes))
        }
        guard layout.offsetDelta > lastOffsetDelta, layout.offsetDelta <= header.lastOffsetDelta else {
            let (first, last) = (lastOffsetDelta, header.lastOffsetDelta)
            throw .badOffsetDelta(layout.offsetDelta, expected: (first < last ? first + 1 : last)...last)
        }
        let own = try layout.timestamp(base: header.baseTimestamp)
        let isOwn = header.attributes.timestampType == .createTime
        lastOffsetDelta = layout.offsetDelta
        position = layout.end
        return Record(
            offset: header.baseOffset + Int64(layout.offsetDelta),
            timestamp: isOwn ? own : header.maxTimestamp,
            key: slice(layout.key),
            value: slice(layout.value),
            headers: headers
        )
    }

    private func readHeaders(
        _ layout: RecordLayout,
        _ bytes: UnsafeRawBufferPointer
    ) throws(RecordProblem) -> [RecordHeaderField] {
        guard layout.headerCount > 0 else { return [] }
        var headers: [RecordHeaderField] = []
        headers.reserveCapacity(Int(layout.headerCount))
        var cursor = RecordCursor(bytes, from: layout.headersPosition)
        for _ in 0..<layout.headerCount {
            let (name, value) = try cursor.header()
            let nameBytes = bytes[name.position..<name.position + name.length]
            headers.append(RecordHeaderField(name: String(decoding: nameBytes, as: UTF8.self), value: slice(value)))
        }
        return headers
    }

    private func slice(_ field: RecordLayout.Field) -> ByteBuffer? {
        field.isNull ? nil : records.getSlice(at: records.readerIndex + field.position, length: field.length)
    }
}
