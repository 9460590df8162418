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
    var report: RecoveryReport

    private var fileSystem: any FileSystem { environment.fileSystem }

    init(
        directory: String,
        topicPartition: TopicPartition,
        topicID: TopicID,
        config: LogConfig,
        environment: LogEnvironment,
        hints: OpeningHints,
        wasClean: Bool
    ) {
        self.directory = directory
        self.topicPartition = topicPartition
        self.topicID = topicID
        self.config = config
        self.environment = environment
        self.hints = hints
        report = RecoveryReport(topicPartition, wasClean: wasClean)
    }

    mutating func load() throws(LogError) -> LoadedLog {
        let isNew = !fileSystem.exists(directory)
        if isNew { try create() }
        let names = try storage { () throws(FileError) in try fileSystem.list(directory) }
        try checkTopic(names)
        let bases = try tidy(names)
        var epochs = try loadEpochs()
        let segments = bases.map { segment($0, isNew: false) }
        let isDirty = !report.wasClean && !isNew
        var loaded = try isDirty ? recover(segments, &epochs) : take(segments, &epochs)
        if isDirty { _ = loaded.epochs.assign(LeaderEpoch(max(-1, epochs.latest.rawValue) + 1), at: loaded.logEnd) }
        if loaded.epochs.entries.isEmpty { _ = loaded.epochs.assign(LeaderEpoch(0), at: loaded.logEnd) }
        try storage { () throws(FileError) in try save(loaded.epochs) }
        loaded.logStart = min(max(hints.logStart ?? .zero, loaded.logStart), loaded.logEnd)
        loaded.producers.removeExpired(
            now: environment.time.now,
            expirationMilliseconds: environment.producerExpirationMilliseconds
        )
        report.logStart = loaded.logStart
        report.logEnd = loaded.logEnd
        report.leaderEpoch = loaded.epochs.latest
        loaded.report = report
        return loaded
    }

    func save(_ epochs: LeaderEpochs) throws(FileError) {
        try SmallFile.replace(
            LogFileNames.leaderEpochs,
            in: directory,
            with: Array(epochs.checkpoint.text.utf8),
            fileSystem
        )
    }

    // MARK: The directory

    /// Makes the directory and its first files durable before anything in it can be acknowledged.
    private func create() throws(LogError) {
        try storage { () throws(FileError) in
            try fileSystem.createDirectory(directory)
            try writeMetadata()
            try fileSystem.syncDirectory(directory)
            try fileSystem.syncDirectory(Self.parent(of: directory))
        }
    }

    private func writeMetadata() throws(FileError) {
        try SmallFile.write(
            Array(PartitionMetadata(topicID: topicID).text.utf8),
            to: "\(directory)/\(LogFileNames.partitionMetadata)",
            fileSystem,
            synced: true
        )
    }

    private mutating func checkTopic(_ names: [String]) throws(LogError) {
        let path = "\(directory)/\(LogFileNames.partitionMetadata)"
        let text = try SmallFile.readText(path, limit: PartitionMetadata.maximumBytes, fileSystem)
        guard let text, !text.isEmpty else {
            // A crash in the middle of creating the partition: nothing was acknowledged yet.
            return try storage { () throws(FileError) in
                try writeMetadata()
                try fileSystem.syncDirectory(directory)
            }
        }
        let found = try PartitionMetadata(text, path: path).topicID
        guard found == topicID else { throw .inconsistentTopicID(path: directory, found: found, expected: topicID) }
    }

    /// Removes what is neither a valid file nor of any use; returns the base offsets of the segments, ascending.
    private func tidy(_ names: [String]) throws(LogError) -> [Offset] {
        let bases = names.compactMap { LogFileNames.offset(in: $0, LogFileNames.log) }.sorted()
        let known = Set(bases)
        for name in names {
            let index = LogFileNames.offset(in: name, LogFileNames.offsetIndex)
            let base = index ?? LogFileNames.offset(in: name, LogFileNames.timeIndex)
            let isOrphan = base.map { !known.contains($0) } ?? false
            guard isOrphan || name.hasSuffix(LogFileNames.temporary) else { continue }
            try storage { () throws(FileError) in try fileSystem.remove("\(directory)/\(name)") }
        }
        return bases.isEmpty ? [hints.logStart ?? .zero] : bases
    }

    private mutating func loadEpochs() throws(LogError) -> LeaderEpochs {
        let path = "\(directory)/\(LogFileNames.leaderEpochs)"
        let text = try SmallFile.readText(path, limit: TextCheckpoint.maximumBytes, fileSystem)
        guard let text, !text.isEmpty else { return LeaderEpochs() }
        do throws(LogError) {
            return try LeaderEpochs(TextCheckpoint(text, path: path), path: path)
        } catch {
            guard case .corrupt = error else { throw error }
            report.repairedFiles.append(path)
            return LeaderEpochs()
        }
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
        _ epochs: inout LeaderEpochs
    ) throws(LogError) -> LoadedLog {
        guard let last = segments.last, let first = segments.first else {
            throw .corrupt(path: directory, "it has no segments")
        }
        guard let (contents, end) = try glance(at: last) else { return try recover(segments, &epochs) }
        let sealed = Array(segments.dropLast())
        let producers = try producers(at: end, segments: segments)
        return LoadedLog(
            sealed: sealed,
            active: try active(last, contents),
            producers: producers,
            epochs: epochs,
            logStart: first.baseOffset,
            logEnd: end,
            report: report
        )
    }

    /// What the segment holds, judged by its last index entry and the batches behind it; nil if that does not add up.
    private func glance(at segment: LogSegment) throws(LogError) -> (SegmentContents, Offset)? {
        let file = try storage { () throws(FileError) in try segment.file(.createIfMissing) }
        let size = try storage { () throws(FileError) in try file.size() }
        if size == 0 { return (SegmentContents(), segment.baseOffset) }
        let view = try storage { () throws(FileError) in try segment.offsetIndex.file.view(mapped: false, capacity: 0) }
        let times = try storage { () throws(FileError) in try segment.timeIndex.file.view(mapped: false, capacity: 0) }
        let entry = try storage { () throws(FileError) in try segment.offsetIndex.lastEntry(in: view) }
        var reader = SegmentReader(segment: segment, file: file, end: size, access: .file, maximumSteps: .max)
        var contents = SegmentContents(size: size, offsetEntries: view.count, timeEntries: times.count)
        contents.largest = try storage { () throws(FileError) in try segment.timeIndex.lastEntry(in: times) }
        contents.lastIndexedTimestamp = contents.largest?.timestamp
        contents.lastIndexedPosition = entry?.position.bytes ?? 0
        // Without index entries the segment is short; if it is not, the index is lost.
        guard entry != nil || size <= 4 * config.indexIntervalBytes + config.maxMessageBytes else { return nil }
        do throws(ReadInterruption) {
            contents.firstTimestamp = try reader.header(at: 0).maxTimestamp
            var position = contents.lastIndexedPosition
            var next = segment.baseOffset
            while position < size {
                let header = try reader.header(at: position)
                if position == contents.lastIndexedPosition, let entry, header.lastOffset != entry.offset { return nil }
                guard header.baseOffset >= next else { return nil }
                next = header.nextOffset
                position += header.totalLength
            }
            return (contents, next)
        } catch {
            if case .failed(let failure) = error, case .storage = failure { throw failure }
            return nil
        }
    }

    func active(_ segment: LogSegment, _ contents: SegmentContents) throws(LogError) -> ActiveSegment {
        let file = try storage { () throws(FileError) in try segment.file(.createIfMissing) }
        return ActiveSegment(segment: segment, file: file, contents: contents, jitter: config.randomJitter())
    }
}

extension LogConfig {
    /// How much earlier than `segment.ms` one segment is rolled, so that not all partitions roll at once.
    func randomJitter() -> Int64 {
        segmentJitterMilliseconds > 0 ? Int64.random(in: 0..<segmentJitterMilliseconds) : 0
    }
}
