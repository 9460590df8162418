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
        let snapshot = try readableSnapshot()
        let last = snapshot.segmentNumber(containing: snapshot.mark(limit).segment)
        var best: (search: TimestampSearch, largest: TimeIndexEntry)?
        for number in snapshot.segmentNumber(containing: snapshot.offsets.logStart)...last {
            guard let search = try search(number, in: snapshot, limit: limit), let largest = try search.largest()
            else { continue }
            if largest.timestamp > (best?.largest.timestamp ?? .none) { best = (search, largest) }
        }
        guard let best else { return nil }
        return try best.search.first(notBefore: best.largest.timestamp)
    }

    /// The search through one segment; nil if nothing of it may be seen.
    private func search(
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
            while position < reader.end {
                let header = try reader.header(at: position)
                if header.maxTimestamp >= target, header.lastOffset >= logStart, header.recordCount > 0,
                    let record = try record(in: header, at: position, notBefore: target)
                {
                    return record
                }
                position += header.totalLength
            }
            return nil
        } catch {
            throw error.failure
        }
    }

    /// The largest visible timestamp and the last offset of the batch that had it first.
    func largest() throws(LogError) -> TimeIndexEntry? {
        do throws(ReadInterruption) {
            if let hint = try largestHint(), hint.offset < end, hint.offset >= logStart { return hint }
            return try walkForLargest()
        } catch {
            throw error.failure
        }
    }

    private func walkForLargest() throws(ReadInterruption) -> TimeIndexEntry? {
        var reader = reader
        var largest: TimeIndexEntry?
        var position = 0
        while position < reader.end {
            let header = try reader.header(at: position)
            if header.lastOffset >= logStart, header.maxTimestamp > (largest?.timestamp ?? .none) {
                largest = TimeIndexEntry(timestamp: header.maxTimestamp, offset: header.lastOffset)
            }
            position += header.totalLength
        }
        return largest
    }

    /// What a sealed segment's time index ends with; nil if the segment is still written or the entry is wrong.
    private func largestHint() throws(ReadInterruption) -> TimeIndexEntry? {
        guard reader.segment.knownSealedSize == reader.end else { return nil }
        let entry = try reading { () throws(FileError) in try reader.segment.largest() }
        guard let entry, try position(of: entry) != nil else { return nil }
        return entry
    }

    /// Where to begin to look: behind the last index entry that is older than `target`, if the entry is right.
    private func start(for target: Timestamp, _ reader: inout SegmentReader) throws(ReadInterruption) -> Int {
        let index = reader.segment.timeIndex
        let entry = try reading { () throws(FileError) in
            try index.entry(below: target, in: try index.file.view(mapped: false, capacity: 0))
        }
        if let entry, let position = try position(of: entry) { return position }
        return 0
    }

    /// Where the batch begins that a time index entry speaks of; nil if there is no such batch.
    private func position(of entry: TimeIndexEntry) throws(ReadInterruption) -> Int? {
        var reader = reader
        do throws(ReadInterruption) {
            guard let (position, header) = try reader.firstBatch(atOrAbove: entry.offset) else { return nil }
            return header.lastOffset == entry.offset && header.maxTimestamp == entry.timestamp ? position : nil
        } catch {
            // A wrong index makes the search longer, not wrong.
            if case .damagedIndex = error { return nil }
            throw error
        }
    }

    private func record(
        in header: BatchHeader,
        at position: Int,
        notBefore target: Timestamp
    ) throws(ReadInterruption) -> TimestampedOffset? {
        var bytes = [UInt8](repeating: 0, count: header.totalLength)
        let count = try bytes.withMutableBytes { buffer throws(ReadInterruption) in
            try reading { () throws(FileError) in try reader.file.read(into: buffer, at: FilePosition(position)) }
        }
        do throws(BatchError) {
            var records = try RecordReader(batch: ByteBuffer(bytes: bytes.prefix(count)), limits: limits)
            while let record = try records.next() {
                guard record.timestamp >= target, record.offset >= logStart else { continue }
                guard record.offset < end else { return nil }
                return TimestampedOffset(
                    offset: record.offset,
                    timestamp: record.timestamp,
                    leaderEpoch: header.leaderEpoch
                )
            }
            return nil
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
