import Model
import Records

/// A partition's log as found on disk, repaired where that was needed. Handed to ``PartitionLog`` and gone.
struct LoadedLog {
    var sealed: [LogSegment]
    var active: ActiveSegment
    var producers: ProducerState
    var epochs: LeaderEpochs
    var logStart: Offset
    var logEnd: Offset
    /// Whether nothing of the directory is durable, its own entry in the log directory included.
    var isNew = false
    /// Segments, but for the active one, with records that may not be durable.
    var unsynced: [LogSegment] = []
    /// Everything below is durable.
    var durable: Offset
    /// Whether a snapshot of the producers at the log's end is on disk.
    var hasSnapshot = false
    var manifest = Manifest()
    var epochFile = EpochFile.current
    var quarantine = Quarantine()
    /// Below, offsets may be missing without anything being wrong.
    var mayHaveGapsBelow = Offset.zero
    var report: RecoveryReport
}

/// Opens a partition's directory: creates it, takes it as a clean stop left it, or repairs it. A value, used once.
///
/// After a clean stop the work does not depend on the amount of data: list the directory, look at the last index entry,
/// walk the few batches behind it, read one snapshot.
struct LogLoader {
    let directory: String
    let topicPartition: TopicPartition
    let topicID: TopicID
    let config: LogConfig
    let environment: LogEnvironment
    let hints: OpeningHints
    /// Whether what is repaired is synced here; otherwise that is for the log's first sync.
    let syncs: Bool
    var report: RecoveryReport
    /// What the directory holds.
    var names: [String] = []
    /// Below, segments may end before the next begins.
    var mayHaveGapsBelow = Offset.zero
    /// Whether Kafka has written the log: where its compaction was, no manifest says.
    var isForeign = false
    /// Closed segments by their base offsets, as the manifest says.
    var closed: [Offset: Manifest.Segment] = [:]
    /// Up to here everything was durable, so that nothing is cut off: what is not there is damage.
    var protectedEnd = Offset.zero
    /// What was found damaged before, and what opening finds.
    var quarantine = Quarantine()
    /// Whether the epochs have to be made out from the batches.
    var lacksEpochs = false
    /// Whether the files were made just now that say what the directory is.
    private(set) var isUnnamed = false

    var fileSystem: any FileSystem { environment.fileSystem }

    init(
        directory: String,
        topicPartition: TopicPartition,
        topicID: TopicID,
        config: LogConfig,
        environment: LogEnvironment,
        hints: OpeningHints,
        wasClean: Bool,
        syncs: Bool = true
    ) {
        self.directory = directory
        self.topicPartition = topicPartition
        self.topicID = topicID
        self.config = config
        self.environment = environment
        self.hints = hints
        self.syncs = syncs
        report = RecoveryReport(topicPartition, wasClean: wasClean)
    }

    mutating func load() throws(LogError) -> LoadedLog {
        let isNew = try storage { () throws(FileError) in try !fileSystem.exists(directory) }
        if isNew { try create() }
        names = try storage { () throws(FileError) in try fileSystem.list(directory) }
        if !isNew { try checkTopic() }
        let manifest = try settleManifest()
        let bases = try tidy()
        let stored = try loadEpochs()
        let isDirty = (!report.wasClean || lacksEpochs) && !isNew
        lacksEpochs = (lacksEpochs || stored.entries.isEmpty) && !isNew
        let segments = try discardRemains(bases, stored).map { segment($0, isNew: isNew) }
        if !isNew { try loadQuarantine(manifest, segments) }
        var loaded = try isDirty ? recover(segments, stored) : take(segments, stored)
        let isUnsure = isDirty && !isAsDurable(loaded)
        try beginEpoch(&loaded, stored, isNew: isNew, isDirty: isDirty)
        if isDirty, syncs { try syncNames() }
        // Otherwise that is part of the log's first sync, before anything that is durable by it.
        loaded.isNew = (isUnnamed || isUnsure) && !(isDirty && syncs)
        let snapshot = "\(directory)/\(LogFileNames.name(loaded.logEnd, LogFileNames.snapshot))"
        loaded.hasSnapshot = try storage { () throws(FileError) in try fileSystem.exists(snapshot) }
        loaded.logStart = min(max(hints.logStart ?? .zero, loaded.logStart), loaded.logEnd)
        loaded.producers.removeExpired(
            now: environment.time.now,
            expirationMilliseconds: environment.producerExpirationMilliseconds
        )
        try storage { () throws(FileError) in
            for segment in loaded.sealed { _ = try segment.sealedSize() }
        }
        loaded.manifest = try reconciled(manifest, with: loaded)
        try saveQuarantine(logStart: loaded.logStart)
        loaded.quarantine = quarantine
        loaded.mayHaveGapsBelow = min(mayHaveGapsBelow, loaded.logEnd)
        // Thousands of partitions are opened at a start, and few of them are used at once.
        for segment in segments { segment.releaseHandles() }
        report.logStart = loaded.logStart
        report.logEnd = loaded.logEnd
        report.leaderEpoch = loaded.epochs.latest
        loaded.report = report
        return loaded
    }

    /// Whether the log is, after a crash, just as the last checkpoint says.
    private func isAsDurable(_ loaded: LoadedLog) -> Bool {
        guard let point = hints.recoveryPoint, point > .zero else { return false }
        return loaded.logEnd == point && !isUnnamed && !report.isNoteworthy && !lacksEpochs
    }

    // MARK: The directory

    /// Makes the directory and its first files. They become durable with the log's first sync, so that creating many
    /// partitions does not wait for the disk; until then nothing in them is durable either.
    private mutating func create() throws(LogError) {
        isUnnamed = true
        try storage { () throws(FileError) in
            try fileSystem.createDirectory(directory)
            try writeMetadata()
            let first = LogFileNames.name(hints.logStart ?? .zero, LogFileNames.log)
            try SmallFile.write([], to: "\(directory)/\(first)", fileSystem, synced: false)
        }
    }

    private func writeMetadata() throws(FileError) {
        // By another name first: a write that fails on a full disk must not leave a file that looks damaged.
        try SmallFile.replace(
            LogFileNames.partitionMetadata,
            in: directory,
            with: Array(PartitionMetadata(topicID: topicID).text.utf8),
            fileSystem,
            synced: false
        )
    }

    /// Makes the directory durable as such: the process that has made it may have died before its first sync, and what is
    /// synced in it later counts for nothing without its name.
    private func syncNames() throws(LogError) {
        try storage { () throws(FileError) in
            try fileSystem.open("\(directory)/\(LogFileNames.partitionMetadata)", .existing).sync()
            try fileSystem.syncDirectory(directory)
            try fileSystem.syncDirectory(Self.parent(of: directory))
        }
    }

    private mutating func checkTopic() throws(LogError) {
        let path = "\(directory)/\(LogFileNames.partitionMetadata)"
        var found: TopicID?
        do throws(LogError) {
            let text = try SmallFile.readFinishedText(path, limit: PartitionMetadata.maximumBytes, fileSystem)
            if let text {
                found = try PartitionMetadata(text, path: path).topicID
                isForeign = PartitionMetadata.isForeign(text)
            }
        } catch {
            // Whoever opens the log knows whose it is from elsewhere.
            guard case .corrupt = error else { throw error }
            isForeign = true
            report.repairedFiles.append(path)
        }
        guard let found else {
            // Damaged, or there was a crash before the partition's first sync: nothing in it was durable yet.
            isUnnamed = true
            return try storage { () throws(FileError) in try writeMetadata() }
        }
        guard found == topicID else { throw .inconsistentTopicID(path: directory, found: found, expected: topicID) }
    }

    /// Removes what is neither a valid file nor of any use; returns the base offsets of the segments, ascending.
    private func tidy() throws(LogError) -> [Offset] {
        let bases = names.compactMap { LogFileNames.offset(in: $0, LogFileNames.log) }.sorted()
        let known = Set(bases)
        for name in names {
            let index = LogFileNames.offset(in: name, LogFileNames.offsetIndex)
            let base = index ?? LogFileNames.offset(in: name, LogFileNames.timeIndex)
            let isOrphan = base.map { !known.contains($0) } ?? false
            guard isOrphan || name.hasSuffix(LogFileNames.temporary) || name.hasSuffix(LogFileNames.putAside)
            else { continue }
            try storage { () throws(FileError) in try fileSystem.remove("\(directory)/\(name)") }
        }
        // Without any segment there are no records, but their offsets are not given to others.
        return bases.isEmpty ? [max(hints.logStart ?? .zero, hints.recoveryPoint ?? .zero)] : bases
    }

    func segment(_ base: Offset, isNew: Bool) -> LogSegment {
        LogSegment(directory: directory, baseOffset: base, environment: environment, isNew: isNew)
    }

    static func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    // MARK: After a clean stop

    /// Takes the log as it was left; anything that does not fit is looked into as after a crash.
    private mutating func take(
        _ segments: [LogSegment],
        _ epochs: LeaderEpochs
    ) throws(LogError) -> LoadedLog {
        guard let last = segments.last, let first = segments.first else {
            throw .corrupt(path: directory, "it has no segments")
        }
        guard let (contents, end) = try glance(at: last), end >= protectedEnd, isExpected(end), !isClosed(last) else {
            return try recover(segments, epochs)
        }
        let sealed = Array(segments.dropLast())
        let producers = try producers(at: end, segments: segments)
        guard !isClosed(last) else { return try recover(segments, epochs) }
        return LoadedLog(
            sealed: sealed,
            active: ActiveSegment(segment: last, contents: contents, jitter: config.randomJitter()),
            producers: producers,
            epochs: lacksEpochs ? try self.epochs(from: segments, after: epochs) : epochs,
            logStart: first.baseOffset,
            logEnd: end,
            durable: end,
            report: report
        )
    }

    /// Whether the log may end there after a clean stop, which notes where: a batch's own word for its offsets has no
    /// checksum. Others than this broker need not have noted anything.
    private func isExpected(_ end: Offset) -> Bool {
        guard let point = hints.recoveryPoint, point > .zero else { return true }
        return point == end
    }

    /// What the segment holds, judged by its last index entries and the batches behind them; nil if that does not add up.
    private func glance(at segment: LogSegment) throws(LogError) -> (SegmentContents, Offset)? {
        let file = try storage { () throws(FileError) in try segment.file(.createIfMissing) }
        let size = try storage { () throws(FileError) in try file.size() }
        if size == 0 { return (SegmentContents(), segment.baseOffset) }
        let view = try storage { () throws(FileError) in try segment.offsetIndex.file.view(mapped: false, capacity: 0) }
        let times = try storage { () throws(FileError) in try segment.timeIndex.file.view(mapped: false, capacity: 0) }
        let entry = try storage { () throws(FileError) in try segment.offsetIndex.lastEntry(in: view) }
        let largest = try storage { () throws(FileError) in try segment.timeIndex.lastEntry(in: times) }
        var reader = SegmentReader(segment: segment, file: file, end: size, access: .file, maximumSteps: .max)
        var contents = SegmentContents(size: size, offsetEntries: view.count, timeEntries: times.count)
        contents.largest = largest
        contents.lastIndexedTimestamp = largest?.timestamp
        contents.lastIndexedPosition = entry?.position.bytes ?? 0
        // Without index entries the segment is short; if it is not, the index is lost.
        guard entry != nil || size <= 4 * config.indexIntervalBytes + config.maxMessageBytes else { return nil }
        do throws(ReadInterruption) {
            let first = try reader.header(at: 0)
            contents.firstTimestamp = first.maxTimestamp
            if let largest {
                guard let (_, header) = try reader.firstBatch(atOrAbove: largest.offset),
                    header.lastOffset == largest.offset, header.maxTimestamp == largest.timestamp
                else { return nil }
            } else if first.maxTimestamp > .none {
                return nil
            }
            guard let end = try walkToEnd(&reader, from: entry) else { return nil }
            return (contents, end)
        } catch {
            if case .failed(let failure) = error, case .storage = failure { throw failure }
            return nil
        }
    }

    /// The offset behind the last batch, which ends exactly where the file does; nil if it does not.
    private func walkToEnd(
        _ reader: inout SegmentReader,
        from entry: OffsetIndexEntry?
    ) throws(ReadInterruption) -> Offset? {
        var position = entry?.position.bytes ?? 0
        guard position < reader.end else { return nil }
        var next = reader.segment.baseOffset
        while position < reader.end {
            let header = try reader.header(at: position)
            if position == entry?.position.bytes, header.lastOffset != entry?.offset { return nil }
            guard header.baseOffset >= next else { return nil }
            next = header.nextOffset
            position += header.totalLength
        }
        return next
    }
}

extension LogConfig {
    /// How much earlier than `segment.ms` one segment is rolled, so that not all partitions roll at once.
    func randomJitter() -> Int64 {
        segmentJitterMilliseconds > 0 ? Int64.random(in: 0..<segmentJitterMilliseconds) : 0
    }
}
