import Model
import Records

/// Where each leader epoch of a partition began (KIP-101), oldest first, both numbers growing strictly. A value, owned by
/// the log's lock; kept in `leader-epoch-checkpoint`.
struct LeaderEpochs: Equatable {
    struct Entry: Equatable {
        let epoch: LeaderEpoch
        let start: Offset
    }

    private(set) var entries: [Entry] = []

    init() {}

    var latest: LeaderEpoch { entries.last?.epoch ?? .none }

    /// Begins an epoch at `start`. Entries that contradict it are dropped, as Kafka does: they had no records. Returns
    /// whether anything changed.
    mutating func assign(_ epoch: LeaderEpoch, at start: Offset) -> Bool {
        if let last = entries.last, last.epoch == epoch, last.start <= start { return false }
        entries.removeAll { $0.epoch >= epoch || $0.start >= start }
        entries.append(Entry(epoch: epoch, start: start))
        return true
    }

    /// Takes note of a batch's epoch, where nothing else says which there were.
    mutating func note(_ header: BatchHeader) {
        guard header.leaderEpoch > latest, header.leaderEpoch.rawValue < Int32.max else { return }
        _ = assign(header.leaderEpoch, at: header.baseOffset)
    }

    /// The largest known epoch that is not above `epoch`, and where it ended: where the next one begins, or the log's
    /// end. (-1, -1) if that cannot be said.
    func end(of epoch: LeaderEpoch, logEnd: Offset) -> (epoch: LeaderEpoch, endOffset: Offset) {
        guard epoch.rawValue >= 0, let last = entries.last, epoch <= last.epoch else { return (.none, Offset(-1)) }
        if epoch == last.epoch { return (epoch, logEnd) }
        guard let next = entries.firstIndex(where: { $0.epoch > epoch }) else { return (.none, Offset(-1)) }
        return (next == 0 ? epoch : entries[next - 1].epoch, entries[next].start)
    }

    /// The epoch of the record at `offset`.
    func epoch(of offset: Offset) -> LeaderEpoch { entries.last { $0.start <= offset }?.epoch ?? .none }

    /// Forgets epochs that begin at or behind the log's new end.
    mutating func truncate(toEnd end: Offset) { entries.removeAll { $0.start >= end } }

    /// Forgets epochs that ended before the log's new start; the one it lies in begins there now.
    mutating func truncate(toStart start: Offset) {
        guard let current = entries.lastIndex(where: { $0.start <= start }) else { return }
        entries[current] = Entry(epoch: entries[current].epoch, start: start)
        entries.removeFirst(current)
    }

    var checkpoint: TextCheckpoint {
        TextCheckpoint(entries: entries.map { [$0.epoch.description, $0.start.description] })
    }

    /// Writes the checkpoint file, durably if `synced`.
    func save(in directory: String, _ fileSystem: any FileSystem, synced: Bool) throws(FileError) {
        try SmallFile.replaceKeepingPrevious(
            LogFileNames.leaderEpochs,
            in: directory,
            with: Array(checkpoint.sealed.utf8),
            fileSystem,
            synced: synced
        )
    }

    /// Writes the next checkpoint file beside the present one, for ``publish(in:_:)`` once it has reached the disk.
    func prepare(in directory: String, _ fileSystem: any FileSystem) throws(FileError) {
        let path = "\(directory)/\(LogFileNames.leaderEpochs)\(LogFileNames.temporary)"
        try SmallFile.write(Array(checkpoint.sealed.utf8), to: path, fileSystem, synced: false)
    }

    /// Puts the prepared file into the place of the present one.
    static func publish(in directory: String, _ fileSystem: any FileSystem) throws(FileError) {
        try SmallFile.publishKeepingPrevious(LogFileNames.leaderEpochs, in: directory, fileSystem)
    }

    /// Reads what ``checkpoint`` makes. `path` is for the error only.
    init(_ checkpoint: TextCheckpoint, path: String) throws(LogError) {
        for fields in checkpoint.entries {
            guard fields.count == 2, let epoch = Int32(fields[0]), let start = Int64(fields[1]), epoch >= 0, start >= 0
            else { throw .corrupt(path: path, "'\(fields.joined(separator: " ").prefix(60))' is no epoch and offset") }
            let entry = Entry(epoch: LeaderEpoch(epoch), start: Offset(start))
            if let last = entries.last, last.epoch >= entry.epoch || last.start > entry.start {
                throw .corrupt(path: path, "epoch \(entry.epoch) does not follow epoch \(last.epoch)")
            }
            entries.append(entry)
        }
    }
}
