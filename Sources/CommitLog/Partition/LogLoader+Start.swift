import Model
import Records

/// What a crash may have half undone: removals, and what is written when a segment is closed.
extension LogLoader {
    /// Puts aside what a removal had taken away and a crash has brought back in parts: files of segments below the start
    /// that is on record, where others between them are gone. Without such a hole they stay: records that come back are
    /// no harm, and a hint is no reason to take any away.
    mutating func discardRemains(_ bases: [Offset], _ epochs: LeaderEpochs) throws(LogError) -> [Offset] {
        let start = max(hints.logStart ?? .zero, epochs.entries.first?.start ?? .zero)
        var cut = 0
        for (number, next) in bases.enumerated().dropFirst() where next <= start && next > mayHaveGapsBelow {
            let before = segment(bases[number - 1], isNew: false)
            let size = try storage { () throws(FileError) in try before.file().size() }
            let scan = try SegmentScan.scan(
                before,
                size: size,
                depth: .headers,
                indexIntervalBytes: config.indexIntervalBytes
            )
            before.releaseHandles()
            if scan.nextOffset != next { cut = number }
        }
        if cut > 0 { try discard(bases[..<cut].map { segment($0, isNew: false) }) }
        return Array(bases[cut...])
    }

    /// Makes the epochs after those that are known out from the batches, where the checkpoint is gone or not the last one:
    /// an epoch must not go back.
    func epochs(from segments: [LogSegment], after known: LeaderEpochs) throws(LogError) -> LeaderEpochs {
        var epochs = known
        for segment in segments {
            let size = try storage { () throws(FileError) in try segment.file().size() }
            _ = try SegmentScan.scan(
                segment,
                size: size,
                depth: .headers,
                indexIntervalBytes: config.indexIntervalBytes,
                visit: { epochs.note($0) }
            )
        }
        return epochs
    }

    /// Completes the segment before the first suspect one. Where the recovery point is the segment's end exactly, it was
    /// still written when the point was noted: its batches are durable then, but nothing of its indexes need be, and what
    /// a failed append had left behind them may be back.
    func completeLast(of kept: [LogSegment], next: Offset) throws(LogError) {
        guard let last = kept.last(where: { $0.baseOffset < next }), hints.recoveryPoint == next else { return }
        let file = try storage { () throws(FileError) in try last.file() }
        let size = try storage { () throws(FileError) in try file.size() }
        if let start = try scanStart(in: last, below: next), start.nextOffset == next {
            var indexes = start.indexes
            indexes.finish()
            return try storage { () throws(FileError) in
                if start.position < size { try file.truncate(to: start.position) }
                try last.offsetIndex.file.replaceUnlessSame(indexes.offsetIndex, synced: true)
                try last.timeIndex.file.replaceUnlessSame(indexes.timeIndex, synced: true)
                last.forgetLargest()
            }
        }
        let walk = try walk(last, file, size: size, to: next)
        if let end = walk.end, end < size { try storage { () throws(FileError) in try file.truncate(to: end) } }
        if !walk.hasTimes { try last.rebuildIndexes(size: nil, indexIntervalBytes: config.indexIntervalBytes) }
    }

    /// Where in the segment the batch ends that `next` follows, nil if that cannot be said, and whether the time index
    /// ends with the largest timestamp.
    private func walk(
        _ segment: LogSegment,
        _ file: any File,
        size: Int,
        to next: Offset
    ) throws(LogError) -> (end: Int?, hasTimes: Bool) {
        let times = try storage { () throws(FileError) in try segment.timeIndex.file.view(mapped: false, capacity: 0) }
        let entry = try storage { () throws(FileError) in try segment.timeIndex.lastEntry(in: times) }
        var reader = SegmentReader(segment: segment, file: file, end: size, access: .file, maximumSteps: .max)
        reader.trustsIndex = false
        var (position, reached, hasTimes, hasEntry) = (0, segment.baseOffset, true, entry == nil)
        do throws(ReadInterruption) {
            while position < size, reached < next {
                let header = try reader.header(at: position)
                if header.maxTimestamp > entry?.timestamp ?? .none { hasTimes = false }
                if header.lastOffset == entry?.offset { hasEntry = header.maxTimestamp == entry?.timestamp }
                reached = header.nextOffset
                position += header.totalLength
            }
            return (reached == next ? position : nil, hasTimes && hasEntry)
        } catch {
            if case .failed(let failure) = error, case .storage = failure { throw failure }
            // Damage is dealt with elsewhere.
            return (nil, true)
        }
    }
}
