package import Model
package import NIOCore

/// What compaction makes of a batch. Immutable.
package enum RewrittenBatch: Equatable {
    /// Every record stays, and so do the bytes.
    case unchanged
    /// Some records stay, or there is a delete horizon now.
    case rewritten(ByteBuffer)
    /// No record stays.
    case empty
}

extension StoredBatch {
    /// The batch with only those records for which `keep` holds. Offsets, epoch, sequence numbers and codec stay as they
    /// were, so that what is left is found where it always was.
    ///
    /// - Parameter horizon: The time after which tombstones may go; noted in the batch if one stays and the batch has no
    ///   such time yet (KIP-534).
    package func rewritten(horizon: Timestamp, keeping keep: (StoredRecord) -> Bool) throws(BatchError)
        -> RewrittenBatch
    {
        var kept: [StoredRecord] = []
        kept.reserveCapacity(Int(min(header.recordCount, Self.expectedRecords)))
        var hasTombstone = false
        try forEachRecord { record in
            if keep(record) {
                kept.append(record)
                if record.isTombstone { hasTombstone = true }
            }
            return true
        }
        if kept.isEmpty { return .empty }
        let needsHorizon = hasTombstone && !header.attributes.hasDeleteHorizon
        if kept.count == Int(header.recordCount), !needsHorizon { return .unchanged }
        return .rewritten(try assembled(kept, horizon: needsHorizon ? horizon : nil))
    }

    /// The batch with all its records and the time after which it may go; without that where its timestamps are too far
    /// from it.
    package func withDeleteHorizon(_ horizon: Timestamp) throws(BatchError) -> ByteBuffer {
        var records: [StoredRecord] = []
        try forEachRecord { record in
            records.append(record)
            return true
        }
        return try assembled(records, horizon: horizon)
    }

    /// The batch without any record: what is left to remember a producer's last sequence number, or the end of what was
    /// compacted.
    package func emptied() -> ByteBuffer {
        assembled(
            ByteBuffer(),
            count: 0,
            attributes: header.attributes.withoutRecords,
            baseTimestamp: .none,
            maxTimestamp: header.maxTimestamp
        )
    }

    /// Room for most batches; more is only slower.
    private static let expectedRecords: Int32 = 1024

    private func assembled(_ kept: [StoredRecord], horizon: Timestamp?) throws(BatchError) -> ByteBuffer {
        let (records, maximum, base) = try withRecords { bytes throws(BatchError) in
            var maximum = Timestamp.none
            do throws(RecordProblem) {
                for (number, record) in kept.enumerated() {
                    let timestamp = try record.layout.timestamp(base: header.baseTimestamp)
                    maximum = number == 0 ? timestamp : max(maximum, timestamp)
                }
                if let horizon, let moved = try moved(kept, of: bytes, to: horizon) { return (moved, maximum, horizon) }
            } catch {
                throw .badRecord(record: 0, count: header.recordCount, problem: error)
            }
            var records = ByteBuffer()
            records.reserveCapacity(bytes.count)
            for record in kept { records.writeBytes(bytes[record.start..<record.layout.end]) }
            return (records, maximum, header.baseTimestamp)
        }
        let isStamped = header.attributes.timestampType == .logAppendTime
        let hasHorizon = horizon != nil && base == horizon
        let compression = header.attributes.compression ?? .none
        return assembled(
            try Codec.compress(records, with: compression),
            count: Int32(kept.count),
            attributes: hasHorizon ? header.attributes.withDeleteHorizon : header.attributes,
            baseTimestamp: base,
            maxTimestamp: isStamped ? header.maxTimestamp : maximum
        )
    }

    /// The records with their timestamps told from another base; nil if one of them is too far from it, so that the
    /// batch must go without a horizon.
    private func moved(
        _ kept: [StoredRecord],
        of bytes: UnsafeRawBufferPointer,
        to base: Timestamp
    ) throws(RecordProblem) -> ByteBuffer? {
        var records = ByteBuffer()
        records.reserveCapacity(bytes.count + kept.count * RecordBatchFormat.maximumVarlongBytes)
        for record in kept {
            let old = record.layout.timestampDelta
            let (shift, shiftOverflow) = header.baseTimestamp.rawValue.subtractingReportingOverflow(base.rawValue)
            let (delta, overflow) = old.addingReportingOverflow(shift)
            if shiftOverflow || overflow { return nil }
            let rest = bytes[try positionBehindTimestamp(of: record, in: bytes)..<record.layout.end]
            let length = 1 + Varint.length(delta) + rest.count
            let total = Varint.length(Int64(length)) + length
            records.writeWithUnsafeMutableBytes(minimumWritableBytes: total) { space in
                var writer = RecordWriter(space)
                writer.varint(Int64(length))
                writer.byte(0)
                writer.varint(delta)
                writer.copy(UnsafeRawBufferPointer(rebasing: rest))
                return writer.position
            }
        }
        return records
    }

    /// Where the offset delta begins. Foreign integers may be longer than they need to be.
    private func positionBehindTimestamp(
        of record: StoredRecord,
        in bytes: UnsafeRawBufferPointer
    ) throws(RecordProblem) -> Int {
        var cursor = RecordCursor(bytes, from: record.start)
        _ = try cursor.varint(.length)
        let attributes = 1
        cursor = RecordCursor(bytes, from: cursor.position + attributes)
        _ = try cursor.varlong(.timestampDelta)
        return cursor.position
    }

    private func assembled(
        _ payload: ByteBuffer,
        count: Int32,
        attributes: BatchAttributes,
        baseTimestamp: Timestamp,
        maxTimestamp: Timestamp
    ) -> ByteBuffer {
        var batch = ByteBuffer()
        batch.reserveCapacity(BatchHeader.length + payload.readableBytes)
        batch.writeMultipleIntegers(
            header.baseOffset.rawValue,
            Int32(RecordBatchFormat.minimumBatchLength + payload.readableBytes),
            header.leaderEpoch.rawValue,
            RecordBatchFormat.magic,
            UInt32(0)
        )
        batch.writeMultipleIntegers(attributes.rawValue, header.lastOffsetDelta)
        batch.writeMultipleIntegers(baseTimestamp.rawValue, maxTimestamp.rawValue)
        batch.writeMultipleIntegers(
            header.producerID.rawValue,
            header.producerEpoch,
            header.baseSequence.rawValue,
            count
        )
        batch.writeImmutableBuffer(payload)
        batch.setInteger(CRC32C.checksum(of: batch), at: RecordBatchFormat.checksumPosition)
        return batch
    }
}
