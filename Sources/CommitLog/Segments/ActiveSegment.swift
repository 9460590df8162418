import Model
import NIOCore
import Records

/// The segment that takes a partition's appends, with what only the writer needs to know. Owned by the log's lock.
struct ActiveSegment {
    let segment: LogSegment
    /// Bytes of whole batches; the file may have more only after a failed write.
    private(set) var size: Int
    /// The largest timestamp so far and the last offset of the batch that had it first.
    private(set) var largest: TimeIndexEntry?
    /// When something was appended last, where that was in this process.
    private(set) var lastAppend: AppendMoment?
    /// The first batch's largest timestamp, from which `segment.ms` counts.
    private(set) var firstTimestamp: Timestamp?
    /// When the first batch was appended, as far as this process knows.
    private var firstAppend: Instant?
    private var lastIndexedTimestamp: Timestamp?
    private var bytesSinceIndexEntry: Int
    private var offsetEntries: Int
    private var timeEntries: Int
    private var reservedTo: Int
    private let jitter: Int64

    /// A new, empty one.
    init(segment: LogSegment, jitter: Int64) {
        self.init(segment: segment, contents: SegmentContents(), jitter: jitter)
    }

    /// One that holds batches already.
    init(segment: LogSegment, contents: SegmentContents, jitter: Int64) {
        self.segment = segment
        self.jitter = jitter
        size = contents.size
        largest = contents.largest
        firstTimestamp = contents.firstTimestamp
        lastIndexedTimestamp = contents.lastIndexedTimestamp
        bytesSinceIndexEntry = contents.size - contents.lastIndexedPosition
        offsetEntries = contents.offsetEntries
        timeEntries = contents.timeEntries
        reservedTo = contents.size
    }

    /// Whether a batch with these properties belongs into a new segment (Kafka's rules).
    func shouldRoll(before batch: PlacedBatch, config: LogConfig, at moment: AppendMoment) -> Bool {
        if size == 0 { return false }
        if size > config.segmentBytes - batch.header.totalLength { return true }
        if batch.lastOffset - segment.baseOffset > Int64(Int32.max) { return true }
        if offsetEntries >= config.maximumOffsetEntries || timeEntries >= config.maximumTimeEntries - 1 { return true }
        if spansTooMuch(with: batch, config: config, at: moment) { return true }
        let start: Timestamp
        let reached: Timestamp
        if let firstTimestamp, firstTimestamp.milliseconds >= 0 {
            (start, reached) = (firstTimestamp, batch.maxTimestamp)
        } else {
            (start, reached) = (segment.created, moment.now)
        }
        let (waited, overflow) = reached.milliseconds.subtractingReportingOverflow(start.milliseconds)
        return overflow ? reached > start : waited > config.rollMilliseconds - jitter
    }

    /// Whether the segment, if it holds anything, would be closed by the next append because of its age.
    func isAged(config: LogConfig, now: Timestamp) -> Bool {
        guard size > 0 else { return false }
        let start = firstTimestamp.flatMap { $0.milliseconds >= 0 ? $0 : nil } ?? segment.created
        let (waited, overflow) = now.milliseconds.subtractingReportingOverflow(start.milliseconds)
        return overflow ? now > start : waited > config.rollMilliseconds - jitter
    }

    /// Whether records would be kept much too long for the sake of the newest ones in the same segment: because it has
    /// been written for too long, or because their timestamps lie too far apart. Timestamps that are past the retention
    /// already do not count: they expire at once, and old data would come in countless small segments.
    private func spansTooMuch(with batch: PlacedBatch, config: LogConfig, at moment: AppendMoment) -> Bool {
        guard let span = config.retentionSpanMilliseconds, let retention = config.retentionMilliseconds else {
            return false
        }
        let begun = firstAppend ?? segment.createdInstant
        if begun.duration(to: moment.instant) > .milliseconds(span) { return true }
        guard let firstTimestamp, firstTimestamp > .none else { return false }
        return batch.maxTimestamp.milliseconds(since: firstTimestamp) > span
            && moment.now.milliseconds(since: batch.maxTimestamp) <= retention
    }

    /// Notes when the last batch was appended.
    mutating func note(_ moment: AppendMoment) {
        firstAppend = firstAppend ?? moment.instant
        lastAppend = moment
    }

    /// The file for the next batch. That it cannot be opened is no reason to give up the log: nothing is written yet.
    func file(for batch: PlacedBatch) throws(FileError) -> any File {
        try segment.file(writingTo: size + batch.header.totalLength)
    }

    /// Writes a batch behind the last one and, where one is due, its index entries. If it throws, nothing has changed
    /// but bytes behind ``size``, which ``discardPartialWrite(in:)`` removes.
    mutating func append(
        _ batch: PlacedBatch,
        bytes: ByteBuffer,
        to file: any File,
        config: LogConfig,
        reserveStep: Int
    ) throws(FileError) {
        let length = batch.header.totalLength
        reserve(for: length, in: file, config: config, step: reserveStep)
        try batch.patch.withUnsafeBytes { head throws(FileError) in
            try bytes.withUnsafeReadableBytes { whole throws(FileError) in
                let tail = UnsafeRawBufferPointer(rebasing: whole.dropFirst(BatchPatch.length))
                try file.write(head, tail, at: FilePosition(size))
            }
        }
        if size == 0 { firstTimestamp = batch.maxTimestamp }
        if batch.maxTimestamp > (largest?.timestamp ?? .none) {
            largest = TimeIndexEntry(timestamp: batch.maxTimestamp, offset: batch.lastOffset)
        }
        if bytesSinceIndexEntry > config.indexIntervalBytes { index(batch) }
        bytesSinceIndexEntry += length
        size += length
    }

    /// Cuts off what a failed write left behind.
    mutating func discardPartialWrite(in file: any File) throws(FileError) {
        try file.truncate(to: size)
        reservedTo = size
    }

    /// Writes the last entry of the time index, from which the segment's largest timestamp is known ever after.
    mutating func finishTimeIndex() throws(FileError) {
        guard let largest, largest.timestamp > (lastIndexedTimestamp ?? .none) else { return }
        try segment.timeIndex.append(largest)
        lastIndexedTimestamp = largest.timestamp
        timeEntries += 1
    }

    /// Makes both indexes anew from the batches.
    mutating func rebuildIndexes(indexIntervalBytes: Int) throws(LogError) {
        let contents = try segment.rebuildIndexes(size: size, indexIntervalBytes: indexIntervalBytes)
        lastIndexedTimestamp = contents.lastIndexedTimestamp
        bytesSinceIndexEntry = size - contents.lastIndexedPosition
        offsetEntries = contents.offsetEntries
        timeEntries = contents.timeEntries
    }

    /// Index entries are hints: if one cannot be written, it is left out, and finding takes a longer walk. The time index
    /// comes first, in memory and on disk: recovery takes it for complete up to the last entry of the offset index.
    private mutating func index(_ batch: PlacedBatch) {
        do throws(FileError) {
            if segment.offsetIndex.file.isFull { try segment.flushIndexes() }
            try finishTimeIndex()
            let slip = planted(.indexOffByOne) ? batch.header.totalLength : 0
            try segment.offsetIndex.append(
                OffsetIndexEntry(offset: batch.lastOffset, position: FilePosition(size + slip))
            )
            offsetEntries += 1
            bytesSinceIndexEntry = 0
        } catch {
            // The disk is full or failing: the write of a batch will say so.
        }
    }

    /// Reserves disk space ahead in steps that grow with the segment, so that small partitions stay small. Only a
    /// hint: where there is not that much space, the write itself finds out whether there is enough.
    private mutating func reserve(for length: Int, in file: any File, config: LogConfig, step: Int) {
        let needed = size + length
        guard needed > reservedTo else { return }
        let wanted = config.preallocate ? config.segmentBytes : min(max(needed, LogEnvironment.firstReserveBytes), step)
        let goal = max(needed, min(size + wanted, config.segmentBytes))
        do throws(FileError) {
            try file.reserve(from: FilePosition(size), length: goal - size)
            reservedTo = goal
        } catch {
            // Not before as much again has been written.
            reservedTo = needed + LogEnvironment.firstReserveBytes
        }
    }
}

/// What a look through a segment has found out about it. Immutable.
struct SegmentContents: Equatable {
    /// Bytes of whole batches.
    var size = 0
    var largest: TimeIndexEntry?
    var firstTimestamp: Timestamp?
    var lastIndexedTimestamp: Timestamp?
    var lastIndexedPosition = 0
    var offsetEntries = 0
    var timeEntries = 0
}

/// A validated batch with the offsets it is given. Immutable.
struct PlacedBatch {
    /// As the client sent it.
    let header: BatchHeader
    let baseOffset: Offset
    let lastOffset: Offset
    /// The largest timestamp as it is written: the append time if that is what the topic wants.
    let maxTimestamp: Timestamp
    let patch: BatchPatch

    /// nil if the log's offsets are used up.
    init?(_ header: BatchHeader, at base: Offset, maxTimestamp: Timestamp, leaderEpoch: LeaderEpoch) {
        let (next, overflow) = base.rawValue.addingReportingOverflow(Int64(header.lastOffsetDelta) + 1)
        if overflow { return nil }
        self.header = header
        self.maxTimestamp = maxTimestamp
        baseOffset = base
        lastOffset = Offset(next - 1)
        patch = BatchPatch(header, baseOffset: base, leaderEpoch: leaderEpoch)
    }

    var nextOffset: Offset { lastOffset + 1 }
}
