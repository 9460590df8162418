import Model
import Records

/// A place in a segment up to which everything was durable at the last checkpoint, so that a scan may begin there.
/// Immutable.
struct ScanStart {
    let segment: LogSegment
    let nextOffset: Offset
    let leaderEpoch: LeaderEpoch
    /// What the segment holds before it.
    let indexes: RebuiltIndexes

    var position: Int { indexes.contents.size }
}

/// Beginning a scan at the last checkpoint, which bounds the work of a start by what a second's appends have left.
extension LogLoader {
    /// Where to begin in a segment of which everything below `point` was durable: nil for its start, where that is near, or
    /// where the indexes, which tell what comes before, do not hold together.
    ///
    /// Of the indexes only what lies below the last snapshot of the producers is sure to be durable. What follows, as much as
    /// is appended between two snapshots, is made anew from the batches' headers, which may have rotted: of what they say, the
    /// place of the end is checked.
    func scanStart(in segment: LogSegment, below point: Offset?) throws(LogError) -> ScanStart? {
        guard let point, point > segment.baseOffset, !lacksEpochs else { return nil }
        guard try storage({ () throws(FileError) in try fileSystem.exists(segment.path) }) else { return nil }
        let file = try storage { () throws(FileError) in try segment.file() }
        let size = try storage { () throws(FileError) in try file.size() }
        guard size > environment.fullScanBytes else { return nil }
        let noted = snapshots().last { $0 > segment.baseOffset && $0 <= point } ?? segment.baseOffset
        let (indexes, entry) = try durableIndexes(of: segment, below: noted, size: size)
        var reader = SegmentReader(segment: segment, file: file, end: size, access: .file, maximumSteps: .max)
        var start: ScanStart?
        do throws(ReadInterruption) {
            start = try begin(&reader, indexes, at: entry)
        } catch {
            if case .failed(.storage(let reason)) = error { throw .storage(reason) }
        }
        guard let start else { return nil }
        let scan = try SegmentScan.scan(
            segment,
            size: size,
            depth: .headers,
            indexIntervalBytes: config.indexIntervalBytes,
            from: start,
            below: point,
            allows: allows
        )
        // A batch on both sides of the point was not durable as a whole.
        guard scan.problem == nil, scan.nextOffset <= point else { return nil }
        return ScanStart(
            segment: segment,
            nextOffset: scan.nextOffset,
            leaderEpoch: scan.leaderEpoch,
            indexes: scan.unfinished
        )
    }

    /// What both indexes hold, as far as they hold together, of batches that end below `point`, and the last of these that
    /// has an entry.
    private func durableIndexes(
        of segment: LogSegment,
        below point: Offset,
        size: Int
    ) throws(LogError) -> (RebuiltIndexes, OffsetIndexEntry?) {
        let base = segment.baseOffset
        let (offsets, times) = try storage { () throws(FileError) in
            (try segment.offsetIndex.file.contents(), try segment.timeIndex.file.contents())
        }
        var indexes = RebuiltIndexes(base: base, intervalBytes: config.indexIntervalBytes)
        indexes.known = try storage { () throws(FileError) in try segment.timeIndex.entries() }
        let rising = indexes.known.indices.prefix {
            $0 == 0 || indexes.known[$0].timestamp > indexes.known[$0 - 1].timestamp
        }
        // What follows the first entry that cannot be right is not to be had from the index.
        let isWhole = rising.count * TimeIndexFormat.entrySize == times.count
        let bound = isWhole ? point : min(point, rising.last.map { indexes.known[$0].offset + 1 } ?? base)
        var last: OffsetIndexEntry?
        for start in stride(from: 0, to: offsets.count, by: OffsetIndexFormat.entrySize) {
            let entry = offsets.withBytes {
                OffsetIndexFormat.decode(UnsafeRawBufferPointer(rebasing: $0[start...]), base: base)
            }
            guard let entry, entry.offset < bound else { break }
            guard entry.position.bytes > 0, entry.position.bytes < size else { break }
            if let last, entry.offset <= last.offset || entry.position <= last.position { break }
            last = entry
            indexes.contents.offsetEntries += 1
        }
        // Of a segment that was short at a stop a snapshot may be there while its indexes were never synced.
        guard let last, last.position.bytes >= environment.fullScanBytes else {
            indexes.contents = SegmentContents()
            return (indexes, nil)
        }
        for entry in indexes.known.prefix(rising.count) where entry.offset <= last.offset {
            indexes.contents.largest = entry
            indexes.contents.timeEntries += 1
        }
        indexes.offsetIndex = Array(offsets.prefix(indexes.contents.offsetEntries * OffsetIndexFormat.entrySize))
        indexes.timeIndex = Array(times.prefix(indexes.contents.timeEntries * TimeIndexFormat.entrySize))
        indexes.confirmed = indexes.contents.timeEntries
        indexes.contents.lastIndexedTimestamp = indexes.contents.largest?.timestamp
        indexes.contents.lastIndexedPosition = last.position.bytes
        indexes.contents.size = last.position.bytes
        return (indexes, last)
    }

    /// At the batch that the last trusted index entry points at; at the first one without any.
    private func begin(
        _ reader: inout SegmentReader,
        _ indexes: RebuiltIndexes,
        at entry: OffsetIndexEntry?
    ) throws(ReadInterruption) -> ScanStart? {
        let segment = reader.segment
        guard let entry else {
            return ScanStart(segment: segment, nextOffset: segment.baseOffset, leaderEpoch: .none, indexes: indexes)
        }
        var indexes = indexes
        indexes.contents.firstTimestamp = try reader.header(at: 0).maxTimestamp
        let header = try reader.header(at: entry.position.bytes)
        guard header.lastOffset == entry.offset else { return nil }
        return ScanStart(
            segment: segment,
            nextOffset: header.baseOffset,
            leaderEpoch: header.leaderEpoch,
            indexes: indexes
        )
    }

    /// The producers' state at `start`: from the last snapshot in its segment, or else from the state at the segment's
    /// begin. nil if the batches between do not hold together.
    mutating func producers(at start: ScanStart, after kept: [LogSegment]) throws(LogError) -> ProducerState? {
        let base = start.segment.baseOffset
        var state: ProducerState
        var from = base
        if let (offset, found) = try snapshot(from: base, to: start.nextOffset) {
            (from, state) = (offset, found)
            try removeStraySnapshots(above: start.nextOffset, segments: kept + [start.segment], keeping: offset)
        } else {
            state = try producers(at: base, segments: kept)
        }
        let file = try storage { () throws(FileError) in try start.segment.file() }
        var reader = SegmentReader(
            segment: start.segment,
            file: file,
            end: start.position,
            access: .file,
            maximumSteps: .max
        )
        do throws(ReadInterruption) {
            guard from < start.nextOffset else { return state }
            guard var position = from == base ? 0 : try reader.firstBatch(atOrAbove: from)?.position else {
                return state
            }
            while position < start.position {
                let header = try reader.header(at: position)
                if header.baseOffset >= from {
                    state.record(header, lastOffset: header.lastOffset, maxTimestamp: header.maxTimestamp)
                }
                position += header.totalLength
            }
            return state
        } catch {
            if case .failed(.storage(let reason)) = error { throw .storage(reason) }
            return nil
        }
    }

    /// The last usable snapshot of an offset in that range.
    private mutating func snapshot(
        from first: Offset,
        to last: Offset
    ) throws(LogError) -> (Offset, ProducerState)? {
        for offset in snapshots().reversed() where offset >= first && offset <= last {
            let path = "\(directory)/\(LogFileNames.name(offset, LogFileNames.snapshot))"
            let bytes = try SmallFile.read(path, limit: Self.maximumSnapshotBytes, environment.fileSystem)
            guard let bytes else { continue }
            var state = ProducerState(maximumProducers: environment.maximumProducers)
            do throws(LogError) {
                try ProducerSnapshotFormat.decode(bytes, path: path, into: &state)
                return (offset, state)
            } catch {
                report.repairedFiles.append(path)
            }
        }
        return nil
    }
}
