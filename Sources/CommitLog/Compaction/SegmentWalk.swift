import Model
import Records

/// Walks the batches of a segment that takes no more, from front to back. A value, owned by one compaction.
///
/// Reads the file and not a mapping: a read error on a mapping would be a signal.
struct SegmentWalk {
    private let segment: LogSegment
    private var window: ReadWindow
    /// Of the present batch.
    private var position = 0
    private var length = 0
    private var nextOffset: Offset
    private var running = CRC32C.Running()

    /// - Parameter end: Where the last batch ends.
    init(_ segment: LogSegment, end: Int) throws(LogError) {
        self.segment = segment
        nextOffset = segment.baseOffset
        let file = try storage { () throws(FileError) in try segment.file() }
        window = ReadWindow(file: file, end: end, step: LogEnvironment.scratchBytes)
    }

    /// Of all bytes of the batches walked so far.
    var checksum: UInt32 { running.checksum }

    /// Goes on to the next batch and makes it available; nil at the end.
    mutating func next() throws(LogError) -> BatchHeader? {
        position += length
        length = 0
        guard position < window.end else { return nil }
        let head = try window.load(position, count: BatchHeader.length)
        let header = try checking { () throws(BatchError) in
            try window.withBytes(position, count: head) { bytes throws(BatchError) in try BatchHeader(bytes) }
        }
        guard header.baseOffset >= nextOffset else {
            throw corrupt("its offset is \(header.baseOffset), but \(nextOffset) is next")
        }
        let loaded = try window.load(position, count: header.totalLength)
        guard loaded == header.totalLength else {
            throw corrupt("the batch has \(header.totalLength) bytes, and \(loaded) are left")
        }
        length = header.totalLength
        nextOffset = header.nextOffset
        window.withBytes(position, count: length) { running.add($0) }
        return header
    }

    /// Calls `body` with the present batch's bytes.
    func withBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try window.withBytes(position, count: length) { bytes throws(Failure) in try body(bytes) }
    }

    /// Compares the present batch with its checksum.
    func verify() throws(LogError) {
        try checking { () throws(BatchError) in
            _ = try withBytes { bytes throws(BatchError) in try StoredBatch.verified(bytes) }
        }
    }

    /// Calls `body` with the present batch, whose checksum was compared.
    func withBatch<Result>(
        limit: Int,
        _ body: (StoredBatch) throws(BatchError) -> Result
    ) throws(LogError) -> Result {
        try checking { () throws(BatchError) in
            try withBytes { bytes throws(BatchError) in
                try body(try StoredBatch(bytes, limits: ReadLimits(maximumDecompressedBytes: limit)))
            }
        }
    }

    private func checking<Result>(_ body: () throws(BatchError) -> Result) throws(LogError) -> Result {
        do throws(BatchError) { return try body() } catch { throw corrupt(error.description) }
    }

    private func corrupt(_ reason: String) -> LogError {
        .corrupt(path: segment.path, "at byte \(position): \(reason)")
    }
}
