import Model
import Records

/// Repair after a crash, and the producers' state.
extension LogLoader {
    /// Reads every segment that may have lost something, cuts the log where it goes wrong, and rebuilds indexes and
    /// producer state. Without a recovery point only the last segment is suspect: earlier ones were complete when the
    /// last one was begun.
    mutating func recover(
        _ segments: [LogSegment],
        _ stored: LeaderEpochs
    ) throws(LogError) -> LoadedLog {
        guard let first = segments.first else { throw .corrupt(path: directory, "it has no segments") }
        var epochs = stored
        let suspect = firstSuspect(segments)
        try checkScan(of: segments[suspect...])
        var kept = Array(segments[..<suspect])
        var producers = try producers(at: segments[suspect].baseOffset, segments: kept)
        var last: (segment: LogSegment, scan: SegmentScan)?
        for (number, segment) in segments.enumerated().dropFirst(suspect) {
            if let (_, before) = last, before.problem != nil || !follows(segment, before) {
                try discard(Array(segments[number...]))
                break
            }
            if let last { kept.append(last.segment) }
            let scan = try repair(segment, &producers, &epochs)
            last = (segment, scan)
        }
        guard let last else { throw .corrupt(path: directory, "it has no segments") }
        let end = last.scan.nextOffset
        let durable = syncs ? end : min(end, hints.recoveryPoint ?? .zero)
        let unsynced = durable < end ? Array(kept[suspect...]) : []
        for segment in kept { try rebuildIfMissing(segment) }
        epochs.truncate(toEnd: end)
        return LoadedLog(
            sealed: kept,
            active: ActiveSegment(
                segment: last.segment,
                contents: last.scan.contents,
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
    private func checkScan(of segments: ArraySlice<LogSegment>) throws(LogError) {
        guard let most = hints.maximumScan else { return }
        var bytes = 0
        for segment in segments where environment.fileSystem.exists(segment.path) {
            bytes += try storage { () throws(FileError) in try segment.file().size() }
        }
        for segment in segments { segment.releaseHandles() }
        if bytes > most { throw .opening(topicPartition, toScan: bytes) }
    }

    /// I1, as far as compaction, which leaves gaps, allows to say.
    private func follows(_ segment: LogSegment, _ before: SegmentScan) -> Bool {
        segment.baseOffset == before.nextOffset
            || (segment.baseOffset > before.nextOffset
                && (config.cleanupPolicy.contains(.compact) || segment.baseOffset <= mayHaveGapsBelow))
    }

    private mutating func repair(
        _ segment: LogSegment,
        _ producers: inout ProducerState,
        _ epochs: inout LeaderEpochs
    ) throws(LogError) -> SegmentScan {
        let file = try storage { () throws(FileError) in try segment.file(.createIfMissing) }
        let size = try storage { () throws(FileError) in try file.size() }
        var found = (producers, epochs)
        let lacksEpochs = lacksEpochs
        let scan = try SegmentScan.scan(
            segment,
            size: size,
            depth: .checksums,
            indexIntervalBytes: config.indexIntervalBytes
        ) { header in
            found.0.record(header, lastOffset: header.lastOffset, maxTimestamp: header.maxTimestamp)
            // Only if the checkpoint is gone: no checksum covers this field, and an epoch is durable before it is used.
            guard lacksEpochs, header.leaderEpoch > found.1.latest, header.leaderEpoch.rawValue < Int32.max else {
                return
            }
            _ = found.1.assign(header.leaderEpoch, at: header.baseOffset)
        }
        if scan.isForeign {
            throw .unsupportedFormat(path: segment.path, "it holds messages from before Kafka 0.11")
        }
        (producers, epochs) = found
        report.scannedSegments += 1
        report.scannedBytes += size
        let good = scan.contents.size
        try storage { () throws(FileError) in
            if good < size { try file.truncate(to: good) }
            // What was only in the page cache when the process died counts from here on.
            if syncs, good < size || scan.nextOffset > hints.recoveryPoint ?? .zero { try file.sync() }
            try segment.offsetIndex.file.replaceUnlessSame(scan.offsetIndex)
            try segment.timeIndex.file.replaceUnlessSame(scan.timeIndex)
        }
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

    /// Puts segments aside that a cut has made unreachable. Their files keep their contents under another name.
    private mutating func discard(_ segments: [LogSegment]) throws(LogError) {
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
        let fileSystem = environment.fileSystem
        guard
            !fileSystem.exists(segment.path(LogFileNames.offsetIndex))
                || !fileSystem.exists(segment.path(LogFileNames.timeIndex))
        else { return }
        try segment.rebuildIndexes(size: nil, indexIntervalBytes: config.indexIntervalBytes)
        report.scannedSegments += 1
    }

    // MARK: Producers

    /// The producers' state just before `offset`: the newest usable snapshot, and the batches from there on.
    mutating func producers(at offset: Offset, segments: [LogSegment]) throws(LogError) -> ProducerState {
        var state = ProducerState(maximumProducers: environment.maximumProducers)
        var from = Offset.zero
        for snapshot in snapshots().reversed() where snapshot <= offset {
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
            var found = state
            let scan = try SegmentScan.scan(
                segment,
                size: size,
                depth: .headers,
                indexIntervalBytes: config.indexIntervalBytes
            ) { header in
                guard header.baseOffset >= from, header.baseOffset < offset else { return }
                found.record(header, lastOffset: header.lastOffset, maxTimestamp: header.maxTimestamp)
            }
            _ = scan
            state = found
            report.scannedSegments += 1
        }
        return state
    }

    /// The largest snapshot that is read: of 100,000 producers with five batches each.
    private static let maximumSnapshotBytes = 32 << 20

    private func snapshots() -> [Offset] {
        names.compactMap { LogFileNames.offset(in: $0, LogFileNames.snapshot) }.sorted()
    }

    /// A snapshot is kept where a segment begins, and the newest; one of offsets that are gone would be wrong later.
    private func removeStraySnapshots(
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
