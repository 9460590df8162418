package import Model
package import NIOCore

/// The first 16 bytes of a batch with the offset and epoch that the broker assigns. Immutable.
///
/// The checksum does not cover them, so an append is these bytes and the rest of the client's, untouched and uncopied:
/// `pwritev(patch, batch[16...])`.
package struct BatchPatch: Equatable, Sendable {
    package static let length = RecordBatchFormat.magicPosition

    // In the order and byte order of the format.
    private let baseOffset: Int64
    private let batchLength: Int32
    private let leaderEpoch: Int32

    package init(_ header: BatchHeader, baseOffset: Offset, leaderEpoch: LeaderEpoch) {
        self.baseOffset = baseOffset.rawValue.bigEndian
        self.batchLength = header.batchLength.bigEndian
        self.leaderEpoch = leaderEpoch.rawValue.bigEndian
    }

    /// The 16 bytes, for the time of `body`.
    package func withUnsafeBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        var bytes = (baseOffset, batchLength, leaderEpoch)
        return try Swift.withUnsafeBytes(of: &bytes) { bytes throws(Failure) in try body(bytes) }
    }

    /// Overwrites the first bytes of `batch`, which holds a batch at its reader index.
    package func apply(to batch: inout ByteBuffer) {
        withUnsafeBytes { bytes in _ = batch.setBytes(bytes, at: batch.readerIndex) }
    }

    /// Makes `now` the timestamp of all records of `batch`, which holds exactly one valid batch (LogAppendTime).
    ///
    /// Copies the bytes if someone else holds them, and computes the checksum anew: only for bytes just validated.
    package static func stampAppendTime(_ batch: inout ByteBuffer, _ now: Timestamp) {
        let position = batch.readerIndex + RecordBatchFormat.attributesPosition
        guard let bits = batch.getInteger(at: position, as: Int16.self) else { return }
        batch.setInteger(BatchAttributes(rawValue: bits).withLogAppendTime.rawValue, at: position)
        setMaximumTimestamp(&batch, now)
    }

    /// Corrects the max timestamp in the header of `batch`, which holds exactly one valid batch.
    ///
    /// Some producers leave it at -1, but look-ups by time and retention rely on it.
    /// Copies the bytes if someone else holds them, and computes the checksum anew: only for bytes just validated.
    package static func setMaximumTimestamp(_ batch: inout ByteBuffer, _ timestamp: Timestamp) {
        invariant(batch.readableBytes >= BatchHeader.length, "only whole batches are stamped")
        batch.setInteger(timestamp.rawValue, at: batch.readerIndex + RecordBatchFormat.maxTimestampPosition)
        let checksum = CRC32C.checksum(of: batch)
        batch.setInteger(checksum, at: batch.readerIndex + RecordBatchFormat.checksumPosition)
    }
}
