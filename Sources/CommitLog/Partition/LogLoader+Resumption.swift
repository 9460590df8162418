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
    /// Where to begin in the segment that holds the recovery point: nil for its start, where that is near, or where the
    /// indexes, which tell what comes before, do not hold together.
    func scanStart(in segment: LogSegment) throws(LogError) -> ScanStart? {
        guard let point = hints.recoveryPoint, point > segment.baseOffset, !lacksEpochs else { return nil }
        guard environment.fileSystem.exists(segment.path) else { return nil }
        let file = try storage { () throws(FileError) in try segment.file() }
        let size = try storage { () throws(FileError) in try file.size() }
        guard size > environment.fullScanBytes else { return nil }
        guard let (indexes, entry) = try durableIndexes(of: segment, below: point, size: size) else { return nil }
        let reader = SegmentReader(segment: segment, file: file, end: size, access: .file, maximumSteps: .max)
        do throws(ReadInterruption) {
            return try walk(reader, from: entry, to: point, indexes)
        } catch {
            if case .failed(.storage(let reason)) = error { throw .storage(reason) }
            return nil
        }
    }

    /// What both indexes hold of batches that end below `point`, and the last of these that has an entry.
    private func durableIndexes(
        of segment: LogSegment,
        below point: Offset,
        size: Int
    ) throws(LogError) -> (RebuiltIndexes, OffsetIndexEntry)? {
        let base = segment.baseOffset
        let (offsets, times) = try storage { () throws(FileError) in
            (try segment.offsetIndex.file.contents(), try segment.timeIndex.file.contents())
        }
        var last: OffsetIndexEntry?
        var indexes = RebuiltIndexes(base: base, intervalBytes: config.indexIntervalBytes)
        for start in stride(from: 0, to: offsets.count, by: OffsetIndexFormat.entrySize) {
            let entry = offsets.withBytes {
                OffsetIndexFormat.decode(UnsafeRawBufferPointer(rebasing: $0[start...]), base: base)
            }
            guard let entry else { return nil }
            if entry.offset >= point || entry.position.bytes >= size { break }
            if let last, entry.offset <= last.offset || entry.position <= last.position { return nil }
            last = entry
            indexes.contents.offsetEntries += 1
        }
        guard let last else { return nil }
        for start in stride(from: 0, to: times.count, by: TimeIndexFormat.entrySize) {
            let entry = times.withBytes {
                TimeIndexFormat.decode(UnsafeRawBufferPointer(rebasing: $0[start...]), base: base)
            }
            guard let entry else { return nil }
            if entry.offset > last.offset { break }
            if let largest = indexes.contents.largest, entry.timestamp <= largest.timestamp { return nil }
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

    /// From the last index entry over the few batches behind it that end below `point`.
    private func walk(
        _ reader: SegmentReader,
        from entry: OffsetIndexEntry,
        to point: Offset,
        _ indexes: RebuiltIndexes
    ) throws(ReadInterruption) -> ScanStart? {
        var reader = reader
        var indexes = indexes
        indexes.contents.firstTimestamp = try reader.header(at: 0).maxTimestamp
        var header = try reader.header(at: indexes.contents.size)
        guard header.lastOffset == entry.offset else { return nil }
        var last = header
        while header.nextOffset <= point {
            indexes.add(header)
            last = header
            guard indexes.contents.size < reader.end, header.nextOffset < point else { break }
            header = try reader.header(at: indexes.contents.size)
            guard header.baseOffset >= last.nextOffset else { return nil }
        }
        return ScanStart(
            segment: reader.segment,
            nextOffset: last.nextOffset,
            leaderEpoch: last.leaderEpoch,
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
