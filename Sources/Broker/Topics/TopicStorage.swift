import CommitLog
import Logging
import Model

/// Where the partitions' logs are: opens, extends and removes them. Used at start and stop, and on the control thread.
final class TopicStorage: Sendable {
    let directories: [LogDirectory]
    private let checkpointers: [Checkpointer]
    /// In which of the directories each partition was at the start.
    private let found: [LogDirectory.FoundPartition: Int]
    private let health: Health
    private let log: Logger

    init(directories: [LogDirectory], health: Health, log: Logger) {
        invariant(!directories.isEmpty, "a broker has at least one log directory")
        self.directories = directories
        found = Dictionary(
            directories.enumerated().flatMap { number, directory in directory.found.map { ($0, number) } },
            uniquingKeysWith: { first, _ in first }
        )
        self.health = health
        self.log = log
        checkpointers = directories.map { directory in
            Checkpointer(directory) { [weak directory] error in
                guard let directory else { return }
                Self.note(error, checkpointOf: directory, health, log)
            }
        }
        for directory in directories {
            for damage in directory.damaged { log.warning("\(damage)") }
            directory.setFailureHandler { error in
                health.report(.directoryOffline, directory.path, reason: error.description)
                health.clear(.checkpointFailing, directory.path)
                log.critical("\(error)")
            }
        }
    }

    /// Reports a checkpoint that failed, and takes that back. What puts the whole directory out of use is reported as that.
    static func note(
        _ error: LogError?,
        checkpointOf directory: LogDirectory,
        _ health: Health,
        _ log: Logger
    ) {
        let path = directory.path
        guard let error, directory.failure == nil else {
            let wasFailing = health.clear(.checkpointFailing, path)
            if wasFailing, directory.failure == nil { log.info("the checkpoint of \(path) is written again") }
            return
        }
        let reason = error.description
        if health.report(.checkpointFailing, path, reason: reason, nextTryIn: Checkpointer.interval) {
            log.error("the checkpoint of \(path) is not written, a restart may take longer: \(reason)")
        }
        // It may have gone out of use just now.
        if directory.failure != nil { health.clear(.checkpointFailing, path) }
    }

    /// The directories, as people read them.
    var description: String { directories.map(\.path).joined(separator: ", ") }

    /// A topic whose partitions will be opened by ``opener(for:time:)``, but for those that are not there and are created.
    func prepare(
        _ name: String,
        _ record: TopicRecord,
        _ configuration: TopicConfiguration,
        revision: CatalogueRevision
    ) -> HostedTopic {
        extend(nil, name, record, configuration, revision: revision, waits: true)
    }

    /// Opens the logs of a topic's partitions, creating those that are not there.
    func open(
        _ name: String,
        _ record: TopicRecord,
        _ configuration: TopicConfiguration,
        revision: CatalogueRevision
    ) -> HostedTopic {
        extend(nil, name, record, configuration, revision: revision)
    }

    /// The topic with what the record says now: partitions it had keep their logs, more are created.
    func extend(
        _ topic: HostedTopic,
        _ record: TopicRecord,
        _ configuration: TopicConfiguration,
        revision: CatalogueRevision
    ) -> HostedTopic {
        extend(topic, topic.name, record, configuration, revision: revision)
    }

    private func extend(
        _ topic: HostedTopic?,
        _ name: String,
        _ record: TopicRecord,
        _ configuration: TopicConfiguration,
        revision: CatalogueRevision,
        waits: Bool = false
    ) -> HostedTopic {
        let config = LogConfig(configuration)
        let partitions = record.partitions.enumerated().map { index, partition in
            if let present = topic?.partition(Int32(index)) { return present }
            let topicPartition = TopicPartition(name, Int32(index))
            let place = LogDirectory.FoundPartition(topicPartition: topicPartition, topicID: record.id)
            if waits, found[place] != nil {
                return HostedPartition(topicPartition, replicas: partition.replicas, waitingWith: config)
            }
            return HostedPartition(
                topicPartition,
                replicas: partition.replicas,
                state: openLog(topicPartition, record.id, config)
            )
        }
        return HostedTopic(name: name, record: record, partitions: partitions, revision: revision)
    }

    private func openLog(
        _ partition: TopicPartition,
        _ id: TopicID,
        _ config: LogConfig
    ) -> Result<PartitionLog, LogError> {
        do throws(LogError) {
            let home = home(of: partition, id)
            let isOpen = home.log(for: partition) != nil
            let opened = try home.openPartition(partition, topicID: id, config: config)
            if !isOpen, opened.recovery.isNoteworthy { log.warning("\(opened.recovery)") }
            health.clear(.partitionOffline, partition.description)
            return .success(opened)
        } catch {
            log.error("\(partition) is offline: \(error)")
            health.report(.partitionOffline, partition.description, partition: partition, reason: error.description)
            return .failure(error)
        }
    }

    /// What will open the partitions that were there at the start and have a place in one of these topics.
    func opener(for topics: Topics, time: any TimeSource) -> PartitionOpener {
        let jobs = directories.enumerated().map { number, directory in
            directory.found.compactMap { entry -> PartitionOpener.Job? in
                guard found[entry] == number, let topic = topics[entry.topicPartition.topic],
                    topic.id == entry.topicID, let partition = topic.partition(entry.topicPartition.partition),
                    partition.waiting != nil
                else { return nil }
                return PartitionOpener.Job(found: entry, partition: partition)
            }
        }
        return PartitionOpener(directories, jobs: jobs, time: time, health: health, log: log)
    }

    /// Takes directories out of the way in which a crash has left nothing that says whose they are. False if something
    /// that was deleted is left for the next start.
    func retireUnnamed(
        except isWanted: (TopicPartition) -> Bool,
        isDeleted: (TopicPartition) -> Bool
    ) -> Bool {
        var isDone = true
        for directory in directories {
            do throws(LogError) {
                for name in try directory.retireUnnamed(except: isWanted, isDeleted: isDeleted) {
                    log.warning("\(directory.path)/\(name) holds records of no topic here; remove it if not needed")
                }
            } catch {
                log.error("what a crash has left in \(directory.path) cannot be put aside: \(error)")
                isDone = false
            }
        }
        return isDone
    }

    /// Partition directories that belong to no topic, and those that cannot be read at all: left alone, but said.
    func reportStrays(_ isKnown: (LogDirectory.FoundPartition) -> Bool) {
        for directory in directories {
            for stray in directory.found where !isKnown(stray) {
                let place = "\(directory.path)/\(stray.topicPartition)"
                log.warning(
                    "\(place) belongs to no topic here (id \(stray.topicID)); it is left as it is, remove it if not needed"
                )
            }
            for (name, error) in directory.unusable { log.error("\(directory.path)/\(name) is not used: \(error)") }
        }
    }

    /// Where the partition is, or for a new one the directory with the fewest.
    private func home(of partition: TopicPartition, _ id: TopicID) -> LogDirectory {
        if directories.count == 1 { return directories[0] }
        // By id and not only by name: what is left of a deleted topic is not the home of a new one.
        if let number = found[LogDirectory.FoundPartition(topicPartition: partition, topicID: id)] {
            return directories[number]
        }
        let present = directories.first { $0.log(for: partition)?.topicID == id }
        // What a crash has left of a partition may hold its records.
        let left = directories.first { $0.unnamed.contains(partition) }
        return present ?? left ?? directories.min { $0.logs.count < $1.logs.count } ?? directories[0]
    }

    /// Takes a topic's partitions out of use. False if something is left for the next start.
    func delete(_ topic: HostedTopic) -> Bool {
        var isDone = true
        for partition in topic.partitions where !partition.isObstructed {
            let name = partition.topicPartition
            if !delete(name, in: home(of: name, topic.id)) { isDone = false }
        }
        return isDone
    }

    /// Finishes the deletion of a topic that a crash has interrupted.
    func delete(_ id: TopicID) -> Bool {
        var isDone = true
        for directory in directories {
            for found in directory.found where found.topicID == id && !delete(found.topicPartition, in: directory) {
                isDone = false
            }
        }
        return isDone
    }

    private func delete(_ partition: TopicPartition, in directory: LogDirectory) -> Bool {
        do throws(LogError) {
            try directory.delete(partition)
            return true
        } catch {
            log.error("the files of \(partition) cannot be removed: \(error)")
            return false
        }
    }

    /// Makes durable where the partitions begin.
    func saveLogStarts() {
        for directory in directories {
            do throws(LogError) {
                try directory.saveLogStarts()
            } catch {
                log.error("the starts of the logs in \(directory.path) are not saved, a crash may undo them: \(error)")
            }
        }
    }

    /// Frees the disk space of what was deleted.
    func removeDeleted() {
        for directory in directories {
            do throws(LogError) {
                try directory.removeDeleted()
            } catch {
                log.error("the space of deleted partitions in \(directory.path) is not freed: \(error)")
            }
        }
    }

    /// Closes every log and notes that the stop was clean, so that the next start need not look for damage.
    func close() {
        for checkpointer in checkpointers { checkpointer.stop() }
        for directory in directories {
            do throws(LogError) {
                try directory.close()
            } catch {
                log.error("\(directory.path) was not closed cleanly: \(error); the next start checks it")
            }
        }
    }
}
