import Model

/// The least leader epoch of a log directory's partitions, in `leader-epoch-floor`: raised by one, durably, before a start
/// after a crash opens any partition. A value.
///
/// Each partition's epoch is the larger of this and the last in its own checkpoint, so that one small file begins a new
/// epoch in all of them, thousands too. No number ever stands for two histories, not even one that was only told to
/// clients: what was told by an earlier start is at most the floor of that start, or in the partition's own checkpoint,
/// and this start tells more than either. Where an epoch begins becomes part of the partition's checkpoint with the first
/// sync of something that was appended in it. What a crash leaves of such records without that sync says its epoch itself.
///
/// The file is an epoch checkpoint of one entry, with a checksum and the one before kept, as the other small files.
struct LeaderEpochFloor {
    static let fileName = "leader-epoch-floor"
    /// How far above every epoch that is on record the floor is put if both generations of the file are damaged: so many
    /// crashes may have raised it since anything was appended.
    static let marginAfterDamage: Int32 = 1000

    let epoch: LeaderEpoch
    /// Files that were found damaged.
    let damaged: [String]

    /// Reads the floor of the directory at `path`, and raises it unless the last stop was clean.
    static func settle(
        in path: String,
        wasClean: Bool,
        _ fileSystem: any FileSystem
    ) throws(LogError) -> LeaderEpochFloor {
        let found = try read(in: path, fileSystem)
        var floor = found.value ?? LeaderEpoch(0)
        var raise: Int32 = wasClean ? 0 : 1
        if found.isOutdated {
            // The damaged one may have had one more.
            raise += 1
            if found.value == nil {
                floor = try latest(in: path, fileSystem)
                raise += marginAfterDamage
            }
        }
        if raise > 0 {
            let (next, overflow) = floor.rawValue.addingReportingOverflow(raise)
            if overflow { throw .corrupt(path: "\(path)/\(fileName)", "its leader epochs are used up") }
            floor = LeaderEpoch(next)
            // Both, where one is damaged: what is left must not be taken for the newest later on.
            for _ in 0..<(found.isOutdated ? 2 : 1) { try write(floor, in: path, fileSystem) }
        }
        return LeaderEpochFloor(epoch: floor, damaged: found.damaged)
    }

    private static func read(
        in path: String,
        _ fileSystem: any FileSystem
    ) throws(LogError) -> Generations<LeaderEpoch> {
        try Generations.read(fileName, in: path, limit: TextCheckpoint.maximumBytes, fileSystem) {
            text,
            path throws(LogError) in
            let epochs = try LeaderEpochs(TextCheckpoint(text, path: path), path: path)
            guard epochs.entries.count == 1 else {
                throw .corrupt(path: path, "it has \(epochs.entries.count) epochs instead of one")
            }
            return epochs.latest
        }
    }

    private static func write(
        _ floor: LeaderEpoch,
        in path: String,
        _ fileSystem: any FileSystem
    ) throws(LogError) {
        var epochs = LeaderEpochs()
        _ = epochs.assign(floor, at: .zero)
        let bytes = Array(epochs.checkpoint.sealed.utf8)
        try storage { () throws(FileError) in
            try SmallFile.replaceKeepingPrevious(fileName, in: path, with: bytes, fileSystem)
        }
    }

    /// The largest epoch that the checkpoints of the partitions in the directory have; what cannot be read does not count.
    private static func latest(in path: String, _ fileSystem: any FileSystem) throws(LogError) -> LeaderEpoch {
        var latest = LeaderEpoch(0)
        for name in try storage({ () throws(FileError) in try fileSystem.list(path) }) {
            guard LogFileNames.topicPartition(ofDirectory: name) != nil else { continue }
            let epochs: Generations<LeaderEpochs> = try Generations.read(
                LogFileNames.leaderEpochs,
                in: "\(path)/\(name)",
                limit: TextCheckpoint.maximumBytes,
                fileSystem
            ) { text, path throws(LogError) in try LeaderEpochs(TextCheckpoint(text, path: path), path: path) }
            latest = max(latest, epochs.value?.latest ?? .none)
        }
        return latest
    }
}

/// How the file of a partition's leader epochs relates to what is in memory.
enum EpochFile {
    /// It says the same.
    case current
    /// It does not have the last epoch yet, which has no durable record so far.
    case outdated
    /// The next file is written beside it, and is to take its place once it has reached the disk.
    case prepared
}
