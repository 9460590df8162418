package import Model
import Synchronization

extension LogDirectory {
    /// The open logs.
    package var logs: [PartitionLog] { table.withLock { Array($0.open.values) } }

    package func log(for partition: TopicPartition) -> PartitionLog? { table.withLock { $0.open[partition] } }

    /// Opens a partition, creating it if there is none; one that is open already is returned as it is.
    package func openPartition(
        _ partition: TopicPartition,
        topicID: TopicID,
        config: LogConfig
    ) throws(LogError) -> PartitionLog {
        try openPartition(partition, topicID: topicID, config: config, syncs: true)
    }

    /// `isFound`: it is one of those that were there at the start, and is not made anew if it is gone.
    func openPartition(
        _ partition: TopicPartition,
        topicID: TopicID,
        config: LogConfig,
        syncs: Bool,
        isFound: Bool = false,
        maximumScan: Int? = nil
    ) throws(LogError) -> PartitionLog {
        try alone(with: partition) { () throws(LogError) in
            if let log = log(for: partition) {
                guard log.topicID == topicID else {
                    throw .inconsistentTopicID(path: log.directory, found: log.topicID, expected: topicID)
                }
                return log
            }
            if isFound, !table.withLock({ $0.unopened.contains(partition) }) { throw .closed(partition) }
            let log = try open(partition, topicID, config, syncs: syncs, maximumScan: maximumScan)
            let isKept = table.withLock { table in
                if table.isClosed { return false }
                table.open[partition] = log
                table.unopened.remove(partition)
                return true
            }
            guard isKept else {
                log.abandon()
                throw .closed(partition)
            }
            // Records were lost that had been removed before: others get their offsets, and must not be taken for them.
            let start = log.offsets.logStart
            if table.withLock({ ($0.logStarts.offsets[partition] ?? start) > start }) {
                try writeCheckpoints(inBothGenerations: true)
            }
            return log
        }
    }

    private func open(
        _ partition: TopicPartition,
        _ topicID: TopicID,
        _ config: LogConfig,
        syncs: Bool,
        maximumScan: Int?
    ) throws(LogError) -> PartitionLog {
        try forgetDeleted(partition)
        let hints = table.withLock { table in
            // A partition that no checkpoint mentions was never synced as far as anyone knows.
            OpeningHints(
                logStart: table.logStarts.offsets[partition],
                recoveryPoint: table.recoveryPoints.offsets[partition] ?? .zero,
                isSuspect: suspicion.isRaised,
                maximumScan: maximumScan,
                epochFloor: epochFloor
            )
        }
        return try PartitionLog.open(
            directory: "\(path)/\(partition)",
            topicPartition: partition,
            topicID: topicID,
            config: config,
            environment: environment,
            wasCleanShutdown: wasCleanShutdown,
            hints: hints,
            syncs: syncs
        )
    }

    /// What the checkpoints say of a partition that had the name before must not be taken for what a new one has lost.
    private func forgetDeleted(_ partition: TopicPartition) throws(LogError) {
        let fileSystem = environment.fileSystem
        if try storage({ () throws(FileError) in try fileSystem.exists("\(path)/\(partition)") }) { return }
        let isForgotten = table.withLock { table in
            let wasKnown = table.recoveryPoints.offsets.removeValue(forKey: partition) != nil
            table.logStarts.offsets[partition] = nil
            return !wasKnown && !table.deleted.contains(partition)
        }
        if !isForgotten { try writeCheckpoints() }
    }

    /// Takes a partition out of use: from here on it is gone, also after a crash. Its files are removed by
    /// ``removeDeleted()``, whenever the caller has time; what is being read stays readable.
    package func delete(_ partition: TopicPartition) throws(LogError) {
        try alone(with: partition) { () throws(LogError) in try putAside(partition) }
    }

    private func putAside(_ partition: TopicPartition) throws(LogError) {
        let log = table.withLock { table in
            table.unopened.remove(partition)
            table.recoveryPoints.offsets[partition] = nil
            table.logStarts.offsets[partition] = nil
            table.deleted.insert(partition)
            table.compactedTo.offsets[partition] = nil
            return table.open.removeValue(forKey: partition)
        }
        log?.abandon()
        journal.forget(partition)
        try retire(partition, LogFileNames.deleted)
    }

    /// Gives a partition's directory a name that no partition has. Returns it; nil if there is no directory.
    @discardableResult
    private func retire(_ partition: TopicPartition, _ suffix: String) throws(LogError) -> String? {
        let directory = "\(path)/\(partition)"
        let fileSystem = environment.fileSystem
        guard try storage({ () throws(FileError) in try fileSystem.exists(directory) }) else { return nil }
        var generator = SystemRandomNumberGenerator()
        let name = LogFileNames.retiredDirectory(partition, unique: .random(using: &generator), suffix)
        try storage { () throws(FileError) in
            try fileSystem.rename(directory, to: "\(path)/\(name)")
            try fileSystem.syncDirectory(path)
        }
        return name
    }

    /// Takes directories of ``unnamed`` partitions that belong to no topic out of the way of later topics: removed if
    /// there are no records in them, or `isDeleted` says that they were to be removed; otherwise kept under another
    /// name. Returns those names.
    package func retireUnnamed(
        except isWanted: (TopicPartition) -> Bool,
        isDeleted: (TopicPartition) -> Bool
    ) throws(LogError) -> [String] {
        var kept: [String] = []
        for partition in unnamed where log(for: partition) == nil {
            // With a damaged name it may be a deleted topic's, and not that of the new one.
            let isDoubtful = damagedNames.contains(partition) && isDeleted(partition)
            if isWanted(partition), !isDoubtful { continue }
            let isEmpty = try !holdsRecords("\(path)/\(partition)")
            let isKnown = !damagedNames.contains(partition)
            if isEmpty || (isDeleted(partition) && isKnown) {
                try delete(partition)
            } else if let name = try retire(partition, LogFileNames.stray) {
                kept.append(name)
            }
        }
        return kept
    }

    private func holdsRecords(_ directory: String) throws(LogError) -> Bool {
        let fileSystem = environment.fileSystem
        return try storage { () throws(FileError) -> Bool in
            for name in try fileSystem.list(directory) where name.hasSuffix(LogFileNames.log) {
                if try fileSystem.open("\(directory)/\(name)", .read).size() > 0 { return true }
            }
            return false
        }
    }

    /// Removes what deleted partitions have left, from this use of the directory or an earlier one.
    package func removeDeleted() throws(LogError) {
        let fileSystem = environment.fileSystem
        try storage { () throws(FileError) in
            for name in try fileSystem.list(path) where name.hasSuffix(LogFileNames.deleted) {
                try fileSystem.removeTree("\(path)/\(name)")
            }
        }
    }

    /// Makes durable what the logs have asked for, on the calling thread, where the directory has none of its own for
    /// that (``LogEnvironment/commitsInBackground``). Returns whether there was anything.
    @discardableResult
    package func commit() -> Bool { groupCommit.runDue() }

    /// Syncs segments that were finished since the last time, and notes up to where each partition is durable, so that
    /// after a crash no more than what follows has to be looked at.
    package func checkpoint() throws(LogError) {
        if let failure { throw failure }
        do throws(LogError) {
            let logs = logs
            let isAll = mustSync.exchange(false, ordering: .acquiringAndReleasing)
            for log in logs {
                try isAll ? log.commit() : log.flushFinishedSegments()
                log.noteProducers()
            }
            try writeCheckpoints()
        } catch {
            note(error)
            throw error
        }
    }

    /// Notes where the partitions begin, durably: what was cut off stays cut off, also after a crash.
    package func saveLogStarts() throws(LogError) {
        try writeCheckpoints()
    }

    /// Ends the use of the directory: closes all partitions and leaves the mark of a clean stop, unless one of them
    /// could not be closed or was never opened and may need repair.
    package func close() throws(LogError) {
        groupCommit.stop()
        defer { release() }
        let logs = table.withLock { table in
            if table.isClosed { return [PartitionLog]() }
            table.isClosed = true
            return Array(table.open.values)
        }
        if let failure {
            for log in logs { log.abandon() }
            throw failure
        }
        var failure: LogError?
        var closed: [PartitionLog] = []
        for log in logs {
            do throws(LogError) {
                try log.close(syncs: false)
                closed.append(log)
            } catch {
                failure = failure ?? error
            }
        }
        // Once for all: one by one, thousands of partitions take minutes.
        try storage { () throws(FileError) in try syncAll(with: closed) }
        for log in closed { log.declareDurable() }
        try writeCheckpoints()
        if let failure { throw failure }
        let isWhole = table.withLock { $0.unopened.isEmpty && !$0.hasUnusable }
        if isWhole || wasCleanShutdown {
            try storage { () throws(FileError) in
                try suspicion.settle()
                try SmallFile.replace(
                    Self.cleanShutdownName,
                    in: path,
                    with: Array(Self.cleanMark.utf8),
                    environment.fileSystem
                )
            }
        }
    }

    /// `inBothGenerations`: what the files say now is wrong, and must not come back from the ones before.
    private func writeCheckpoints(inBothGenerations: Bool = false) throws(LogError) {
        try checkpointing.withLock { () throws(LogError) in
            let (current, written, deleted) = table.withLock { table in
                for (partition, log) in table.open {
                    let offsets = log.offsets
                    table.recoveryPoints.offsets[partition] = offsets.durable
                    table.logStarts.offsets[partition] = offsets.logStart > .zero ? offsets.logStart : nil
                    table.compactedTo.offsets[partition] = log.lastCompaction?.end
                }
                return (table.checkpoints, table.written, table.deleted)
            }
            if current == written, deleted.isEmpty { return }
            for (name, checkpoint) in current.sorted(by: { $0.key < $1.key }) where checkpoint != written[name] {
                // Of each by itself: if the next one fails, this file speaks of what the others do not know.
                table.withLock { $0.written[name] = nil }
                try storage { () throws(FileError) in
                    // No generation may speak of a deleted partition: a new one may get its name.
                    for _ in 0..<(deleted.isEmpty && !inBothGenerations ? 1 : 2) {
                        try checkpoint.write(name, in: path, environment.fileSystem)
                    }
                }
                table.withLock { $0.written[name] = checkpoint }
            }
            table.withLock { $0.deleted.subtract(deleted) }
        }
    }
}
