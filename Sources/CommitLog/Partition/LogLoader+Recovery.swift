import Model
import Records

/// Repair after a crash, and the producers' state.
extension LogLoader {
    /// What a scan has come to know besides the segment. A value.
    private struct ScannedState {
        var producers: ProducerState
        var epochs: LeaderEpochs
        /// Up to this byte all was durable.
        var proven: Int
    }

    /// Reads every segment that may have lost something, cuts the log where it goes wrong, and rebuilds indexes and
    /// producer state. Without a recovery point only the last segment is suspect: earlier ones were complete when the
    /// last one was begun.
    mutating func recover(
        _ segments: [LogSegment],
        _ stored: LeaderEpochs
    ) throws(LogError) -> LoadedLog {
        guard let first = segments.first else { throw .corrupt(path: directory, "it has no segments") }
        let suspect = firstSuspect(segments)
        var kept = Array(segments[..<suspect])
        var epochs = lacksEpochs ? try self.epochs(from: kept, after: stored) : stored
        var start = try scanStart(in: segments[suspect], below: hints.recoveryPoint)
        try checkScan(of: segments[suspect...], from: start)
        var producers: ProducerState
        if let resumption = start, let resumed = try self.producers(at: resumption, after: kept) {
            producers = resumed
        } else {
            start = nil
            producers = try self.producers(at: segments[suspect].baseOffset, segments: kept)
        }
        var last: (segment: LogSegment, scan: SegmentScan)?
        for (number, segment) in segments.enumerated().dropFirst(suspect) {
            if let (_, before) = last, before.problem != nil || !follows(segment, before) {
                try discard(Array(segments[number...]))
                break
            }
            if let last { kept.append(last.segment) }
            let end = number + 1 < segments.count ? segments[number + 1].baseOffset : nil
            let scan = try repair(segment, from: number == suspect ? start : nil, end: end, &producers, &epochs)
            last = (segment, scan)
        }
        guard let last else { throw .corrupt(path: directory, "it has no segments") }
        let end = last.scan.nextOffset
        let durable = syncs ? end : min(end, hints.recoveryPoint ?? .zero)
        try completeLast(of: kept, next: segments[suspect].baseOffset)
        for segment in kept { try rebuildIfMissing(segment) }
        epochs.truncate(toEnd: end)
        var active = (segment: last.segment, contents: last.scan.contents)
        if isClosed(last.segment), end > last.segment.baseOffset {
            // Nothing is written behind damage, and nothing into a segment whose bytes were summed up.
            last.segment.seal(size: last.scan.contents.size, largest: last.scan.contents.largest)
            kept.append(last.segment)
            active = (try begin(at: end), SegmentContents())
        }
        let unsynced = durable < end ? Array(kept[suspect...]) : []
        return LoadedLog(
            sealed: kept,
            active: ActiveSegment(
                segment: active.segment,
                contents: active.contents,
                jitter: config.randomJitter()
            ),
            producers: producers,
            epochs: epochs,
            logStart: first.baseOffset,
            logEnd: end,
            unsynced: unsynced,
            durable: durable,
            report: report
        )
    }

    private func firstSuspect(_ segments: [LogSegment]) -> Int {
        guard let point = hints.recoveryPoint else { return segments.count - 1 }
        return segments.lastIndex { $0.baseOffset <= point } ?? 0
    }

    /// Throws if more would have to be read than may be now.
    private func checkScan(of segments: ArraySlice<LogSegment>, from start: ScanStart?) throws(LogError) {
        guard let most = hints.maximumScan else { return }
        var bytes = -(start?.position ?? 0)
        for segment in segments {
            bytes += try storage { () throws(FileError) in
                try fileSystem.exists(segment.path) ? segment.file().size() : 0
            }
        }
        for segment in segments { segment.releaseHandles() }
        if bytes > most { throw .opening(topicPartition, toScan: bytes) }
    }

    /// I1, as far as compaction, which leaves gaps, allows to say.
    private func follows(_ segment: LogSegment, _ before: SegmentScan) -> Bool {
        segment.baseOffset == before.nextOffset
            || (segment.baseOffset > before.nextOffset && allows(before.nextOffset..<segment.baseOffset))
    }

    /// A new segment at the log's end.
    private func begin(at offset: Offset) throws(LogError) -> LogSegment {
        let segment = segment(offset, isNew: true)
        try storage { () throws(FileError) in
            _ = try segment.file(.createIfMissing)
            // After a crash the log's first sync would do, but there need not be any.
            if syncs || report.wasClean { try environment.fileSystem.syncDirectory(directory) }
        }
        return segment
    }

    /// Writes bytes over themselves, so that the next sync has to write them: an earlier one may have failed and left them
    /// in the page cache, where they look written. The note of that may be lost with the disk it was meant for, so what
    /// topics promise to be durable is written in any case; that is the last second's.
    private func rewrite(_ file: any File, _ range: Range<Int>) throws(FileError) {
        guard hints.isSuspect || (hints.recoveryPoint != nil && config.durability == .fsync) else { return }
        var scratch = [UInt8](repeating: 0, count: min(range.count, LogEnvironment.scratchBytes))
        var position = range.lowerBound
        while position < range.upperBound {
            let length = min(scratch.count, range.upperBound - position)
            let count = try scratch.withMutableBytes { buffer throws(FileError) in
                let piece = UnsafeMutableRawBufferPointer(rebasing: buffer.prefix(length))
                let count = try file.read(into: piece, at: FilePosition(position))
                let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
                let bytes = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(piece).prefix(count))
                try file.write(bytes, nothing, at: FilePosition(position))
                return count
            }
            if count == 0 { return }
            position += count
        }
    }

    /// `end`: where the next segment begins; nil for the last.
    private mutating func repair(
        _ segment: LogSegment,
        from start: ScanStart?,
        end: Offset?,
        _ producers: inout ProducerState,
        _ epochs: inout LeaderEpochs
    ) throws(LogError) -> SegmentScan {
        let file = try storage { () throws(FileError) in try segment.file(.createIfMissing) }
        let size = try storage { () throws(FileError) in try file.size() }
        var (scan, found) = try scan(segment, from: start, size: size, (producers, epochs))
        // What was durable is not cut off: it is either there, or it is damaged.
        if lacksDurable(scan, end: end) {
            try examine(segment, size: size, end: end, epochs)
            (scan, found) = try self.scan(segment, from: start, size: size, (producers, epochs))
            guard !lacksDurable(scan, end: end) else {
                throw .corrupt(path: segment.path, scan.problem ?? "offsets from \(scan.nextOffset) on are missing")
            }
        }
        (producers, epochs) = (found.producers, found.epochs)
        report.scannedSegments += 1
        report.scannedBytes += size - (start?.position ?? 0)
        let good = scan.contents.size
        let open = end == nil && !isClosed(segment) ? scan.openContents : nil
        try storage { () throws(FileError) in
            if good < size { try file.truncate(to: good) }
            try rewrite(file, min(good, found.proven)..<good)
            // What was only in the page cache when the process died counts from here on.
            if syncs, good < size || scan.nextOffset > hints.recoveryPoint ?? .zero { try file.sync() }
            let synced = good > environment.fullScanBytes
            try segment.offsetIndex.file.replaceUnlessSame(scan.offsetIndex, synced: synced)
            if open == nil { try segment.timeIndex.file.replaceUnlessSame(scan.timeIndex, synced: synced) }
        }
        if let open { scan.contents = open }
        if let problem = scan.problem {
            report.truncations.append(
                RecoveryReport.Truncation(
                    path: segment.path,
                    offset: scan.nextOffset,
                    bytes: size - good,
                    reason: problem
                )
            )
        }
        return scan
    }

    /// Whether a segment has less, or other offsets, than were in it durably.
    private func lacksDurable(_ scan: SegmentScan, end: Offset?) -> Bool {
        guard let end else { return scan.nextOffset < protectedEnd }
        let bound = min(end, protectedEnd)
        if scan.problem != nil { return scan.nextOffset < bound }
        if end <= protectedEnd, scan.nextOffset > end { return true }
        return scan.nextOffset < bound && !allows(scan.nextOffset..<bound)
    }

    private func scan(
        _ segment: LogSegment,
        from start: ScanStart?,
        size: Int,
        _ state: (ProducerState, LeaderEpochs)
    ) throws(LogError) -> (SegmentScan, ScannedState) {
        var found = ScannedState(producers: state.0, epochs: state.1, proven: start?.position ?? 0)
        let durable = hints.recoveryPoint ?? .zero
        let scan = try SegmentScan.scan(
            segment,
            size: size,
            depth: .checksums,
            indexIntervalBytes: config.indexIntervalBytes,
            from: start,
            allows: allows
        ) { header in
            found.producers.record(header, lastOffset: header.lastOffset, maxTimestamp: header.maxTimestamp)
            if header.nextOffset <= durable { found.proven += header.totalLength }
            note(header, in: &found.epochs)
        }
        if scan.isForeign {
            throw .unsupportedFormat(path: segment.path, "it holds messages from before Kafka 0.11")
        }
        return (scan, found)
    }

    /// Puts segments aside that a cut has made unreachable. Their files keep their contents under another name.
    mutating func discard(_ segments: [LogSegment]) throws(LogError) {
        for segment in segments {
            let name = segment.path + LogFileNames.discarded
            try storage { () throws(FileError) in
                try environment.fileSystem.rename(segment.path, to: name)
                try environment.fileSystem.remove(segment.path(LogFileNames.offsetIndex))
                try environment.fileSystem.remove(segment.path(LogFileNames.timeIndex))
                try environment.fileSystem.remove(segment.path(LogFileNames.snapshot))
            }
            report.discardedFiles.append(name)
        }
        try storage { () throws(FileError) in try environment.fileSystem.syncDirectory(directory) }
    }

    /// Rebuilds the indexes of a segment that has none. A wrong one is noticed and rebuilt when it is used.
    private mutating func rebuildIfMissing(_ segment: LogSegment) throws(LogError) {
        let isWhole = try storage { () throws(FileError) in
            guard try fileSystem.exists(segment.path(LogFileNames.offsetIndex)) else { return false }
            return try fileSystem.exists(segment.path(LogFileNames.timeIndex))
        }
        if isWhole { return }
        try segment.rebuildIndexes(size: nil, indexIntervalBytes: config.indexIntervalBytes)
        report.scannedSegments += 1
    }

    // MARK: Producers

    /// The producers' state just before `offset`: the newest usable snapshot, and the batches from there on.
    mutating func producers(at offset: Offset, segments: [LogSegment]) throws(LogError) -> ProducerState {
        var state = ProducerState(maximumProducers: environment.maximumProducers)
        var from = Offset.zero
        // One from before the first segment cannot be brought up to date: with less than the last sequence number of a
        // producer, its next batch would be refused for ever, whereas one that is not known may go on.
        let first = segments.first?.baseOffset ?? offset
        for snapshot in snapshots().reversed() where snapshot <= offset && snapshot >= first {
            let path = "\(directory)/\(LogFileNames.name(snapshot, LogFileNames.snapshot))"
            let bytes = try SmallFile.read(path, limit: Self.maximumSnapshotBytes, environment.fileSystem)
            guard let bytes else { continue }
            do throws(LogError) {
                try ProducerSnapshotFormat.decode(bytes, path: path, into: &state)
                from = snapshot
                break
            } catch {
                report.repairedFiles.append(path)
                state = ProducerState(maximumProducers: environment.maximumProducers)
            }
        }
        try removeStraySnapshots(above: offset, segments: segments, keeping: from)
        for (number, segment) in segments.enumerated() {
            let end = number + 1 < segments.count ? segments[number + 1].baseOffset : offset
            guard end > from, segment.baseOffset < offset else { continue }
            let size = try storage { () throws(FileError) in try segment.file().size() }
            var (scan, found) = try producers(of: segment, size: size, from..<offset, state)
            if scan.problem != nil, scan.nextOffset < protectedEnd {
                try examine(segment, size: size, end: end, LeaderEpochs())
                (scan, found) = try producers(of: segment, size: size, from..<offset, state)
            }
            state = found
            report.scannedSegments += 1
        }
        return state
    }

    /// The producers' state after the batches of a segment that lie in `range`.
    private func producers(
        of segment: LogSegment,
        size: Int,
        _ range: Range<Offset>,
        _ state: ProducerState
    ) throws(LogError) -> (SegmentScan, ProducerState) {
        var found = state
        let scan = try SegmentScan.scan(
            segment,
            size: size,
            depth: .headers,
            indexIntervalBytes: config.indexIntervalBytes,
            visit: { header in
                guard range.contains(header.baseOffset) else { return }
                found.record(header, lastOffset: header.lastOffset, maxTimestamp: header.maxTimestamp)
            }
        )
        return (scan, found)
    }

    /// The largest snapshot that is read: of 100,000 producers with five batches each.
    static let maximumSnapshotBytes = 32 << 20

    func snapshots() -> [Offset] {
        names.compactMap { LogFileNames.offset(in: $0, LogFileNames.snapshot) }.sorted()
    }

    /// A snapshot is kept where a segment begins, and the newest; one of offsets that are gone would be wrong later.
    func removeStraySnapshots(
        above end: Offset,
        segments: [LogSegment],
        keeping newest: Offset
    ) throws(LogError) {
        let bases = Set(segments.map(\.baseOffset))
        for snapshot in snapshots() where snapshot > end || (!bases.contains(snapshot) && snapshot != newest) {
            let path = "\(directory)/\(LogFileNames.name(snapshot, LogFileNames.snapshot))"
            try storage { () throws(FileError) in try environment.fileSystem.remove(path) }
        }
    }
}

extension LogSegment {
    /// Makes both indexes anew from the batches' headers. `size`: how far the segment is written; nil for a sealed one.
    @discardableResult
    func rebuildIndexes(size: Int?, indexIntervalBytes: Int) throws(LogError) -> SegmentContents {
        let end: Int
        if let size { end = size } else { end = try storage { () throws(FileError) in try sealedSize() } }
        let scan = try SegmentScan.scan(self, size: end, depth: .headers, indexIntervalBytes: indexIntervalBytes)
        try storage { () throws(FileError) in
            try offsetIndex.file.replace(with: scan.offsetIndex)
            try timeIndex.file.replace(with: scan.timeIndex)
        }
        forgetLargest()
        return scan.contents
    }
}
