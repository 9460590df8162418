package import Model
import NIOCore

/// A batch that is in a log already, opened for compaction: its checksum was compared, its records are uncompressed.
/// Used within one call: it must not outlive the bytes it was made from.
///
/// Records are looked at in place, and those that stay are copied as they are: nothing is allocated per record.
package struct StoredBatch {
    package let header: BatchHeader
    /// The whole batch as it is stored.
    let stored: UnsafeRawBufferPointer
    /// The records of a compressed batch.
    private let decompressed: ByteBuffer?
    private let maximumHeaders: Int

    /// Takes the batch that `bytes` begins with. The checksum is always compared.
    package init(_ bytes: UnsafeRawBufferPointer, limits: ReadLimits = ReadLimits()) throws(BatchError) {
        header = try Self.verified(bytes)
        maximumHeaders = limits.maximumHeaders
        stored = UnsafeRawBufferPointer(rebasing: bytes[0..<header.totalLength])
        guard let compression = header.attributes.compression else {
            throw .unsupportedCodec(header.attributes.codecNumber)
        }
        if compression == .none || header.recordCount == 0 {
            decompressed = nil
        } else {
            let payload = ByteBuffer(bytes: stored.dropFirst(BatchHeader.length))
            decompressed = try Codec.decompress(payload, with: compression, limit: limits.maximumDecompressedBytes)
        }
    }

    /// The header of the batch that `bytes` begins with, all of whose bytes agree with its checksum.
    package static func verified(_ bytes: UnsafeRawBufferPointer) throws(BatchError) -> BatchHeader {
        let header = try BatchHeader(bytes)
        guard header.totalLength <= bytes.count else {
            throw .truncated(needed: header.totalLength, available: bytes.count)
        }
        let computed = CRC32C.checksum(ofBatch: UnsafeRawBufferPointer(rebasing: bytes[0..<header.totalLength]))
        guard computed == header.checksum else {
            throw .checksumMismatch(stored: header.checksum, computed: computed)
        }
        return header
    }

    /// Calls `body` with each record until it returns false. Checks every field on the way, and in the end that the
    /// batch has neither more nor less than it announces.
    package func forEachRecord(_ body: (StoredRecord) -> Bool) throws(BatchError) {
        try withRecords { records throws(BatchError) in
            var cursor = RecordCursor(records)
            var previous: Int32 = -1
            for number in 0..<header.recordCount {
                let record: StoredRecord
                do throws(RecordProblem) {
                    record = try self.record(records, &cursor, after: previous)
                } catch {
                    throw .badRecord(record: number, count: header.recordCount, problem: error)
                }
                previous = record.layout.offsetDelta
                if !body(record) { return }
            }
            guard cursor.remaining == 0 else { throw .bytesAfterRecords(cursor.remaining) }
        }
    }

    /// Calls `body` with the uncompressed records.
    func withRecords<Result>(
        _ body: (UnsafeRawBufferPointer) throws(BatchError) -> Result
    ) throws(BatchError) -> Result {
        guard let decompressed else {
            return try body(UnsafeRawBufferPointer(rebasing: stored.dropFirst(BatchHeader.length)))
        }
        return try decompressed.withUnsafeReadableBytes { bytes throws(BatchError) in try body(bytes) }
    }

    private func record(
        _ records: UnsafeRawBufferPointer,
        _ cursor: inout RecordCursor,
        after previous: Int32
    ) throws(RecordProblem) -> StoredRecord {
        let start = cursor.position
        let layout = try cursor.record(maximumHeaders: maximumHeaders)
        guard layout.offsetDelta > previous, layout.offsetDelta <= header.lastOffsetDelta else {
            let last = header.lastOffsetDelta
            throw .badOffsetDelta(layout.offsetDelta, expected: (previous < last ? previous + 1 : last)...last)
        }
        let key = layout.key
        return StoredRecord(
            offset: header.baseOffset + Int64(layout.offsetDelta),
            key: key.isNull ? nil : UnsafeRawBufferPointer(rebasing: records[key.position..<key.position + key.length]),
            isTombstone: layout.value.isNull,
            layout: layout,
            start: start
        )
    }
}

/// A record in its batch. Used within one call, as the batch.
package struct StoredRecord {
    package let offset: Offset
    package let key: UnsafeRawBufferPointer?
    /// Whether it says that its key is deleted.
    package let isTombstone: Bool
    let layout: RecordLayout
    /// Of its length field, in the batch's records.
    let start: Int
}
