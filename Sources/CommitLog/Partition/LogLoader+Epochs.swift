import Model
import Records

/// The partition's history of leader epochs, and the epoch that an opening begins.
extension LogLoader {
    /// As on disk; none if there is no checkpoint of them.
    func storedEpochs() throws(LogError) -> LeaderEpochs { try epochGenerations().value ?? LeaderEpochs() }

    private func epochGenerations() throws(LogError) -> Generations<LeaderEpochs> {
        let previous = "\(directory)/\(LogFileNames.leaderEpochs)\(LogFileNames.previous)"
        return try Generations.read(
            LogFileNames.leaderEpochs,
            in: directory,
            limit: TextCheckpoint.maximumBytes,
            fileSystem
        ) { text, path throws(LogError) in
            // A crash before the partition's first sync may have left it so, and then there is none before it.
            if !SmallFile.isFinished(text) {
                let hasPrevious = try storage { () throws(FileError) in try fileSystem.exists(previous) }
                if !hasPrevious { return LeaderEpochs() }
            }
            return try LeaderEpochs(TextCheckpoint(text, path: path), path: path)
        }
    }

    mutating func loadEpochs() throws(LogError) -> LeaderEpochs {
        let found = try epochGenerations()
        report.repairedFiles += found.damaged
        lacksEpochs = found.isOutdated
        return found.value ?? LeaderEpochs()
    }

    /// Takes note of the epoch of a batch that recovery has read.
    func note(_ header: BatchHeader, in epochs: inout LeaderEpochs) {
        // No checksum covers this field. What it may say is bounded: by the floor of those that have written here.
        let floor = hints.epochFloor.rawValue - (report.wasClean ? 0 : 1)
        guard lacksEpochs || header.leaderEpoch.rawValue <= floor else { return }
        epochs.note(header)
    }

    /// Makes out the epoch of whatever is appended from now on, at least the directory's floor. After a crash it is above
    /// every epoch there was, also one whose records are all lost: who has seen them must be able to notice.
    ///
    /// The floor is durable, so the partition's own checkpoint is written later, with the first sync of a record of that
    /// epoch; now only if it lacks something else, or where the directory's floor is lower, as in one from elsewhere.
    func beginEpoch(
        _ loaded: inout LoadedLog,
        _ stored: LeaderEpochs,
        isNew: Bool,
        isDirty: Bool
    ) throws(LogError) {
        let isComplete = loaded.epochs.entries.allSatisfy(stored.entries.contains)
        var next = hints.epochFloor
        if isDirty || !report.truncations.isEmpty {
            let last = max(loaded.epochs.latest, stored.latest)
            // The checkpoint that is damaged may have had one more.
            let step: Int32 = lacksEpochs && stored.latest > .none ? 2 : 1
            let (above, overflow) = last.rawValue.addingReportingOverflow(step)
            if overflow { throw .corrupt(path: directory, "its leader epochs are used up") }
            next = max(next, LeaderEpoch(above))
        }
        if next > loaded.epochs.latest { _ = loaded.epochs.assign(next, at: loaded.logEnd) }
        guard loaded.epochs != stored || isUnnamed else { return }
        let isSafe = isComplete && !stored.entries.isEmpty && loaded.epochs.latest <= hints.epochFloor
        if isSafe, !isUnnamed, !lacksEpochs {
            loaded.epochFile = .outdated
            return
        }
        // A file that replaces a durable one must be durable before.
        loaded.epochFile = syncs || isNew ? .current : .prepared
        let epochs = loaded.epochs
        try storage { () throws(FileError) in
            if syncs || isNew { return try epochs.save(in: directory, fileSystem, synced: syncs && !isNew) }
            try epochs.prepare(in: directory, fileSystem)
        }
    }
}
