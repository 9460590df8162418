import NIOCore
import Records

/// Where a compaction puts what stays.
protocol BatchSink {
    /// Bytes so far.
    var size: Int { get }
    mutating func append(_ batch: UnsafeRawBufferPointer, _ header: BatchHeader) throws(LogError)
}

extension BatchSink {
    mutating func append(_ batch: ByteBuffer) throws(LogError) {
        let header = try checkingBatch { () throws(BatchError) in try BatchHeader(batch) }
        try batch.withUnsafeReadableBytes { bytes throws(LogError) in try append(bytes, header) }
    }
}

/// Takes batches and only notes how large they are: for a compaction that is to change nothing. A value.
struct MeasuringSink: BatchSink {
    private(set) var size = 0

    mutating func append(_ batch: UnsafeRawBufferPointer, _ header: BatchHeader) { size += batch.count }
}
