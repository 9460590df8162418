package import Model
package import NIOCore

/// A batch that has been found good. Immutable.
package struct ValidatedBatch: Equatable, Sendable {
    package let header: BatchHeader
    /// The largest of the records' timestamps, -1 if none has one. As the header says where that cannot be wrong
    /// without decompressing.
    package let maximumTimestamp: Timestamp
    /// Which record has it, the first if several do; the last record's for a batch that was not decompressed.
    package let offsetDeltaOfMaximumTimestamp: Int32

    /// Whether the header lies about the maximum timestamp: ``BatchPatch/setMaximumTimestamp(_:_:)`` puts it right.
    ///
    /// Some producers never set it (Sarama leaves -1), and Kafka's broker corrects it, too.
    package var needsMaximumTimestamp: Bool { header.maxTimestamp != maximumTimestamp }
}

/// Decides whether a produced batch may be appended. Immutable.
///
/// The checks and their errors are those of Kafka's broker. Stricter are: a batch must not be followed by part of
/// another, record offsets of uncompressed batches must count up as well, lengths below -1 are refused, and a batch
/// cannot claim to be transactional without a producer or to have been stamped or compacted by a broker.
/// Laxer is: compressed records are only looked at if the topic needs their keys or the header's timestamps make no
/// sense; otherwise they are the consumers' to judge, as they were the producer's to write.
package struct BatchValidator: Sendable {
    package let rules: BatchRules

    package init(_ rules: BatchRules) { self.rules = rules }

    /// Checks that `batch` holds exactly one good batch.
    ///
    /// The records of an uncompressed batch are walked, those of a compressed one only where necessary.
    package func validate(_ batch: ByteBuffer, now: Timestamp) throws(BatchError) -> BatchHeader {
        try inspect(batch, now: now).header
    }

    /// As ``validate(_:now:)``, and tells what was learnt about the timestamps.
    package func inspect(_ batch: ByteBuffer, now: Timestamp) throws(BatchError) -> ValidatedBatch {
        try batch.withUnsafeReadableBytes { bytes throws(BatchError) in
            let header = try checkFrame(bytes)
            guard let compression = header.attributes.compression else {
                throw .unsupportedCodec(header.attributes.codecNumber)
            }
            try checkHeader(header, compression)
            let window = TimestampWindow(rules, now: now)
            if compression == .none {
                let records = UnsafeRawBufferPointer(rebasing: bytes.dropFirst(BatchHeader.length))
                return try walk(records, header: header, window: window)
            }
            if needsDecompression(header, window) {
                let records = try Codec.decompress(
                    batch.dropFirst(BatchHeader.length),
                    with: compression,
                    limit: rules.maximumDecompressedBytes
                )
                return try records.withUnsafeReadableBytes { records throws(BatchError) in
                    try walk(records, header: header, window: window)
                }
            }
            return ValidatedBatch(
                header: header,
                maximumTimestamp: header.maxTimestamp,
                offsetDeltaOfMaximumTimestamp: header.lastOffsetDelta
            )
        }
    }

    /// What can be said without believing any field: one batch, of allowed size, as it was sent.
    private func checkFrame(_ bytes: UnsafeRawBufferPointer) throws(BatchError) -> BatchHeader {
        let header = try BatchHeader(framing: bytes)
        let length = header.totalLength
        guard length <= bytes.count else { throw .truncated(needed: length, available: bytes.count) }
        guard length == bytes.count else { throw .trailingBytes(bytes.count - length) }
        guard length <= rules.maximumBytes else { throw .tooLarge(bytes: length, limit: rules.maximumBytes) }
        guard header.baseOffset == .zero else { throw .baseOffsetNotZero(header.baseOffset.rawValue) }
        let computed = CRC32C.checksum(ofBatch: bytes)
        guard header.checksum == computed else {
            throw .checksumMismatch(stored: header.checksum, computed: computed)
        }
        return header
    }

    private func checkHeader(_ header: BatchHeader, _ compression: Compression) throws(BatchError) {
        try header.checkOffsets()
        guard header.recordCount > 0, header.lastOffsetDelta == header.recordCount - 1 else {
            throw .badCount(records: header.recordCount, lastOffsetDelta: header.lastOffsetDelta)
        }
        let possible = Codec.maximumOutputBytes(from: header.recordsLength, with: compression)
        let recordBytes = compression == .none ? possible : min(possible, rules.maximumDecompressedBytes)
        let limit = recordBytes / RecordBatchFormat.minimumRecordBytes
        guard Int(header.recordCount) <= limit else {
            throw .tooManyRecords(count: header.recordCount, limit: limit)
        }
        guard !header.attributes.isControl || rules.allowsControl else { throw .controlFromClient }
        guard !header.attributes.hasDeleteHorizon else { throw .deleteHorizonFromClient }
        guard header.attributes.timestampType == .createTime else { throw .appendTimeFromClient }
        try checkProducer(header)
    }

    /// A batch without a producer id may have any epoch and sequence: Sarama writes 0 there.
    private func checkProducer(_ header: BatchHeader) throws(BatchError) {
        guard header.hasProducerID else {
            if header.attributes.isTransactional { throw .badProducer(.transactionalWithoutID) }
            return
        }
        guard header.producerEpoch >= 0 else {
            throw .badProducer(.negativeEpoch(header.producerEpoch, producer: header.producerID))
        }
        guard header.baseSequence.rawValue >= 0 || header.attributes.isControl else {
            throw .badProducer(.negativeSequence(header.baseSequence.rawValue, producer: header.producerID))
        }
    }

    /// The header's timestamps are believed if they can be true: the base is the first record's, so a maximum below it
    /// was never set, and one of them outside the window condemns a record, which must be found.
    private func needsDecompression(_ header: BatchHeader, _ window: TimestampWindow) -> Bool {
        if rules.requiresKeys { return true }
        guard rules.timestampType == .createTime else { return false }
        return header.maxTimestamp < header.baseTimestamp || !window.contains(header.baseTimestamp)
            || !window.contains(header.maxTimestamp)
    }

    private func walk(
        _ records: UnsafeRawBufferPointer,
        header: BatchHeader,
        window: TimestampWindow
    ) throws(BatchError) -> ValidatedBatch {
        var cursor = RecordCursor(records)
        var maximum = Timestamp.none
        var indexOfMaximum = header.lastOffsetDelta
        for index in 0..<header.recordCount {
            let timestamp: Timestamp
            let isKeyNull: Bool
            do throws(RecordProblem) {
                let record = try cursor.record(maximumHeaders: rules.maximumHeaders)
                guard record.offsetDelta == index else {
                    throw .badOffsetDelta(record.offsetDelta, expected: index...index)
                }
                timestamp = try record.timestamp(base: header.baseTimestamp)
                isKeyNull = record.key.isNull
            } catch {
                throw .badRecord(record: index, count: header.recordCount, problem: error)
            }
            if isKeyNull, rules.requiresKeys { throw .missingKey(record: index, count: header.recordCount) }
            guard window.contains(timestamp) else { throw window.refusal(of: timestamp, record: index) }
            if timestamp.rawValue > maximum.rawValue {
                maximum = timestamp
                indexOfMaximum = index
            }
        }
        guard cursor.remaining == 0 else { throw .bytesAfterRecords(cursor.remaining) }
        return ValidatedBatch(
            header: header,
            maximumTimestamp: maximum,
            offsetDeltaOfMaximumTimestamp: indexOfMaximum
        )
    }
}
