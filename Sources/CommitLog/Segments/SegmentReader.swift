import Model
import Records

/// Why a look into a segment ended before its answer.
enum ReadInterruption: Error {
    /// Going on would have meant to wait for the disk, and the caller must not.
    case cold
    /// The segment's index leads astray and has to be rebuilt.
    case damagedIndex(LogSegment)
    case failed(LogError)
}

/// Runs a file operation, its failure interrupting the read.
func reading<Result>(_ body: () throws(FileError) -> Result) throws(ReadInterruption) -> Result {
    do { return try body() } catch { throw .failed(.storage(error)) }
}

/// Walks the batch headers of one segment up to a known end. A value, used by one reader for one look.
///
/// It reads headers and maps nothing but indexes: a touched page of a mapping counts as the process's memory, with the
/// whole folio around it (2 MiB, on a newer kernel), and costs more than reading a few bytes; a read error on it would be
/// a signal.
struct SegmentReader {
    enum Access {
        /// Only what is in the page cache. Bytes from `recentFrom` on were written a moment ago, so the kernel need not be
        /// asked about them.
        case cached(recentFrom: Int, indexCapacity: Int)
        /// Everything; that may wait for the disk.
        case file
    }

    let segment: LogSegment
    let file: any File
    /// Batches end here, at the latest; a batch boundary.
    let end: Int
    let access: Access
    /// How many batches a walk may pass before the index must have been wrong.
    let maximumSteps: Int
    /// What cannot be served, ascending by position.
    let damage: [QuarantinedRange]
    /// Whether the index is used; without it, a walk begins at the start and goes as far as it takes.
    var trustsIndex = true
    /// What was read of the file last, where batches are so small that the next headers are likely to be in it.
    private var window = HeaderWindow()
    /// The index, once it was asked.
    private var index: IndexView?

    init(
        segment: LogSegment,
        file: any File,
        end: Int,
        access: Access,
        maximumSteps: Int,
        damage: [QuarantinedRange] = []
    ) {
        self.segment = segment
        self.file = file
        self.end = end
        self.access = access
        self.maximumSteps = maximumSteps
        self.damage = damage
    }

    /// The header of the batch that begins at `position`, which fits between there and the end.
    mutating func header(at position: Int) throws(ReadInterruption) -> BatchHeader {
        guard position >= 0, end - position >= BatchHeader.length else {
            throw corrupt(position, "\(max(0, end - position)) bytes are left, a batch has more")
        }
        let header = try readHeader(at: position)
        window.lastBatch = header.totalLength
        guard header.totalLength <= end - position else {
            throw corrupt(position, "a batch of \(header.totalLength) bytes, and \(end - position) are left")
        }
        return header
    }

    /// The first batch that holds `offset` or a later one; nil if there is none before the end.
    mutating func firstBatch(
        atOrAbove offset: Offset
    ) throws(ReadInterruption) -> (position: Int, header: BatchHeader)? {
        var position = beforeDamage(try hint(for: offset))
        var steps = 0
        var next = segment.baseOffset
        while true {
            position = try passDamage(position, lookingFor: offset)
            guard position < end else { return nil }
            let header = try header(at: position)
            guard header.baseOffset >= next else {
                throw corrupt(position, "its offset is \(header.baseOffset), but \(next) is next")
            }
            // Nothing that is known to be damaged lies inside of a batch, unless an index has led to where none begins.
            if damage.contains(where: {
                position < $0.position.bytes && $0.position.bytes < position + header.totalLength
            }) {
                if trustsIndex { throw .damagedIndex(segment) }
                throw corrupt(position, "a batch of \(header.totalLength) bytes reaches into what is damaged")
            }
            next = header.nextOffset
            if header.lastOffset >= offset { return (position, header) }
            steps += 1
            if trustsIndex, steps > maximumSteps { throw .damagedIndex(segment) }
            position += header.totalLength
        }
    }

    /// Where to go on instead of `position` if damage begins there. Throws if the damage hides `offset`.
    func passDamage(_ position: Int, lookingFor offset: Offset? = nil) throws(ReadInterruption) -> Int {
        var position = position
        for range in damage where range.position.bytes == position {
            if let offset, offset < range.offsets.upperBound { throw .failed(.damaged(range)) }
            position = range.end
        }
        return position
    }

    /// An index may point at a batch inside damage that is larger than the batches that are hit.
    private func beforeDamage(_ position: Int) -> Int {
        damage.first { $0.position.bytes < position && position < $0.end }?.position.bytes ?? position
    }

    /// Where the last batch ends that begins at or after `start`, which is a batch's begin, and ends at or before
    /// `start + maximumBytes`; `start` itself if there is none.
    mutating func cut(from start: Int, maximumBytes: Int) throws(ReadInterruption) -> Int {
        let end = min(self.end, damage.first { $0.position.bytes > start }?.position.bytes ?? .max)
        let (sum, overflow) = start.addingReportingOverflow(max(0, maximumBytes))
        let target = overflow ? end : min(sum, end)
        if target == end { return end }
        var position = start
        if let entry = try entry({ index, view throws(FileError) in
            try index.entry(atOrBefore: FilePosition(target), in: view)
        }), entry.position.bytes > start {
            try check(entry)
            position = entry.position.bytes
        }
        while position < target {
            let length = try header(at: position).totalLength
            if length > target - position { break }
            position += length
        }
        return position
    }

    /// Throws if sending or reading the range would have to wait for the disk.
    func requireResidence(from start: Int, to end: Int) throws(ReadInterruption) {
        guard case .cached(let recentFrom, _) = access else { return }
        let checked = min(end, recentFrom)
        guard start >= checked || file.isCached(from: FilePosition(start), length: checked - start) else {
            throw .cold
        }
    }

    /// Whether what begins at `position` was not written a moment ago.
    func isOld(_ position: Int) -> Bool {
        if case .cached(let recentFrom, _) = access { return position < recentFrom }
        return false
    }

    // MARK: The index

    /// Where to begin to look for `offset`.
    private mutating func hint(for offset: Offset) throws(ReadInterruption) -> Int {
        let entry = try entry { index, view throws(FileError) in try index.entry(atOrBelow: offset, in: view) }
        guard let entry else { return 0 }
        try check(entry)
        return entry.position.bytes
    }

    private mutating func entry(
        _ find: (OffsetIndex, IndexView) throws(FileError) -> OffsetIndexEntry?
    ) throws(ReadInterruption) -> OffsetIndexEntry? {
        guard trustsIndex else { return nil }
        let view = try indexView()
        return try reading { () throws(FileError) in try find(segment.offsetIndex, view) }
    }

    private mutating func indexView() throws(ReadInterruption) -> IndexView {
        if let index { return index }
        let file = segment.offsetIndex.file
        let view: IndexView
        switch access {
        case .cached(let recentFrom, let capacity):
            do throws(FileError) {
                view = try file.view(mapped: true, capacity: capacity)
            } catch {
                // Somebody who may wait reads the index without a mapping.
                throw error.isShortageOfFiles || error.operation == FileError.mapping
                    ? .cold : .failed(.storage(error))
            }
            // The index of a segment that is being written is in use, so its pages are there.
            if view.count > 0, recentFrom >= end, !view.isResident { throw .cold }
        case .file:
            view = try reading { () throws(FileError) in try file.view(mapped: false, capacity: 0) }
        }
        index = view
        return view
    }

    /// I3: every index entry points at the start of the batch whose last offset it has.
    private mutating func check(_ entry: OffsetIndexEntry) throws(ReadInterruption) {
        guard entry.position.bytes < end else { throw .damagedIndex(segment) }
        do throws(ReadInterruption) {
            guard try header(at: entry.position.bytes).lastOffset == entry.offset else {
                throw .damagedIndex(segment)
            }
        } catch {
            if case .failed(.corrupt) = error { throw .damagedIndex(segment) }
            throw error
        }
    }

    // MARK: Bytes

    private mutating func readHeader(at position: Int) throws(ReadInterruption) -> BatchHeader {
        if !window.holds(position) {
            // The first header alone; after a small batch, as much as the next ones are likely to lie in.
            let isAmongMany = window.lastBatch < HeaderWindow.length / 2
            let wanted = isAmongMany ? min(HeaderWindow.length, end - position) : BatchHeader.length
            // Out of here meanwhile: there must be one owner of its bytes.
            var window = HeaderWindow()
            swap(&window, &self.window)
            defer { swap(&window, &self.window) }
            let count = try window.fill(wanted, from: position) { buffer throws(ReadInterruption) in
                try read(into: buffer, at: position)
            }
            guard count >= BatchHeader.length else {
                throw corrupt(position, "the file ends before the batch's header does")
            }
        }
        return try window.withBytes(at: position) { bytes throws(ReadInterruption) in
            do throws(BatchError) { return try BatchHeader(bytes) } catch {
                throw corrupt(position, error.description)
            }
        }
    }

    private func read(into buffer: UnsafeMutableRawBufferPointer, at position: Int) throws(ReadInterruption) -> Int {
        if case .cached(let recentFrom, _) = access, position < recentFrom {
            let count = try reading { () throws(FileError) in
                try file.readCached(into: buffer, at: FilePosition(position))
            }
            guard let count else { throw .cold }
            return count
        }
        return try reading { () throws(FileError) in try file.read(into: buffer, at: FilePosition(position)) }
    }

    private func corrupt(_ position: Int, _ reason: String) -> ReadInterruption {
        .failed(.corrupt(path: segment.path, "at byte \(position): \(reason)"))
    }
}

/// A few bytes of a file in which headers are looked for. A value.
private struct HeaderWindow {
    /// Much longer, and it would hold bytes of records that nobody looks at.
    static let length = 4096

    /// How long the batch was whose header was read last.
    var lastBatch = Int.max
    private var start = 0
    private var count = 0
    private var bytes: [UInt8] = []

    /// Whether the header of a batch at `position` is in it.
    func holds(_ position: Int) -> Bool { position >= start && position - start <= count - BatchHeader.length }

    mutating func fill(
        _ wanted: Int,
        from position: Int,
        _ read: (UnsafeMutableRawBufferPointer) throws(ReadInterruption) -> Int
    ) throws(ReadInterruption) -> Int {
        if bytes.count < wanted { bytes = [UInt8](repeating: 0, count: wanted) }
        count = 0
        start = position
        count = try bytes.withMutableBytes { buffer throws(ReadInterruption) in
            try read(UnsafeMutableRawBufferPointer(rebasing: buffer[0..<wanted]))
        }
        return count
    }

    /// The bytes of the header at a position that it holds.
    func withBytes<Result>(
        at position: Int,
        _ body: (UnsafeRawBufferPointer) throws(ReadInterruption) -> Result
    ) throws(ReadInterruption) -> Result {
        try bytes.withBytes { all throws(ReadInterruption) in
            let index = position - start
            return try body(UnsafeRawBufferPointer(rebasing: all[index..<index + BatchHeader.length]))
        }
    }
}
