import Model
import Records

/// A compacted segment whose files are complete and durable, under names of their own. Immutable.
struct CleanedSegment {
    let segment: LogSegment
    let entry: Manifest.Segment
}

/// Writes a compacted segment and its indexes under names that no other file has. Owned by one compaction.
struct CleanedSegmentWriter: BatchSink {
    private let segment: LogSegment
    private let fileSystem: any FileSystem
    private let file: any File
    private var indexes: RebuiltIndexes
    private var buffer: [UInt8] = []
    private var written = 0
    /// The length of the last chunk that was sent to the disk.
    private var sent = 0
    private var lastOffset: Offset
    private var running = CRC32C.Running()

    init(
        _ base: Offset,
        directory: String,
        environment: LogEnvironment,
        ending: String,
        indexIntervalBytes: Int
    ) throws(LogError) {
        fileSystem = environment.fileSystem
        let segment = LogSegment(
            directory: directory,
            baseOffset: base,
            environment: environment,
            isNew: false,
            ending: ending
        )
        self.segment = segment
        let fileSystem = environment.fileSystem
        file = try storage { () throws(FileError) in
            for suffix in Self.suffixes { try fileSystem.remove(segment.path(suffix)) }
            return try segment.file(.createIfMissing)
        }
        indexes = RebuiltIndexes(base: base, intervalBytes: indexIntervalBytes)
        lastOffset = base + -1
        buffer.reserveCapacity(Self.chunkBytes)
    }

    /// What is written at once, and so what others may find before them in the disk's queue: a fraction of a millisecond.
    private static let chunkBytes = 256 << 10

    /// What the batches so far take.
    var size: Int { written + buffer.count }

    private static let suffixes = [LogFileNames.log, LogFileNames.offsetIndex, LogFileNames.timeIndex]

    mutating func append(_ batch: UnsafeRawBufferPointer, _ header: BatchHeader) throws(LogError) {
        if buffer.count + batch.count > Self.chunkBytes { try flush() }
        indexes.add(header)
        lastOffset = header.lastOffset
        buffer.append(contentsOf: batch)
    }

    /// Completes all files and makes them durable, their names included.
    mutating func finish() throws(LogError) -> CleanedSegment {
        try flush()
        indexes.finish()
        let directory = LogLoader.parent(of: segment.path)
        let (segment, indexes) = (segment, indexes)
        try storage { () throws(FileError) in
            try file.sync()
            for (suffix, bytes) in [
                (LogFileNames.offsetIndex, indexes.offsetIndex), (LogFileNames.timeIndex, indexes.timeIndex),
            ] {
                try SmallFile.write(bytes, to: segment.path(suffix), fileSystem, synced: true)
            }
            try fileSystem.syncDirectory(directory)
        }
        segment.seal(size: written, largest: indexes.contents.largest)
        return CleanedSegment(
            segment: segment,
            entry: Manifest.Segment(
                baseOffset: segment.baseOffset,
                lastOffset: lastOffset,
                size: written,
                checksum: running.checksum,
                hasGaps: true
            )
        )
    }

    /// Removes what was written, unless the manifest may already name it.
    func discard(unless isNamed: Bool) {
        if isNamed { return }
        segment.releaseHandles()
        do throws(FileError) {
            for suffix in Self.suffixes { try fileSystem.remove(segment.path(suffix)) }
        } catch {
            // The next opening of the log removes it.
        }
    }

    private mutating func flush() throws(LogError) {
        guard !buffer.isEmpty else { return }
        try buffer.withBytes { bytes throws(LogError) in
            running.add(bytes)
            try storage { () throws(FileError) in
                try file.write(bytes, UnsafeRawBufferPointer(start: nil, count: 0), at: FilePosition(written))
            }
        }
        try pace(buffer.count)
        written += buffer.count
        buffer.removeAll(keepingCapacity: true)
    }

    /// Sends what was just written to the disk, and waits for what was sent before: whoever else writes to the disk, or
    /// syncs a file, has one chunk before them and not a whole segment.
    private mutating func pace(_ count: Int) throws(LogError) {
        let previous = sent
        sent = count
        try storage { () throws(FileError) in
            file.beginWriteback(from: FilePosition(written), length: count)
            try file.awaitWriteback(from: FilePosition(written - previous), length: previous)
        }
    }
}
