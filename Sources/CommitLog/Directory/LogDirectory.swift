import Glibc
package import Model
import Synchronization

/// One entry of `log.dirs`: the partitions in it, whose it is, and how the last use ended. Thread-safe; the table of
/// open partitions is owned by a leaf lock. Blocking: nothing here belongs on an event loop.
///
///     .lock                              the process that uses the directory: its number, and flock(2) on the file
///     meta.properties                    cluster, node and directory id
///     .kafka_cleanshutdown               the last stop was clean; gone while the directory is in use
///     leader-epoch-floor                 the least leader epoch of the partitions, one more after each crash
///     .sync-failed                       a sync has failed, so that what can be read may not be on the disk
///     recovery-point-offset-checkpoint   up to where each partition is durable
///     log-start-offset-checkpoint        where partitions begin that were cut inside a segment
///     .opening, opening-failures         which partitions are being opened, and of which the process died
///     <topic>-<partition>/               a partition
///     <topic>-<partition>.<id>-delete/   a deleted partition that is about to be removed
///     <topic>-<partition>.<id>-stray/    records of which nobody knows whose they are
package final class LogDirectory: Sendable {
    /// A partition's directory that was there at the start.
    package struct FoundPartition: Hashable, Sendable {
        package let topicPartition: TopicPartition
        package let topicID: TopicID

        package init(topicPartition: TopicPartition, topicID: TopicID) {
            self.topicPartition = topicPartition
            self.topicID = topicID
        }
    }

    package let path: String
    package let properties: MetaProperties
    /// Whether the last use ended as it should.
    package let wasCleanShutdown: Bool
    /// The partitions that were there at the start, in order.
    package let found: [FoundPartition]
    /// Directories of partitions that were never synced: a crash came before anybody could say whose they are.
    package let unnamed: [TopicPartition]
    /// Those among ``unnamed`` whose name is damaged: they may hold anything.
    let damagedNames: Set<TopicPartition>
    /// Files that were found damaged when the directory was opened, and what is made of it.
    package let damaged: [String]
    /// Partition directories that cannot be opened, with the reason.
    package let unusable: [(directory: String, error: LogError)]
    let environment: LogEnvironment
    let groupCommit: GroupCommit
    let syncer: any FileSystemSyncer
    let suspicion: SyncSuspicion
    /// The least leader epoch of the partitions.
    let epochFloor: LeaderEpoch
    /// How much room there is.
    package let space: DiskSpace
    let table: Locked<PartitionTable>
    let journal: OpeningJournal
    /// Whether files have to be synced so that they can be closed: there are too many.
    let mustSync = Atomic<Bool>(false)
    /// Held while the checkpoint files are written.
    let checkpointing = Lock()
    /// Partitions that are being opened or deleted.
    private let openings = Locked<[TopicPartition: Opening]>([:])

    private struct Opening {
        let lock = Lock()
        var users = 0
    }

    /// Held open while the directory is in use; closing it gives the directory to whoever wants it next.
    private let lockFile: Locked<(any File)?>

    private static let lockName = ".lock"
    static let cleanShutdownName = ".kafka_cleanshutdown"

    /// Takes the directory for this process, creating it if there is none, and looks at what is in it. `clusterID` nil:
    /// whatever the directory says, or a new one.
    package static func open(
        _ path: String,
        clusterID: String? = nil,
        nodeID: Int32,
        environment: LogEnvironment = LogEnvironment(),
        generator: some RandomNumberGenerator = SystemRandomNumberGenerator()
    ) throws(LogError) -> LogDirectory {
        let fileSystem = environment.fileSystem
        try storage { () throws(FileError) in try make(path, fileSystem) }
        let lock = try take(path, fileSystem)
        var generator = generator
        let name = "\(path)/\(MetaProperties.fileName)"
        let isNew = try storage { () throws(FileError) in
            if try fileSystem.exists(name) { return false }
            return try !fileSystem.exists(name + LogFileNames.previous)
        }
        let properties = try identify(path, clusterID, nodeID, &generator, fileSystem)
        var damaged = properties.damaged.map { "\($0) is damaged, its copy is used" }
        let marker = "\(path)/\(cleanShutdownName)"
        let wasClean = try isCleanMark(marker, fileSystem)
        if wasClean == false { damaged.append("\(marker) is damaged, the stop counts as a crash") }
        let floor = try LeaderEpochFloor.settle(in: path, wasClean: isNew || wasClean ?? false, fileSystem)
        damaged += floor.damaged.map { "\($0) is damaged, leader epochs go on above all that may have been used" }
        try storage { () throws(FileError) in
            try fileSystem.remove(marker)
            try fileSystem.syncDirectory(path)
        }
        return try LogDirectory(
            path,
            properties.value,
            wasClean: wasClean ?? false,
            environment,
            lock,
            epochFloor: floor.epoch,
            damaged: damaged
        )
    }

    private init(
        _ path: String,
        _ properties: MetaProperties,
        wasClean: Bool,
        _ environment: LogEnvironment,
        _ lockFile: any File,
        epochFloor: LeaderEpoch,
        damaged: [String]
    ) throws(LogError) {
        self.path = path
        self.epochFloor = epochFloor
        self.properties = properties
        syncer = try storage { () throws(FileError) in try environment.fileSystem.syncer(for: path) }
        groupCommit = GroupCommit(path: path, environment: environment)
        suspicion = try SyncSuspicion(path: path, fileSystem: environment.fileSystem)
        var environment = environment
        environment.groupCommit = groupCommit
        space = DiskSpace(path: path, fileSystem: environment.fileSystem, reserve: environment.spaceReserve)
        environment.space = space
        self.environment = environment
        journal = OpeningJournal(directory: path, fileSystem: environment.fileSystem)
        self.lockFile = Locked(lockFile)
        wasCleanShutdown = wasClean
        let fileSystem = environment.fileSystem
        var found: [FoundPartition] = []
        var unnamed: [TopicPartition] = []
        var unusable: [(directory: String, error: LogError)] = []
        var damagedNames: Set<TopicPartition> = []
        for name in try storage({ () throws(FileError) in try fileSystem.list(path) }).sorted() {
            guard let partition = LogFileNames.topicPartition(ofDirectory: name) else { continue }
            do throws(LogError) {
                let topicID = try Self.topicID(of: "\(path)/\(name)", fileSystem)
                if let topicID {
                    found.append(FoundPartition(topicPartition: partition, topicID: topicID))
                } else {
                    unnamed.append(partition)
                }
            } catch {
                if case .corrupt = error {
                    damagedNames.insert(partition)
                    unnamed.append(partition)
                } else {
                    unusable.append((name, error))
                }
            }
        }
        let points = try OffsetCheckpoint.read(OffsetCheckpoint.recoveryPoints, in: path, fileSystem)
        let starts = try OffsetCheckpoint.read(OffsetCheckpoint.logStarts, in: path, fileSystem)
        let compacted = try OffsetCheckpoint.read(OffsetCheckpoint.compactedTo, in: path, fileSystem)
        let outdated = points.damaged + starts.damaged + compacted.damaged
        self.damaged = damaged + outdated.map { "\($0) is damaged, what was known before is used instead" }
        self.damagedNames = damagedNames
        self.found = found
        self.unnamed = unnamed
        self.unusable = unusable
        table = Locked(
            PartitionTable(
                unopened: Set(found.map(\.topicPartition)),
                hasUnusable: !unusable.isEmpty,
                recoveryPoints: points.value ?? OffsetCheckpoint(),
                logStarts: starts.value ?? OffsetCheckpoint(),
                compactedTo: compacted.value ?? OffsetCheckpoint()
            )
        )
        setFailureHandler { _ in }
        environment.openFiles?.addPressureHandler { [weak self] in
            self?.mustSync.store(true, ordering: .releasing)
            self?.groupCommit.noteChange()
        }
    }

    deinit {
        groupCommit.abandon()
        suspicion.finish()
    }

    /// Opens or deletes a partition while nobody else does either with the same one.
    func alone<Result>(
        with partition: TopicPartition,
        _ body: () throws(LogError) -> Result
    ) throws(LogError) -> Result {
        let lock = openings.withLock { openings in
            openings[partition, default: Opening()].users += 1
            return openings[partition, default: Opening()].lock
        }
        defer {
            openings.withLock { openings in
                openings[partition]?.users -= 1
                if openings[partition]?.users == 0 { openings[partition] = nil }
            }
        }
        return try lock.withLock { () throws(LogError) in try body() }
    }

    /// Lets another process, or another part of this one, use the directory.
    func release() {
        suspicion.finish()
        lockFile.withLock { $0 = nil }
    }

    /// Creates the directory where it is missing, and makes its name durable, and the names of those above it that were
    /// missing as well: without them nothing in it is.
    private static func make(_ path: String, _ fileSystem: any FileSystem) throws(FileError) {
        var missing: [String] = []
        var ancestor = path
        while try !fileSystem.exists(ancestor), ancestor != LogLoader.parent(of: ancestor) {
            missing.append(ancestor)
            ancestor = LogLoader.parent(of: ancestor)
        }
        if missing.isEmpty { return }
        try fileSystem.createDirectory(path)
        for made in missing.reversed() { try fileSystem.syncDirectory(LogLoader.parent(of: made)) }
    }

    /// Locks the directory and leaves this process's number for whoever finds it locked.
    private static func take(_ path: String, _ fileSystem: any FileSystem) throws(LogError) -> any File {
        let lockPath = "\(path)/\(lockName)"
        let file = try storage { () throws(FileError) in try fileSystem.open(lockPath, .createIfMissing) }
        guard try storage({ () throws(FileError) in try file.takeExclusively() }) else {
            throw try inUse(path, fileSystem)
        }
        let number = Array("\(getpid())\n".utf8)
        try storage { () throws(FileError) in
            try file.truncate(to: 0)
            try number.withBytes { bytes throws(FileError) in
                try file.write(bytes, UnsafeRawBufferPointer(start: nil, count: 0), at: .zero)
            }
        }
        return file
    }

    /// Keeps brokers out of the directory while it is read by a tool; nil if no broker ever used it. Nothing is written,
    /// so that the directory may be read-only.
    static func takeForReading(_ path: String, _ fileSystem: any FileSystem) throws(LogError) -> (any File)? {
        let lockPath = "\(path)/\(lockName)"
        guard try storage({ () throws(FileError) in try fileSystem.exists(lockPath) }) else { return nil }
        let file = try storage { () throws(FileError) in try fileSystem.open(lockPath, .read) }
        guard try storage({ () throws(FileError) in try file.takeExclusively() }) else {
            throw try inUse(path, fileSystem)
        }
        return file
    }

    private static func inUse(_ path: String, _ fileSystem: any FileSystem) throws(LogError) -> LogError {
        let holder = try SmallFile.readText("\(path)/\(lockName)", limit: 64, fileSystem)
        return .directoryInUse(path: path, processID: holder.map { $0.filter(\.isNumber) } ?? "unknown")
    }

    private static func identify(
        _ path: String,
        _ clusterID: String?,
        _ nodeID: Int32,
        _ generator: inout some RandomNumberGenerator,
        _ fileSystem: any FileSystem
    ) throws(LogError) -> (value: MetaProperties, damaged: [String]) {
        let file = "\(path)/\(MetaProperties.fileName)"
        let found = try Generations.read(
            MetaProperties.fileName,
            in: path,
            limit: MetaProperties.maximumBytes,
            fileSystem
        ) { text, path throws(LogError) in
            guard SmallFile.isFinished(text) else { throw .corrupt(path: path, "it is empty") }
            return try MetaProperties(text, path: path)
        }
        if let properties = found.value {
            if let clusterID, clusterID != properties.clusterID {
                throw .wrongOwner(path: file, property: "cluster.id", found: properties.clusterID, expected: clusterID)
            }
            guard nodeID == properties.nodeID else {
                throw .wrongOwner(
                    path: file,
                    property: "node.id",
                    found: String(properties.nodeID),
                    expected: String(nodeID)
                )
            }
            return (properties, found.damaged)
        }
        // Who owns the data cannot be made up.
        if let damaged = found.damaged.first, try holdsData(path, fileSystem) {
            throw .corrupt(
                path: damaged,
                "and there is no whole copy; restore it from a backup or from another directory's"
            )
        }
        let properties = MetaProperties(
            clusterID: clusterID ?? TopicID.random(using: &generator).description,
            nodeID: nodeID,
            directoryID: .random(using: &generator)
        )
        try storage { () throws(FileError) in
            // Twice, so that there is a copy.
            for _ in 0..<2 {
                try SmallFile.replaceKeepingPrevious(
                    MetaProperties.fileName,
                    in: path,
                    with: Array(properties.text.utf8),
                    fileSystem
                )
            }
            try fileSystem.syncDirectory(LogLoader.parent(of: path))
        }
        return (properties, [])
    }

    private static func holdsData(_ path: String, _ fileSystem: any FileSystem) throws(LogError) -> Bool {
        try storage { () throws(FileError) in try fileSystem.list(path) }
            .contains { LogFileNames.topicPartition(ofDirectory: $0) != nil }
    }

    /// Whether the mark of a clean stop is there and whole; nil if there is none. It always says the same, but for the
    /// epoch that Kafka puts in, and so needs no checksum.
    private static func isCleanMark(_ path: String, _ fileSystem: any FileSystem) throws(LogError) -> Bool? {
        do throws(LogError) {
            guard let text = try SmallFile.readText(path, limit: cleanMarkLimit, fileSystem) else { return nil }
            guard text.hasPrefix(cleanMarkHead), text.hasSuffix("}") else { return false }
            return Int64(text.dropFirst(cleanMarkHead.count).dropLast()) != nil
        } catch {
            guard case .corrupt = error else { throw error }
            return false
        }
    }

    /// As Kafka writes it.
    static let cleanMark = cleanMarkHead + "-1}"
    private static let cleanMarkHead = #"{"version":0,"brokerEpoch":"#
    private static let cleanMarkLimit = 4096

    /// The id in the partition's metadata; nil where a crash came before it was synced, and before anything else of the
    /// partition was.
    private static func topicID(of directory: String, _ fileSystem: any FileSystem) throws(LogError) -> TopicID? {
        let file = "\(directory)/\(LogFileNames.partitionMetadata)"
        let text = try SmallFile.readFinishedText(file, limit: PartitionMetadata.maximumBytes, fileSystem)
        guard let text else { return nil }
        return try PartitionMetadata(text, path: file).topicID
    }
}

/// The partitions of a log directory. Owned by the directory's lock.
struct PartitionTable {
    var open: [TopicPartition: PartitionLog] = [:]
    /// Found at the start and not opened or deleted so far: what is known about them is kept.
    var unopened: Set<TopicPartition>
    let hasUnusable: Bool
    var recoveryPoints: OffsetCheckpoint
    var logStarts: OffsetCheckpoint
    var compactedTo: OffsetCheckpoint
    /// Of which the checkpoint files may still speak.
    var deleted: Set<TopicPartition> = []
    /// What the checkpoint files hold, as far as this process knows, by name.
    var written: [String: OffsetCheckpoint]
    var isClosed = false

    init(
        unopened: Set<TopicPartition>,
        hasUnusable: Bool,
        recoveryPoints: OffsetCheckpoint,
        logStarts: OffsetCheckpoint,
        compactedTo: OffsetCheckpoint
    ) {
        self.unopened = unopened
        self.hasUnusable = hasUnusable
        self.recoveryPoints = recoveryPoints
        self.logStarts = logStarts
        self.compactedTo = compactedTo
        // Where nothing is compacted, there need be no file.
        written = [OffsetCheckpoint.compactedTo: compactedTo]
    }

    /// What the checkpoint files should hold, by name.
    var checkpoints: [String: OffsetCheckpoint] {
        [
            OffsetCheckpoint.recoveryPoints: recoveryPoints,
            OffsetCheckpoint.logStarts: logStarts,
            OffsetCheckpoint.compactedTo: compactedTo,
        ]
    }
}
