import Model
import Records

/// What a walk over all batches of a segment finds: how far they are good, and everything that can be rebuilt from them.
/// Immutable.
///
/// Files are read, not mapped: a read error on a mapping would be a signal, and recovery is when disks fail.
struct SegmentScan {
    /// Up to the first bad byte, or to the end.
    var contents: SegmentContents
    /// The offset after the last good batch.
    let nextOffset: Offset
    /// The leader epoch of the last good batch.
    let leaderEpoch: LeaderEpoch
    /// The two indexes, rebuilt.
    let offsetIndex: [UInt8]
    let timeIndex: [UInt8]
    /// The contents with the time index as it is on disk, if that is right as far as it goes and no entry but the last is
    /// missing, which is written when the segment is closed.
    let openContents: SegmentContents?
    /// The indexes as they are if the segment goes on.
    let unfinished: RebuiltIndexes
    /// What is wrong behind the good batches; nil if nothing.
    let problem: String?
    /// The file's first batch is of another format: the file is to be left alone.
    let isForeign: Bool

    /// How much is looked at: all bytes, or the headers.
    enum Depth {
        case checksums
        case headers
    }

    /// Walks the batches of `segment`'s first `size` bytes, from `start` on, calling `visit` for each good one, and passes
    /// over what is known to be damaged. `allows` says where offsets may be missing; at `end` the walk stops.
    ///
    /// With `end`, the batch that reaches it is looked at as a whole, and the one behind it, whatever the depth: a flipped bit
    /// in an offset may make a batch before the end look like the last one, and those that follow like remains.
    static func scan(
        _ segment: LogSegment,
        size: Int,
        depth: Depth,
        indexIntervalBytes: Int,
        from start: ScanStart? = nil,
        below end: Offset? = nil,
        allows: (Range<Offset>) -> Bool = { _ in true },
        visit: (BatchHeader) -> Void = { _ in }
    ) throws(LogError) -> SegmentScan {
        let file = try storage { () throws(FileError) in try segment.file() }
        var window = ReadWindow(file: file, end: size, step: depth == .checksums ? 1 << 20 : 64 << 10)
        var rebuilt = start?.indexes ?? RebuiltIndexes(base: segment.baseOffset, intervalBytes: indexIntervalBytes)
        if depth == .checksums {
            rebuilt.known = try storage { () throws(FileError) in try segment.timeIndex.entries() }
        }
        var next = start?.nextOffset ?? segment.baseOffset
        var epoch = start?.leaderEpoch ?? .none
        var problem: String?
        var damage = segment.damage[...]
        while true {
            while let range = damage.first, range.position.bytes <= rebuilt.contents.size {
                rebuilt.contents.size = max(rebuilt.contents.size, range.end)
                next = max(next, range.offsets.upperBound)
                damage.removeFirst()
            }
            guard rebuilt.contents.size < size, end.map({ next < $0 }) ?? true else { break }
            let position = rebuilt.contents.size
            let result = try check(at: position, in: &window, depth: depth, expecting: next, base: segment.baseOffset)
            guard case .good(let header) = result else {
                if case .bad(let reason) = result { problem = "at byte \(position): \(reason)" }
                break
            }
            if let end, header.nextOffset >= end, let reason = try doubt(header, at: position, in: &window) {
                problem = "at byte \(position): \(reason)"
                break
            }
            if header.baseOffset > next, !allows(next..<header.baseOffset) {
                problem = "at byte \(position): its offset is \(header.baseOffset), but \(next) is next"
                break
            }
            if planted(.truncateOneBatchTooMany), depth == .checksums, header.totalLength == size - position { break }
            visit(header)
            rebuilt.add(header)
            next = header.nextOffset
            epoch = header.leaderEpoch
        }
        let isUnknown = rebuilt.contents.size == 0 && problem != nil
        let isForeign = isUnknown ? try window.holdsOlderFormat() : false
        let unfinished = rebuilt
        rebuilt.finish()
        return SegmentScan(
            contents: rebuilt.contents,
            nextOffset: next,
            leaderEpoch: epoch,
            offsetIndex: rebuilt.offsetIndex,
            timeIndex: rebuilt.timeIndex,
            openContents: unfinished.openContents,
            unfinished: unfinished,
            problem: problem,
            isForeign: isForeign
        )
    }

    private enum Finding {
        case good(BatchHeader)
        case bad(String)
    }

    private static func check(
        at position: Int,
        in window: inout ReadWindow,
        depth: Depth,
        expecting next: Offset,
        base: Offset
    ) throws(LogError) -> Finding {
        let head = try window.load(position, count: BatchHeader.length)
        let header: BatchHeader
        do throws(BatchError) {
            header = try window.withBytes(position, count: head) { bytes throws(BatchError) in try BatchHeader(bytes) }
        } catch { return .bad(error.description) }
        guard header.baseOffset >= next else {
            return .bad("its offset is \(header.baseOffset), but \(next) is next")
        }
        guard header.lastOffset - base <= Int64(Int32.max) else {
            return .bad("its offset \(header.baseOffset) does not belong into a segment that begins at \(base)")
        }
        guard header.totalLength <= window.end - position else {
            return .bad("the batch has \(header.totalLength) bytes, and \(window.end - position) are left")
        }
        guard depth == .checksums else { return .good(header) }
        let isRight = try isWhole(header, at: position, in: &window)
        return isRight ? .good(header) : .bad("the batch's checksum is wrong")
    }

    /// Whether all of a batch is there and has its checksum.
    private static func isWhole(
        _ header: BatchHeader,
        at position: Int,
        in window: inout ReadWindow
    ) throws(LogError) -> Bool {
        let count = try window.load(position, count: header.totalLength)
        guard count == header.totalLength else { return false }
        let computed = window.withBytes(position, count: count) { bytes in
            CRC32C.checksum(UnsafeRawBufferPointer(rebasing: bytes.dropFirst(RecordBatchFormat.checksummedPosition)))
        }
        return computed == header.checksum || planted(.keepTornBatch)
    }

    /// Why a batch cannot be the last one before an end; nil if it may be. No checksum covers its first offset, but what lies
    /// behind it has a higher one.
    private static func doubt(
        _ header: BatchHeader,
        at position: Int,
        in window: inout ReadWindow
    ) throws(LogError) -> String? {
        guard try isWhole(header, at: position, in: &window) else { return "the batch's checksum is wrong" }
        let behind = position + header.totalLength
        let count = try window.load(behind, count: BatchHeader.length)
        do throws(BatchError) {
            let next = try window.withBytes(behind, count: count) { bytes throws(BatchError) in try BatchHeader(bytes) }
            guard next.baseOffset < header.nextOffset else { return nil }
            return "its last offset is \(header.lastOffset), but \(next.baseOffset) follows"
        } catch {
            // The end of the file, or what a power cut has left.
            return nil
        }
    }
}

/// The indexes that appending the same batches would have made. A value.
struct RebuiltIndexes {
    let base: Offset
    let intervalBytes: Int
    var contents = SegmentContents()
    var offsetIndex: [UInt8] = []
    var timeIndex: [UInt8] = []
    /// What the time index has on disk, and how many of these were found to be right.
    var known: [TimeIndexEntry] = []
    var confirmed = 0

    /// As ``SegmentScan/openContents``.
    var openContents: SegmentContents? {
        guard confirmed == known.count, known.count >= contents.timeEntries else { return nil }
        var contents = contents
        contents.timeEntries = known.count
        contents.lastIndexedTimestamp = known.last?.timestamp
        return contents
    }

    init(base: Offset, intervalBytes: Int) {
        self.base = base
        self.intervalBytes = intervalBytes
    }

    mutating func add(_ header: BatchHeader) {
        if contents.size == 0 { contents.firstTimestamp = header.maxTimestamp }
        // A batch that compaction has emptied keeps its timestamp, but there is no record that has it.
        if header.maxTimestamp > (contents.largest?.timestamp ?? .none), header.recordCount > 0 {
            contents.largest = TimeIndexEntry(timestamp: header.maxTimestamp, offset: header.lastOffset)
        }
        if confirmed < known.count, known[confirmed] == contents.largest { confirmed += 1 }
        if contents.size - contents.lastIndexedPosition > intervalBytes {
            let entry = OffsetIndexEntry(offset: header.lastOffset, position: FilePosition(contents.size))
            if let bytes = OffsetIndexFormat.encode(entry, base: base) {
                offsetIndex += bytes
                contents.offsetEntries += 1
                contents.lastIndexedPosition = contents.size
            }
            finish()
        }
        contents.size += header.totalLength
    }

    /// Adds the time index's last entry.
    mutating func finish() {
        guard let largest = contents.largest, largest.timestamp > (contents.lastIndexedTimestamp ?? .none),
            let bytes = TimeIndexFormat.encode(largest, base: base)
        else { return }
        timeIndex += bytes
        contents.timeEntries += 1
        contents.lastIndexedTimestamp = largest.timestamp
    }
}

/// Reads a file from front to back through a buffer that is as large as the largest piece asked for. A value.
struct ReadWindow {
    let file: any File
    let end: Int
    private let step: Int
    private let leavesCache: Bool
    /// Made once and used again: a new one each time would be a system call and zeros for every page.
    private var bytes: [UInt8] = []
    private var start = 0
    /// How many of `bytes` are from the file.
    private var loaded = 0

    init(file: any File, end: Int, step: Int, leavesCache: Bool = false) {
        self.file = file
        self.end = end
        self.step = step
        self.leavesCache = leavesCache
    }

    /// Makes `count` bytes at `position` available, fewer at the end; returns how many.
    mutating func load(_ position: Int, count: Int) throws(LogError) -> Int {
        let wanted = min(count, max(0, end - position))
        if position >= start, position + wanted <= start + loaded { return wanted }
        let length = min(max(wanted, step), max(0, end - position))
        (start, loaded) = (position, 0)
        if bytes.count < length { bytes = [UInt8](repeating: 0, count: length) }
        let (file, leavesCache) = (file, leavesCache)
        loaded = try bytes.withMutableBytes { buffer throws(LogError) in
            let space = UnsafeMutableRawBufferPointer(rebasing: buffer[0..<length])
            return try storage { () throws(FileError) in
                let position = FilePosition(position)
                return try leavesCache ? file.readOnce(into: space, at: position) : file.read(into: space, at: position)
            }
        }
        return min(wanted, loaded)
    }

    /// Calls `body` with bytes that ``load(_:count:)`` has made available.
    func withBytes<Result, Failure: Error>(
        _ position: Int,
        count: Int,
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try bytes.withBytes { all throws(Failure) in
            let first = position - start
            return try body(UnsafeRawBufferPointer(rebasing: all[first..<first + count]))
        }
    }

    /// Whether the file begins with a message of the formats before batches (magic 0 and 1): offset 8 bytes, size 4,
    /// checksum 4, magic 1. By its checksum, for a batch of which a power cut has left the first sectors, or the last,
    /// may look like one otherwise.
    mutating func holdsOlderFormat() throws(LogError) -> Bool {
        let headLength = RecordBatchFormat.magicPosition + 1
        guard try load(0, count: headLength) == headLength else { return false }
        let (size, magic) = withBytes(0, count: headLength) { bytes -> (Int32, Int8) in
            (bigEndian(bytes, RecordBatchFormat.lengthPosition), bigEndian(bytes, RecordBatchFormat.magicPosition))
        }
        guard magic == 0 || magic == 1, size >= 14, Int(size) <= end - RecordBatchFormat.lengthOverhead else {
            return false
        }
        let total = Int(size) + RecordBatchFormat.lengthOverhead
        guard try load(0, count: total) == total else { return false }
        return withBytes(0, count: total) { bytes in
            let stored: UInt32 = bigEndian(bytes, RecordBatchFormat.lengthOverhead)
            return CRC32.checksum(UnsafeRawBufferPointer(rebasing: bytes[RecordBatchFormat.magicPosition...])) == stored
        }
    }
}
