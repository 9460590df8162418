package import Model
import NIOCore
import Records
import Synchronization

/// One partition's log: appended to by one writer at a time, read by many. Thread-safe.
///
/// Owned by two locks. `writer` guards everything that appending needs; it is held for the write itself, which goes to
/// the page cache. `snapshot` guards the state that readers copy, and is held for that copy only. Lock order:
/// `compacting`, `maintenance`, `writer`, `snapshot`, then the leaves inside segments and index files.
package final class PartitionLog: Sendable {
    package let topicPartition: TopicPartition
    package let topicID: TopicID
    /// What opening has found and repaired.
    package let recovery: RecoveryReport
    let directory: String
    let environment: LogEnvironment
    let settings: Locked<LogSettings>
    let writer: Locked<LogWriter>
    /// Whether the file of the leader epochs has the last one. A leaf; changed with `maintenance` held, or `writer`.
    let epochFile: Locked<EpochFile>
    let snapshot: Locked<LogSnapshot>
    /// Where those begin to read that keep up with the log. A leaf.
    let readEnds = Locked(ReadEnds())
    /// Consumers far behind the log's end, if there are any.
    let coldReaders = Locked(ColdReaders())
    let hasColdReaders = Atomic<Bool>(false)
    let observers = Locked(LogObservers())
    /// Segments that are out of the log and whose files go when their time has come, oldest first.
    let removals = Locked<[PendingRemoval]>([])
    /// Held by whatever removes, replaces or syncs files.
    let maintenance = Lock()
    /// Held for the whole of a compaction: one at a time.
    let compacting = Lock()
    /// Which segments compaction has made. A leaf; changed with `maintenance` held.
    let manifest: Locked<ManifestState>
    /// Below, offsets may be missing without anything being wrong, although no compaction is noted.
    let mayHaveGapsBelow: Offset
    /// What is known to be damaged. A leaf; changed with `maintenance` held.
    let quarantine: Locked<Quarantine>

    /// Opens the partition in `directory`, creating it if there is none, and repairing it unless the last stop was
    /// clean. May take its time: never on an event loop. With `syncs` false, what was repaired becomes durable with the
    /// log's first sync, before anything that follows.
    package static func open(
        directory: String,
        topicPartition: TopicPartition,
        topicID: TopicID,
        config: LogConfig = LogConfig(),
        environment: LogEnvironment = LogEnvironment(),
        wasCleanShutdown: Bool,
        hints: OpeningHints = OpeningHints(),
        syncs: Bool = true
    ) throws(LogError) -> PartitionLog {
        var loader = LogLoader(
            directory: directory,
            topicPartition: topicPartition,
            topicID: topicID,
            config: config,
            environment: environment,
            hints: hints,
            wasClean: wasCleanShutdown,
            syncs: syncs
        )
        return PartitionLog(try loader.load(), loader)
    }

    private init(_ loaded: LoadedLog, _ loader: LogLoader) {
        topicPartition = loader.topicPartition
        epochFile = Locked(loaded.epochFile)
        topicID = loader.topicID
        recovery = loaded.report
        directory = loader.directory
        environment = loader.environment
        settings = Locked(LogSettings(loader.config, environment: loader.environment))
        let end = LogMark(
            offset: loaded.logEnd,
            segment: loaded.active.segment.baseOffset,
            position: FilePosition(loaded.active.size)
        )
        snapshot = Locked(
            LogSnapshot(
                sealed: loaded.sealed,
                active: loaded.active.segment,
                activeWrittenFrom: loaded.active.size,
                end: end,
                logStart: loaded.logStart,
                durable: loaded.durable,
                leaderEpoch: loaded.epochs.latest
            )
        )
        manifest = Locked(ManifestState(loaded.manifest))
        quarantine = Locked(loaded.quarantine)
        mayHaveGapsBelow = loaded.mayHaveGapsBelow
        writer = Locked(LogWriter(loaded))
    }

    var hasPreparedEpochs: Bool { epochFile.withLock { $0 == .prepared } }

    /// Whether opening has left something that ``LogDirectory/commit(_:)`` has to make durable: records, or the epoch.
    package var needsCommit: Bool { offsets.durable < offsets.logEnd || hasPreparedEpochs }

    /// Puts the leader epochs that were prepared in their place, for who has synced the file system since and will
    /// once more. Returns whether there was something to do.
    func publishEpochs() throws(FileError) -> Bool {
        try maintenance.withLock { () throws(FileError) in
            guard hasPreparedEpochs else { return false }
            try LeaderEpochs.publish(in: directory, environment.fileSystem)
            epochFile.withLock { $0 = .current }
            return true
        }
    }

    /// Makes the epochs' file ready for ``publishEpochs()`` if records of an epoch that it lacks are about to be durable.
    /// Called with `maintenance` held.
    func prepareEpochs(_ writer: LogWriter) throws(FileError) {
        guard epochFile.withLock({ $0 == .outdated }), let last = writer.epochs.entries.last,
            last.start < offsets.logEnd
        else { return }
        try writer.epochs.prepare(in: directory, environment.fileSystem)
        epochFile.withLock { $0 = .prepared }
    }

    /// Writes what the epochs' file lacks, durably, before records of the last epoch are. Called with `maintenance` held.
    func completeEpochs() throws(FileError) {
        guard epochFile.withLock({ $0 != .current }) else { return }
        try writer.withLock { $0.epochs }.save(in: directory, environment.fileSystem, synced: true)
        epochFile.withLock { $0 = .current }
    }

    package var offsets: LogOffsets { snapshot.withLock { $0.offsets } }

    package var config: LogConfig { settings.withLock { $0.config } }

    /// Takes effect with the next append; what is written stays as it is. What waits for the disk may be seen at once
    /// if that is no longer wanted.
    package func updateConfig(_ config: LogConfig) {
        let new = LogSettings(config, environment: environment)
        settings.withLock { $0 = new }
        guard config.durability == .pageCache else { return requestFlush(.relaxed) }
        let isNews = writer.withLock { _ in
            snapshot.withLock { snapshot in
                guard snapshot.highWatermark.offset < snapshot.end.offset else { return false }
                snapshot.update(highWatermark: snapshot.end, lastStable: snapshot.end)
                return true
            }
        }
        if isNews { notify { $0.highWatermarkAdvanced() } }
    }

    /// Adds someone to be told when there is more to read. To wait without missing anything: add, then read once more.
    package func addObserver(_ observer: any LogObserver) { observers.withLock { $0.add(observer) } }

    /// Adds someone to be told of the next event, of whatever kind, and of no other.
    package func observeNextEvent(_ observer: any LogObserver) {
        observers.withLock { $0.addForNextEvent(observer) }
    }

    package func removeObserver(_ observer: any LogObserver) { observers.withLock { $0.remove(observer) } }

    /// Never called with a lock held.
    func notify(_ event: (any LogObserver) -> Void) {
        let (lasting, once) = observers.withLock { $0.takeForEvent() }
        // First those who only take note, such as fetch sessions: whoever acknowledges records is among the others, and a
        // client that has an acknowledgement finds the records.
        for observer in once { event(observer) }
        for observer in lasting { event(observer) }
    }

    /// The epoch in which the record of that offset was, or would be, appended.
    package func leaderEpoch(of offset: Offset) -> LeaderEpoch {
        writer.withLock { $0.epochs.epoch(of: offset) }
    }

    /// The end of an epoch, for clients and replicas that check their position against the log's history (KIP-320):
    /// (-1, -1) if the epoch is not known.
    package func endOffset(forEpoch epoch: LeaderEpoch) -> (epoch: LeaderEpoch, endOffset: Offset) {
        writer.withLock { writer in
            writer.epochs.end(of: epoch, logEnd: snapshot.withLock { $0.end.offset })
        }
    }
}

/// What follows from a topic's configuration. Immutable.
struct LogSettings: Sendable {
    let config: LogConfig
    let clientValidator: BatchValidator
    let brokerValidator: BatchValidator

    init(_ config: LogConfig, environment: LogEnvironment) {
        self.config = config
        var rules = BatchRules(
            maximumBytes: config.maxMessageBytes,
            requiresKeys: config.cleanupPolicy.contains(.compact),
            timestampType: config.timestampType,
            maximumTimestampBeforeMilliseconds: config.timestampBeforeMaxMilliseconds,
            maximumTimestampAfterMilliseconds: config.timestampAfterMaxMilliseconds
        )
        clientValidator = BatchValidator(rules)
        rules.allowsControl = true
        brokerValidator = BatchValidator(rules)
    }

    func validator(for origin: AppendOrigin) -> BatchValidator {
        switch origin {
        case .client: clientValidator
        case .broker: brokerValidator
        }
    }
}

/// Everything that appending changes. Owned by the log's `writer` lock.
struct LogWriter {
    var active: ActiveSegment
    var producers: ProducerState
    var epochs: LeaderEpochs
    /// The last time that was stamped on a batch: stamps never go back.
    var lastAppendTime = Timestamp.none
    /// Segments that were closed since the last sync, oldest first.
    var unsynced: [LogSegment] = []
    /// Segments that were begun since, of which no snapshot says yet what the producers were at.
    var begun: [SegmentStart] = []
    /// Whether files were created or renamed since the last sync of the directory.
    var isDirectoryDirty: Bool
    /// Whether not even the small files of the partition's directory have been synced yet.
    var isNew: Bool
    /// Whether something was appended, or a stop would have to write something else.
    var isChanged: Bool
    /// Why no more is taken.
    var refusal: LogError?
    /// What the group commit was asked for since it last looked at the log.
    var flushUrgency = FlushUrgency.none
    /// How often the log was cut.
    var history = 0
    var notes: ProducerNotes

    init(_ loaded: LoadedLog) {
        active = loaded.active
        notes = ProducerNotes(segment: loaded.active.segment.baseOffset)
        producers = loaded.producers
        epochs = loaded.epochs
        isNew = loaded.isNew
        unsynced = loaded.unsynced
        isDirectoryDirty = loaded.isNew || !loaded.report.wasClean
        isChanged = isDirectoryDirty || !loaded.hasSnapshot
    }
}

/// Where a segment begins, and the producers' state there. Immutable.
struct SegmentStart {
    let offset: Offset
    let producers: ProducerState
}
