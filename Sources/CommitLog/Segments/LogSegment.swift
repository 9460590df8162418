import Model

/// One segment of a partition: its `.log` file and the two indexes, opened when they are needed. Thread-safe; the open
/// handles are owned by a leaf lock. Whoever holds a file or a mapping keeps it alive: deleting the segment, or letting
/// go of its handles, never disturbs a reader.
final class LogSegment: Sendable {
    let baseOffset: Offset
    /// When this process first saw the segment.
    let created: Timestamp
    /// The same by the monotonic clock.
    let createdInstant: Instant
    let offsetIndex: OffsetIndex
    let timeIndex: TimeIndex
    private let directory: String
    private let fileSystem: any FileSystem
    private let openFiles: OpenFiles?
    private let handles: Locked<Handles>

    private struct Handles {
        var file: (any File)?
        /// The size of a segment that takes no more, once known.
        var sealedSize: Int?
        /// What the time index has to end with, until that is on disk.
        var largest: TimeIndexEntry?
        /// When the last batch was appended, where that was in this process.
        var lastAppend: AppendMoment?
        /// What the time index of a segment that takes no more was found to end with.
        var found: FoundEntry?
        /// What the batches were found to say about the largest timestamp; nil if nobody has looked.
        var verified: Timestamp?
        /// What its files' names end with beyond Kafka's: until they have the names that they are to keep, or when they
        /// are about to be removed.
        var ending: String
        /// What in the file cannot be served, ascending by position.
        var damage: [QuarantinedRange] = []
        /// Another segment has its name, or will: its files stay open for the last readers.
        var isReplaced = false
        /// Whether somebody has used the file since the last look.
        var isUsed = false
        /// Whether ``OpenFiles`` knows that it is open.
        var isNoted = false
        /// Up to where the file was written by this process, and up to where it was synced since.
        var written = 0
        var synced = 0
    }

    /// The last entry of a time index that somebody has looked into, which may have none.
    private struct FoundEntry {
        let entry: TimeIndexEntry?
    }

    /// `isNew`: nothing of it is on disk yet, so nobody needs to look. `ending`: what the names of its files end with
    /// beyond Kafka's.
    init(directory: String, baseOffset: Offset, environment: LogEnvironment, isNew: Bool, ending: String = "") {
        self.directory = directory
        self.baseOffset = baseOffset
        fileSystem = environment.fileSystem
        openFiles = environment.openFiles
        created = environment.time.now
        createdInstant = environment.time.instant
        handles = Locked(Handles(ending: ending))
        func index(_ suffix: String, _ entrySize: Int) -> IndexFile {
            let path = "\(directory)/\(LogFileNames.name(baseOffset, suffix))\(ending)"
            return IndexFile(
                path: path,
                entrySize: entrySize,
                fileSystem: environment.fileSystem,
                openFiles: environment.openFiles,
                count: isNew ? 0 : nil
            )
        }
        offsetIndex = OffsetIndex(
            base: baseOffset,
            file: index(LogFileNames.offsetIndex, OffsetIndexFormat.entrySize)
        )
        timeIndex = TimeIndex(base: baseOffset, file: index(LogFileNames.timeIndex, TimeIndexFormat.entrySize))
    }

    /// The time index first: it must never have less on disk than the offset index, up to whose end it is taken for
    /// complete.
    private var indexes: [IndexFile] { [timeIndex.file, offsetIndex.file] }

    var path: String { path(LogFileNames.log) }

    func path(_ suffix: String) -> String {
        path(suffix, ending: handles.withLock { $0.ending })
    }

    private func path(_ suffix: String, ending: String) -> String {
        "\(directory)/\(LogFileNames.name(baseOffset, suffix))\(ending)"
    }

    /// The `.log` file.
    func file(_ mode: OpenMode = .existing) throws(FileError) -> any File {
        try handles.withLock { handles throws(FileError) in try open(&handles, mode) }
    }

    /// The `.log` file for a write that ends at `end`: it stays open until that is synced.
    func file(writingTo end: Int) throws(FileError) -> any File {
        try handles.withLock { handles throws(FileError) in
            let file = try open(&handles, .existing)
            handles.written = max(handles.written, end)
            return file
        }
    }

    /// The `.log` file if it happens to be open: opening one may wait for the disk.
    var openFile: (any File)? {
        handles.withLock { handles in
            handles.isUsed = true
            return handles.file
        }
    }

    /// Makes the `.log` file durable.
    func sync() throws(FileError) {
        let (file, end) = try handles.withLock { handles throws(FileError) in
            (try open(&handles, .existing), handles.written)
        }
        if !planted(.skipDataSync) { try file.sync() }
        noteSynced(upTo: end)
    }

    /// Notes that the `.log` file was synced since it was written up to `end`.
    func noteSynced(upTo end: Int) {
        handles.withLock { $0.synced = max($0.synced, end) }
        openFiles?.trim()
    }

    /// The size of a segment that takes no more.
    func sealedSize() throws(FileError) -> Int {
        try handles.withLock { handles throws(FileError) in
            if let size = handles.sealedSize { return size }
            let size = try open(&handles, .existing).size()
            handles.sealedSize = size
            return size
        }
    }

    /// The size of a sealed segment, if it is known without asking the disk.
    var knownSealedSize: Int? { handles.withLock { $0.sealedSize } }

    /// What in a segment that takes no more cannot be served, ascending by position.
    var damage: [QuarantinedRange] { handles.withLock { $0.damage } }

    /// Says what cannot be served, ascending by position.
    func noteDamage(_ damage: [QuarantinedRange]) { handles.withLock { $0.damage = damage } }

    /// Says that the segment takes no more, how long it is and what its largest timestamp is.
    func seal(size: Int, largest: TimeIndexEntry?, lastAppend: AppendMoment? = nil) {
        handles.withLock { handles in
            handles.sealedSize = size
            handles.largest = largest
            handles.lastAppend = lastAppend
        }
    }

    /// The segment's largest timestamp: the last entry of its time index, which is written when it is sealed.
    func largest() throws(FileError) -> TimeIndexEntry? {
        if let known = handles.withLock({ $0.largest }) { return known }
        if let found = handles.withLock({ $0.found }) { return found.entry }
        let entry = try timeIndex.lastEntry(in: try timeIndex.file.view(mapped: false, capacity: 0))
        // All segments are asked, again and again; that must not keep a descriptor open for each.
        handles.withLock { $0.found = FoundEntry(entry: entry) }
        timeIndex.file.release()
        return entry
    }

    /// The time index has been made anew.
    func forgetLargest() { handles.withLock { $0.found = nil } }

    /// Makes the indexes complete and exactly as long as they should be.
    func finishIndexes() throws(FileError) {
        if let largest = handles.withLock({ $0.largest }) {
            let view = try timeIndex.file.view(mapped: false, capacity: 0)
            if try timeIndex.lastEntry(in: view) != largest { try timeIndex.append(largest) }
        }
        for index in indexes { try index.trim() }
    }

    /// Writes what the indexes still have in memory.
    func flushIndexes() throws(FileError) {
        for index in indexes { try index.flush() }
    }

    func syncIndexes() throws(FileError) {
        for index in indexes { try index.sync() }
    }

    /// Closes files and mappings until they are needed again. For whoever keeps the number of descriptors and mappings
    /// inside the process's limits.
    func releaseHandles() {
        handles.withLock { handles in
            if handles.isReplaced { return }
            handles.file = nil
        }
        offsetIndex.file.release()
        timeIndex.file.release()
    }

    /// Opens all files for good, before other files take their names: who reads the segment now may read it to the end.
    func keepOpen() throws(FileError) {
        try handles.withLock { handles throws(FileError) in
            _ = try open(&handles, .existing)
            handles.isReplaced = true
        }
        for index in indexes { try index.keepOpen() }
    }

    /// Takes ``keepOpen()`` back.
    func resume() {
        handles.withLock { $0.isReplaced = false }
        for index in indexes { index.resume() }
    }

    /// Gives the files the names that they are to keep. Can be repeated after a failure.
    func takeNames() throws(FileError) {
        try rename(ending: "")
        try offsetIndex.file.rename(to: path(LogFileNames.offsetIndex))
        try timeIndex.file.rename(to: path(LogFileNames.timeIndex))
    }

    /// When the last batch of a segment that takes no more was appended; nil if that was not in this process.
    var lastAppend: AppendMoment? { handles.withLock { $0.lastAppend } }

    /// The largest timestamp as ``noteVerified(_:)`` has it; nil if nobody has looked at the batches.
    var verifiedLargest: Timestamp? { handles.withLock { $0.verified } }

    /// Keeps what a look at the batches has found out about the largest timestamp, -1 for none.
    func noteVerified(_ largest: Timestamp) { handles.withLock { $0.verified = largest } }

    /// When the file was last changed; nil if the file system does not say.
    func modified() throws(FileError) -> Timestamp? { try fileSystem.modificationTime(path) }

    private static let suffixes = [
        LogFileNames.log, LogFileNames.offsetIndex, LogFileNames.timeIndex, LogFileNames.snapshot,
    ]

    /// Takes the segment out of the directory's sight, for removal later (`file.delete.delay.ms`): the next start knows
    /// it by its new name and removes it if this process does not live to do it. Whoever reads it goes on.
    func putAside() throws(FileError) {
        try rename(ending: LogFileNames.putAside)
        for suffix in Self.suffixes.dropFirst() { try fileSystem.remove(path(suffix, ending: "")) }
    }

    /// Gives the `.log` file another ending.
    private func rename(ending: String) throws(FileError) {
        try handles.withLock { handles throws(FileError) in
            guard handles.ending != ending else { return }
            let old = path(LogFileNames.log, ending: handles.ending)
            try fileSystem.rename(old, to: path(LogFileNames.log, ending: ending))
            handles.ending = ending
        }
    }

    /// Removes the segment's files, the log first: without it the rest means nothing.
    func removeFiles() throws(FileError) {
        try fileSystem.remove(path(LogFileNames.log, ending: LogFileNames.putAside))
        for suffix in Self.suffixes { try fileSystem.remove(path(suffix, ending: "")) }
    }

    private func open(_ handles: inout Handles, _ mode: OpenMode) throws(FileError) -> any File {
        handles.isUsed = true
        if let file = handles.file { return file }
        let file = try fileSystem.open(path(LogFileNames.log, ending: handles.ending), mode)
        handles.file = file
        if !handles.isNoted, let openFiles {
            handles.isNoted = true
            openFiles.opened(self)
        }
        return file
    }
}

extension LogSegment: FileHolder {
    func closeUnlessUsed() -> ClosingOutcome {
        let outcome = handles.withLockIfFree { handles -> ClosingOutcome in
            if handles.file != nil {
                if handles.isUsed || handles.isReplaced {
                    handles.isUsed = false
                    return .used
                }
                if handles.written > handles.synced { return .unsynced }
            }
            handles.file = nil
            handles.isNoted = false
            return .closed
        }
        return outcome ?? .used
    }
}

/// When something was appended, by both clocks. Immutable.
struct AppendMoment: Equatable {
    let now: Timestamp
    let instant: Instant
}
