package import Model

/// Opening the partitions that were there at the start.
extension LogDirectory {
    /// Opens one of ``found``, unless it was opened or deleted meanwhile. On a thread with a number of its own, from 0.
    ///
    /// Records that it finds behind the last checkpoint are durable after ``commit(_:)``. With `maximumScan`, a partition
    /// of which more bytes have to be read is left for later: the error says how many.
    package func openFound(
        _ found: FoundPartition,
        config: LogConfig,
        thread: Int,
        maximumScan: Int? = nil
    ) throws(LogError) -> PartitionLog {
        let partition = found.topicPartition
        guard table.withLock({ $0.unopened.contains(partition) }) else { throw .closed(partition) }
        let deaths = journal.deaths(of: partition)
        guard deaths < OpeningJournal.maximumDeaths else {
            throw .quarantined(partition, starts: deaths, note: "\(path)/\(OpeningJournal.failuresName)")
        }
        journal.begin(partition, thread: thread)
        var isTried = true
        defer { journal.end(partition, thread: thread, isTried: isTried) }
        do throws(LogError) {
            return try openPartition(
                partition,
                topicID: found.topicID,
                config: config,
                syncs: false,
                isFound: true,
                maximumScan: maximumScan
            )
        } catch {
            isTried = error.errorCode != .notLeaderOrFollower && !error.isShortageOfFiles
            throw error
        }
    }

    /// Makes durable what was found behind the last checkpoint: before that, nobody may see it. All at once: one by one,
    /// thousands of partitions take minutes.
    package func commit(_ logs: [PartitionLog]) throws(LogError) {
        var begun: [(log: PartitionLog, work: SyncWork)] = []
        for log in logs {
            if let failure { throw failure }
            do throws(LogError) {
                if let work = try log.beginCommit() { begun.append((log, work)) }
            } catch {
                guard case .storage(let reason) = error else { continue }
                if reason.isShortage {
                    log.requestFlush(.timed, delay: GroupCommit.retryDelay)
                } else {
                    groupCommit.fail(reason)
                }
            }
        }
        if failure == nil, !begun.isEmpty || logs.contains(where: \.hasPreparedEpochs) {
            do throws(FileError) {
                try syncAll(with: logs)
                for (log, work) in begun { log.finishCommit(work) }
            } catch {
                groupCommit.fail(error)
            }
        }
        if let failure { throw failure }
    }

    /// Syncs everything, and puts what the logs have prepared in its place: a file that replaces another must be durable
    /// before it does, and then its name.
    func syncAll(with logs: [PartitionLog]) throws(FileError) {
        try syncer.syncAll()
        var hasMore = false
        for log in logs {
            if try log.publishEpochs() { hasMore = true }
            if try log.writeAwaitingNote() { hasMore = true }
        }
        if hasMore { try syncer.syncAll() }
    }

    /// Whether an earlier start may have died of the partition. It is best opened alone.
    package func isSuspect(_ partition: TopicPartition) -> Bool { journal.deaths(of: partition) > 0 }

    /// Says that no more partitions of ``found`` will be opened for now.
    package func finishOpening() { journal.close() }
}
