package import Model
import Records
import Synchronization

/// What a read has found. Immutable.
package enum ReadOutcome: Sendable {
    /// Whole batches, or nothing.
    case data(FetchedRange)
    /// Answering would have to wait for the disk: load it on a thread that may wait, then read again.
    case cold(ColdRange)
}

/// Whole batches of one segment, to be sent as they are. Immutable; keeps the file open.
package struct FetchedRange: Sendable {
    /// nil if there is nothing to read there.
    package let slice: FileSlice?
    /// The base offset of the segment that it is in.
    let segment: Offset
    /// At or below the offset that was asked for; that offset if there is nothing.
    package let baseOffsetOfFirstBatch: Offset
    /// How many bytes of batches there are from that offset on in the segment, sent or not.
    package let availableBytes: Int
    /// As they were at the moment of reading.
    package let offsets: LogOffsets
}

extension PartitionLog {
    /// Finds the whole batches from the one that contains `offset` on, `maximumBytes` at most, of one segment.
    ///
    /// With `alwaysOneBatch` the first batch is returned even if it is larger. Never waits for the disk unless
    /// `acceptCold` says that it may.
    package func read(
        from offset: Offset,
        maximumBytes: Int,
        alwaysOneBatch: Bool,
        upTo limit: ReadLimit,
        acceptCold: Bool = false
    ) throws(LogError) -> ReadOutcome {
        let request = ReadRequest(
            offset: offset,
            maximumBytes: maximumBytes,
            alwaysOneBatch: alwaysOneBatch,
            limit: limit
        )
        let snapshot = try readableSnapshot()
        do throws(ReadInterruption) {
            return .data(try find(request, in: snapshot, mayWait: false))
        } catch {
            switch error {
            case .cold where acceptCold, .damagedIndex where acceptCold, .failed(.corrupt) where acceptCold:
                return .data(try readWaiting(request))
            // To find out how far damage goes, the whole segment has to be read.
            case .cold, .damagedIndex, .failed(.corrupt): return .cold(ColdRange(log: self, request: request))
            case .failed(let failure): throw failure
            }
        }
    }

    /// Reads on a thread that may wait for the disk; repairs an index that turns out to be wrong.
    func readWaiting(_ request: ReadRequest) throws(LogError) -> FetchedRange {
        var trustsIndex = true
        while true {
            let snapshot = try readableSnapshot()
            do throws(ReadInterruption) {
                return try find(request, in: snapshot, mayWait: true, trustsIndex: trustsIndex)
            } catch {
                switch error {
                case .cold: invariantViolated("a read that may wait was told to", file: #fileID, line: #line)
                case .damagedIndex(let segment):
                    invariant(trustsIndex, "an index that was not used cannot be wrong")
                    rebuildIndex(of: segment)
                    trustsIndex = false
                case .failed(let failure):
                    // A segment that was deleted since the snapshot was taken is not a failure of the disk.
                    if self.snapshot.withLock({ $0.offsets.logStart }) == snapshot.offsets.logStart { throw failure }
                }
            }
        }
    }

    /// Brings the index into the page cache that leads to an offset, so that the next read finds it there.
    func loadIndex(for offset: Offset) throws(LogError) {
        let snapshot = try readableSnapshot()
        let segment = snapshot.segment(snapshot.segmentNumber(containing: offset))
        try storage { () throws(FileError) in try segment.offsetIndex.file.load() }
    }

    func readableSnapshot() throws(LogError) -> LogSnapshot {
        let snapshot = self.snapshot.withLock { $0 }
        if snapshot.isClosed { throw .closed(topicPartition) }
        return snapshot
    }

    private func find(
        _ request: ReadRequest,
        in snapshot: LogSnapshot,
        mayWait: Bool,
        trustsIndex: Bool = true
    ) throws(ReadInterruption) -> FetchedRange {
        let offsets = snapshot.offsets
        guard request.offset >= offsets.logStart, request.offset <= offsets.logEnd else {
            throw .failed(.outOfRange(request.offset, start: offsets.logStart, end: offsets.logEnd))
        }
        func nothing(of available: Int) -> FetchedRange {
            FetchedRange(
                slice: nil,
                segment: snapshot.active.baseOffset,
                baseOffsetOfFirstBatch: request.offset,
                availableBytes: available,
                offsets: offsets
            )
        }
        let limit = snapshot.mark(request.limit)
        guard request.offset < limit.offset else { return nothing(of: 0) }
        if let found = try continuation(of: request, in: snapshot, limit) { return found }
        let last = snapshot.segmentNumber(containing: limit.segment)
        // More than once only where compaction has taken a segment's last batches away.
        for number in snapshot.segmentNumber(containing: request.offset)...last {
            var reader = try reader(number, in: snapshot, limit: limit, mayWait: mayWait)
            reader.trustsIndex = trustsIndex
            guard let (start, header) = try reader.firstBatch(atOrAbove: request.offset) else { continue }
            if header.baseOffset > request.offset, !allows(request.offset..<header.baseOffset) {
                let place = snapshot.segment(snapshot.segmentNumber(containing: request.offset)).path
                throw .failed(.corrupt(path: place, "offsets from \(request.offset) on are missing"))
            }
            var end = try reader.cut(from: start, maximumBytes: request.maximumBytes)
            if end == start {
                guard request.alwaysOneBatch else { return nothing(of: reader.end - start) }
                end = start + header.totalLength
            }
            try reader.requireResidence(from: start, to: end)
            if hasColdReaders.load(ordering: .relaxed), reader.isOld(start) {
                notePassed(start..<end, of: snapshot.segment(number).baseOffset)
            }
            if number == snapshot.sealed.count, end == limit.position.bytes { noteRead(to: limit, in: snapshot) }
            return FetchedRange(
                slice: FileSlice(file: reader.file, position: FilePosition(start), length: end - start),
                segment: snapshot.segment(number).baseOffset,
                baseOffsetOfFirstBatch: header.baseOffset,
                availableBytes: reader.end - start,
                offsets: offsets
            )
        }
        return nothing(of: 0)
    }

    /// A reader for a segment of `snapshot`, up to `limit`.
    func reader(
        _ number: Int,
        in snapshot: LogSnapshot,
        limit: LogMark,
        mayWait: Bool
    ) throws(ReadInterruption) -> SegmentReader {
        let segment = snapshot.segment(number)
        let isActive = number == snapshot.sealed.count
        let isOpen = segment.openFile != nil && (isActive || segment.knownSealedSize != nil)
        guard mayWait || isOpen else { throw .cold }
        let config = config
        do throws(FileError) {
            let size = try isActive ? snapshot.end.position.bytes : segment.sealedSize()
            let end = limit.segment == segment.baseOffset ? limit.position.bytes : size
            return SegmentReader(
                segment: segment,
                file: try segment.file(),
                end: end,
                access: mayWait || end == 0
                    ? .file
                    : .cached(
                        recentFrom: isActive ? min(recent(in: snapshot), end) : end,
                        indexCapacity: isActive ? config.segmentIndexBytes : 0
                    ),
                maximumSteps: 2 * config.indexIntervalBytes / BatchHeader.length + Self.spareSteps,
                // What is written is taken to be sound: damage in it closes the segment.
                damage: isActive ? [] : segment.damage
            )
        } catch {
            if !mayWait, error.isShortageOfFiles { throw .cold }
            throw .failed(.storage(error))
        }
    }

    /// Batches that a walk may pass beyond twice those that fit between two index entries.
    private static let spareSteps = 16

    /// From where on the active segment was written a moment ago.
    private func recent(in snapshot: LogSnapshot) -> Int {
        max(snapshot.activeWrittenFrom, snapshot.end.position.bytes - environment.recentTailBytes)
    }

    // MARK: Far behind the end

    private func notePassed(_ range: Range<Int>, of segment: Offset) {
        let now = environment.time.instant
        coldReaders.withLock { $0.passed(range, of: segment, now: now) }
    }

    /// Notes what was loaded for a consumer. Where the page cache has no room left, what was loaded before and nobody is
    /// about to read leaves it. Not on an event loop.
    func noteLoaded(_ found: FetchedRange) {
        guard let slice = found.slice else { return }
        let range = slice.position.bytes..<slice.position.bytes + slice.length
        let now = environment.time.instant
        hasColdReaders.store(true, ordering: .relaxed)
        coldReaders.withLock { $0.loaded(range, of: found.segment, in: slice.file, now: now) }
        guard environment.fileSystem.isPageCacheFull() else { return }
        for unwanted in coldReaders.withLock({ $0.takeUnwanted() }) {
            unwanted.file?.dropCached(from: FilePosition(unwanted.start), length: unwanted.end - unwanted.start)
        }
    }

    // MARK: The tail

    /// What follows where an earlier read has ended, found without a look at the file or the index: so consumers read
    /// that keep up with the log.
    private func continuation(
        of request: ReadRequest,
        in snapshot: LogSnapshot,
        _ limit: LogMark
    ) throws(ReadInterruption) -> FetchedRange? {
        guard limit.segment == snapshot.active.baseOffset,
            let start = readEnds.withLock({ $0.position(of: request.offset, in: snapshot) }),
            start >= recent(in: snapshot),
            limit.position.bytes - start <= request.maximumBytes,
            let file = snapshot.active.openFile
        else { return nil }
        noteRead(to: limit, in: snapshot)
        let length = limit.position.bytes - start
        return FetchedRange(
            slice: FileSlice(file: file, position: FilePosition(start), length: length),
            segment: snapshot.active.baseOffset,
            baseOffsetOfFirstBatch: request.offset,
            availableBytes: length,
            offsets: snapshot.offsets
        )
    }

    private func noteRead(to mark: LogMark, in snapshot: LogSnapshot) {
        readEnds.withLock { $0.note(mark, in: snapshot) }
    }
}

/// Where reads have ended at what could be seen of the active segment at that moment, which is where those who read on
/// begin: a batch begins there, with that offset. A value, owned by a leaf lock of its log.
struct ReadEnds {
    /// More than one, for consumers that are not equally fast.
    private static let kept = 4
    private var marks: [LogMark] = []
    private var next = 0
    /// How often the log had been cut: what is written then may lie elsewhere.
    private var cuts = 0

    mutating func note(_ mark: LogMark, in snapshot: LogSnapshot) {
        if cuts != snapshot.cuts {
            guard cuts < snapshot.cuts else { return }
            self = ReadEnds()
            cuts = snapshot.cuts
        }
        if marks.contains(mark) { return }
        if marks.count < Self.kept { return marks.append(mark) }
        marks[next] = mark
        next = (next + 1) % Self.kept
    }

    /// Where the batch begins in the active segment whose first offset it is, if a read has ended there.
    func position(of offset: Offset, in snapshot: LogSnapshot) -> Int? {
        guard cuts == snapshot.cuts else { return nil }
        return marks.first { $0.offset == offset && $0.segment == snapshot.active.baseOffset }?.position.bytes
    }
}

/// What a reader wants. Immutable.
struct ReadRequest: Sendable {
    let offset: Offset
    let maximumBytes: Int
    let alwaysOneBatch: Bool
    let limit: ReadLimit
}

/// A read that has to wait for the disk. Immutable.
package struct ColdRange: Sendable {
    private let log: PartitionLog
    private let request: ReadRequest

    init(log: PartitionLog, request: ReadRequest) {
        self.log = log
        self.request = request
    }

    package var topicPartition: TopicPartition { log.topicPartition }

    /// Brings what was asked for into the page cache. May take its time: never on an event loop.
    ///
    /// What is loaded may be gone again before it is read: the read that follows should accept cold data, so that the
    /// two do not go on forever.
    package func load() throws(LogError) {
        let found = try log.examiningDamage { () throws(LogError) in try log.readWaiting(request) }
        guard let slice = found.slice else { return }
        try log.loadIndex(for: request.offset)
        defer { log.noteLoaded(found) }
        let step = min(slice.length, LogEnvironment.scratchBytes)
        var scratch = [UInt8](repeating: 0, count: step)
        var position = slice.position
        let end = slice.position + slice.length
        while position < end {
            let count = try scratch.withMutableBytes { buffer throws(LogError) in
                let wanted = UnsafeMutableRawBufferPointer(rebasing: buffer[0..<min(step, end - position)])
                return try storage { () throws(FileError) in try slice.file.read(into: wanted, at: position) }
            }
            if count == 0 { return }
            position = position + count
        }
    }
}
