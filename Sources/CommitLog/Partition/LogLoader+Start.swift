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

    /// Makes the epochs out from the batches, where the checkpoint is gone: an epoch must not go back.
    func epochs(from segments: [LogSegment]) throws(LogError) -> LeaderEpochs {
        var epochs = LeaderEpochs()
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

    /// Rebuilds the indexes of the segment before the first suspect one if its time index does not end with the largest
    /// timestamp. Where the recovery point is the segment's end exactly, it was still written when the point was noted:
    /// its batches are durable then, but nothing of its indexes need be.
    func completeTimes(ofLast kept: [LogSegment], next: Offset) throws(LogError) {
        guard let last = kept.last(where: { $0.baseOffset < next }), hints.recoveryPoint == next else { return }
        if try !endsWithLargestTime(last) {
            try last.rebuildIndexes(size: nil, indexIntervalBytes: config.indexIntervalBytes)
        }
    }

    private func endsWithLargestTime(_ segment: LogSegment) throws(LogError) -> Bool {
        let file = try storage { () throws(FileError) in try segment.file() }
        let size = try storage { () throws(FileError) in try file.size() }
        let times = try storage { () throws(FileError) in try segment.timeIndex.file.view(mapped: false, capacity: 0) }
        let entry = try storage { () throws(FileError) in try segment.timeIndex.lastEntry(in: times) }
        var reader = SegmentReader(segment: segment, file: file, end: size, access: .file, maximumSteps: .max)
        do throws(ReadInterruption) {
            var position = 0
            if let entry {
                guard let found = try reader.firstBatch(atOrAbove: entry.offset),
                    found.header.lastOffset == entry.offset, found.header.maxTimestamp == entry.timestamp
                else { return false }
                position = found.position
            }
            while position < size {
                let header = try reader.header(at: position)
                if header.maxTimestamp > entry?.timestamp ?? .none { return false }
                position += header.totalLength
            }
            return true
        } catch {
            if case .failed(let failure) = error, case .storage = failure { throw failure }
            return false
        }
    }
}
