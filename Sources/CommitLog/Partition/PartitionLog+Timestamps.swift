package import Model
import NIOCore
import Records

/// A record found by its timestamp. Immutable.
package struct TimestampedOffset: Equatable, Sendable {
    package let offset: Offset
    package let timestamp: Timestamp
    package let leaderEpoch: LeaderEpoch
}

/// Finding records by time. Reads the disk: never on an event loop.
extension PartitionLog {
    /// The first record whose timestamp is not below `target`, exact to the record; nil if there is none below `limit`.
    package func offset(
        forTimestamp target: Timestamp,
        upTo limit: ReadLimit = .highWatermark
    ) throws(LogError) -> TimestampedOffset? {
        try examiningDamage { () throws(LogError) in try search(forTimestamp: target, upTo: limit) }
    }

    private func search(
        forTimestamp target: Timestamp,
        upTo limit: ReadLimit
    ) throws(LogError) -> TimestampedOffset? {
        let snapshot = try readableSnapshot()
        let last = snapshot.segmentNumber(containing: snapshot.mark(limit).segment)
        for number in snapshot.segmentNumber(containing: snapshot.offsets.logStart)...last {
            guard let search = try search(number, in: snapshot, limit: limit) else { continue }
            if let found = try search.first(notBefore: target) { return found }
        }
        return nil
    }

    /// The record with the largest timestamp, the first if several have it; nil if there is none with a timestamp.
    package func maximumTimestamp(upTo limit: ReadLimit = .highWatermark) throws(LogError) -> TimestampedOffset? {
        try examiningDamage { () throws(LogError) in try searchMaximum(upTo: limit) }
    }

    private func searchMaximum(upTo limit: ReadLimit) throws(LogError) -> TimestampedOffset? {
        let snapshot = try readableSnapshot()
        let last = snapshot.segmentNumber(containing: snapshot.mark(limit).segment)
        var best: (search: TimestampSearch, largest: Timestamp)?
        for number in snapshot.segmentNumber(containing: snapshot.offsets.logStart)...last {
            guard let search = try search(number, in: snapshot, limit: limit), let largest = try search.largest()
            else { continue }
            if largest > (best?.largest ?? .none) { best = (search, largest) }
        }
        guard let best else { return nil }
        return try best.search.first(notBefore: best.largest)
    }

    /// The search through one segment; nil if nothing of it may be seen.
    func search(
        _ number: Int,
        in snapshot: LogSnapshot,
        limit: ReadLimit
    ) throws(LogError) -> TimestampSearch? {
        do throws(ReadInterruption) {
            let mark = snapshot.mark(limit)
            let reader = try reader(number, in: snapshot, limit: mark, mayWait: true)
            guard reader.end > 0 else { return nil }
            return TimestampSearch(
                reader: reader,
                logStart: snapshot.offsets.logStart,
                end: mark.offset,
                limits: ReadLimits(maximumDecompressedBytes: environment.maximumDecompressedBytes)
            )
        } catch {
            throw error.failure
        }
    }
}

/// A search by timestamp through one segment. A value.
struct TimestampSearch {
    let reader: SegmentReader
    let logStart: Offset
    /// Records from here on are not to be seen.
    let end: Offset
    let limits: ReadLimits

    /// The first visible record whose timestamp is `target` or later.
    func first(notBefore target: Timestamp) throws(LogError) -> TimestampedOffset? {
        do throws(ReadInterruption) {
            if let largest = try largestHint(), largest.timestamp < target { return nil }
            var reader = reader
            var position = try start(for: target, &reader)
            while true {
                position = try reader.passDamage(position)
                guard position < reader.end else { return nil }
                let header = try reader.header(at: position)
                if header.maxTimestamp >= target, header.lastOffset >= logStart, header.recordCount > 0,
                    let record = try record(in: header, at: position, notBefore: target)
                {
                    return record
                }
                position += header.totalLength
            }
        } catch {
            throw error.failure
        }
    }

    /// The largest visible timestamp; nil if there is none.
    func largest() throws(LogError) -> Timestamp? {
        do throws(ReadInterruption) {
            if let hint = try largestHint(), let found = try batch(of: hint), isVisible(found.header) {
                return hint.timestamp
            }
            return try walkForLargest()
        } catch {
            throw error.failure
        }
    }

    /// Whether all records of a batch may be seen.
    private func isVisible(_ header: BatchHeader) -> Bool { header.baseOffset >= logStart && header.lastOffset < end }

    private func walkForLargest() throws(ReadInterruption) -> Timestamp? {
        var reader = reader
        var largest = Timestamp.none
        var position = 0
        while true {
            position = try reader.passDamage(position)
            guard position < reader.end else { return largest > .none ? largest : nil }
            let header = try reader.header(at: position)
            if header.maxTimestamp > largest, header.recordCount > 0 {
                if isVisible(header) {
                    largest = header.maxTimestamp
                } else {
                    try forEachVisibleRecord(of: header, at: position) { record in
                        largest = max(largest, record.timestamp)
                        return true
                    }
                }
            }
            position += header.totalLength
        }
    }

    /// What a sealed segment's time index ends with; nil if the segment is still written or the entry is wrong.
    private func largestHint() throws(ReadInterruption) -> TimeIndexEntry? {
        guard reader.segment.knownSealedSize == reader.end else { return nil }
        let entry = try reading { () throws(FileError) in try reader.segment.largest() }
        guard let entry, try batch(of: entry) != nil else { return nil }
        return entry
    }

    /// Where to begin to look: behind the last index entry that is older than `target`, if the entry is right.
    private func start(for target: Timestamp, _ reader: inout SegmentReader) throws(ReadInterruption) -> Int {
        let index = reader.segment.timeIndex
        let entry = try reading { () throws(FileError) in
            try index.entry(below: target, in: try index.file.view(mapped: false, capacity: 0))
        }
        guard let entry, let found = try batch(of: entry) else { return 0 }
        return found.position
    }

    /// The batch that a time index entry speaks of; nil if there is no such batch.
    private func batch(
        of entry: TimeIndexEntry
    ) throws(ReadInterruption) -> (position: Int, header: BatchHeader)? {
        var reader = reader
        do throws(ReadInterruption) {
            guard let found = try reader.firstBatch(atOrAbove: entry.offset) else { return nil }
            let isRight = found.header.lastOffset == entry.offset && found.header.maxTimestamp == entry.timestamp
            return isRight ? found : nil
        } catch {
            // A wrong index makes the search longer, not wrong.
            switch error {
            case .damagedIndex, .failed(.damaged): return nil
            case .cold, .failed: throw error
            }
        }
    }

    private func record(
        in header: BatchHeader,
        at position: Int,
        notBefore target: Timestamp
    ) throws(ReadInterruption) -> TimestampedOffset? {
        var found: TimestampedOffset?
        try forEachVisibleRecord(of: header, at: position) { record in
            guard record.timestamp >= target else { return true }
            found = TimestampedOffset(
                offset: record.offset,
                timestamp: record.timestamp,
                leaderEpoch: header.leaderEpoch
            )
            return false
        }
        return found
    }

    /// Calls `body` with the batch's visible records until it returns false.
    private func forEachVisibleRecord(
        of header: BatchHeader,
        at position: Int,
        _ body: (Record) -> Bool
    ) throws(ReadInterruption) {
        var bytes = [UInt8](repeating: 0, count: header.totalLength)
        let count = try bytes.withMutableBytes { buffer throws(ReadInterruption) in
            try reading { () throws(FileError) in try reader.file.read(into: buffer, at: FilePosition(position)) }
        }
        do throws(BatchError) {
            var records = try RecordReader(batch: ByteBuffer(bytes: bytes.prefix(count)), limits: limits)
            while let record = try records.next() {
                guard record.offset >= logStart, record.offset < end else { continue }
                if !body(record) { return }
            }
        } catch {
            throw .failed(.corrupt(path: reader.segment.path, "at byte \(position): \(error)"))
        }
    }
}

extension ReadInterruption {
    /// The error, for a reader that waits and does not mind the index.
    var failure: LogError {
        switch self {
        case .failed(let error): error
        case .damagedIndex(let segment): .corrupt(path: segment.path, "its index is wrong")
        case .cold: invariantViolated("a read that may wait was told to", file: #fileID, line: #line)
        }
    }
}
