import CommitLog
import Logging
import Model
import NIOCore

/// What a new topic shall be like. Immutable.
struct NewTopic: Sendable {
    let name: String
    /// -1 stands for the broker's default.
    let partitionCount: Int32
    /// -1 stands for the broker's default.
    let replicationFactor: Int16
    /// The replicas of each partition, by partition number; empty to let the broker choose.
    let assignments: [[Int32]]
    let configs: [(name: String, value: String?)]
}

/// Creates, changes and deletes topics. Used on the control thread only, so one change at a time.
///
/// The catalogue is changed first and durably; directories and the published topics follow. What a crash leaves between
/// the two is completed at the next start: a topic without directories gets them, a deleted topic's are removed.
struct TopicAdministration {
    let broker: Broker

    private var storage: TopicStorage { broker.storage }

    // MARK: Creation

    /// Creates a topic, or only checks that it could be. Returns its record and configuration.
    @discardableResult
    func create(
        _ new: NewTopic,
        validateOnly: Bool
    ) throws(RequestError) -> (record: TopicRecord, configuration: TopicConfiguration) {
        try checkName(new.name)
        let replicas = try assignment(of: new)
        let configuration = try requestingConfiguration { () throws(ConfigurationError) in
            try TopicConfiguration.requested(new.configs, broker: broker.configuration)
        }
        var record = TopicRecord()
        var generator = SystemRandomNumberGenerator()
        record.id = .random(using: &generator)
        record.partitions = replicas.map { PartitionRecord(replicas: $0) }
        record.configs = Self.stored(configuration.overrides)
        record.createdAt = broker.time.now.milliseconds
        if validateOnly { return (record, configuration) }
        let revision = try commit(new.name, record, ifRevision: .never)
        let topic = storage.open(new.name, record, configuration, revision: revision)
        broker.topics.publish { $0.put(topic) }
        broker.retention.configurationChanged()
        broker.log.info("created topic \(new.name) with \(replicas.count) partitions, id \(record.id)")
        return (record, configuration)
    }

    /// Creates a topic that a client asked for, with the broker's defaults; none if it is there already.
    func createAutomatically(_ name: String) throws(RequestError) {
        guard broker.topics.snapshot[name] == nil else { return }
        let new = NewTopic(name: name, partitionCount: -1, replicationFactor: -1, assignments: [], configs: [])
        try create(new, validateOnly: false)
    }

    private func checkName(_ name: String) throws(RequestError) {
        if let problem = TopicName.problem(with: name) { throw RequestError(.invalidTopicException, problem) }
        if name == EmbeddedCatalogue.topicName {
            throw RequestError(.invalidTopicException, "the name '\(name)' is the broker's own")
        }
        let known = broker.topics.snapshot
        if known[name] != nil { throw RequestError(.topicAlreadyExists, "Topic '\(name)' already exists.") }
        let form = TopicName.metricForm(of: name)
        guard name != form || name.contains("_") else { return }
        if let other = known.byName.keys.first(where: { TopicName.metricForm(of: $0) == form }) {
            throw RequestError(
                .invalidTopicException,
                "topic '\(name)' collides with '\(other)': names that differ in '.' and '_' only share their metrics"
            )
        }
    }

    /// The replicas of each partition of a new topic.
    private func assignment(of new: NewTopic) throws(RequestError) -> [[Int32]] {
        if !new.assignments.isEmpty {
            guard new.partitionCount == -1, new.replicationFactor == -1 else {
                throw RequestError(
                    .invalidRequest,
                    "a topic with assignments takes its number of partitions and replicas from them"
                )
            }
            for replicas in new.assignments { try checkReplicas(replicas) }
            try checkPartitionCount(new.assignments.count)
            return new.assignments
        }
        let settings = broker.settings
        let count = new.partitionCount == -1 ? settings.numPartitions : new.partitionCount
        guard count > 0 else {
            throw RequestError(.invalidPartitions, "a topic has at least 1 partition, \(count) were asked for")
        }
        let factor = new.replicationFactor == -1 ? settings.defaultReplicationFactor : new.replicationFactor
        guard factor > 0 else {
            throw RequestError(.invalidReplicationFactor, "a partition has at least 1 replica, not \(factor)")
        }
        guard factor == 1 else {
            throw RequestError(
                .invalidReplicationFactor,
                "replication factor \(factor) is larger than the number of brokers, which is 1"
            )
        }
        try checkPartitionCount(Int(count))
        return [[Int32]](repeating: [broker.nodeID], count: Int(count))
    }

    private func checkReplicas(_ replicas: [Int32]) throws(RequestError) {
        guard replicas == [broker.nodeID] else {
            throw RequestError(
                .invalidReplicaAssignment,
                "replicas \(replicas) cannot be had: the only broker is \(broker.nodeID)"
            )
        }
    }

    private func checkPartitionCount(_ additional: Int) throws(RequestError) {
        let present = broker.topics.snapshot.partitionCount
        guard present + additional <= broker.maximumPartitions else {
            throw RequestError(
                .invalidPartitions,
                "\(additional) more partitions would make \(present + additional); this broker's limit is "
                    + "\(broker.maximumPartitions), which follows from the machine's memory"
            )
        }
    }

    // MARK: Changes

    /// Gives a topic more partitions.
    func addPartitions(
        _ name: String,
        total: Int32,
        assignments: [[Int32]]?,
        validateOnly: Bool
    ) throws(RequestError) {
        let topic = try find(name)
        let present = topic.partitions.count
        guard Int(total) > present else {
            throw RequestError(
                .invalidPartitions,
                Int(total) == present
                    ? "Topic already has \(present) partition(s)."
                    : "The topic \(name) currently has \(present) partition(s); \(total) would not be an increase."
            )
        }
        let added = Int(total) - present
        if let assignments {
            guard assignments.count == added else {
                throw RequestError(
                    .invalidReplicaAssignment,
                    "\(added) partitions are added, but \(assignments.count) assignments are given"
                )
            }
            for replicas in assignments { try checkReplicas(replicas) }
        }
        try checkPartitionCount(added)
        if validateOnly { return }
        var record = topic.record
        for _ in 0..<added { record.partitions.append(PartitionRecord(replicas: [broker.nodeID])) }
        try replace(topic, with: record, try configuration(of: topic))
        broker.log.info("topic \(name) has \(total) partitions now, \(added) more")
    }

    /// Changes a topic's configuration.
    func alterConfigs(_ name: String, _ changes: [ConfigChange], validateOnly: Bool) throws(RequestError) {
        let topic = try find(name)
        let old = try configuration(of: topic)
        let new = try requestingConfiguration { () throws(ConfigurationError) in try old.altered(by: changes) }
        if validateOnly || new.overrides == old.overrides { return }
        var record = topic.record
        record.configs = Self.stored(new.overrides)
        try replace(topic, with: record, new)
        for partition in topic.partitions { partition.updateConfig(LogConfig(new)) }
        broker.retention.configurationChanged()
        broker.log.info("configuration of topic \(name) is now \(new.overrides)")
    }

    /// Lets every topic see the broker's changed configuration.
    func brokerConfigurationChanged() {
        for topic in broker.topics.snapshot.sorted {
            do throws(RequestError) {
                let config = LogConfig(try configuration(of: topic))
                for partition in topic.partitions { partition.updateConfig(config) }
            } catch {
                broker.log.error("topic \(topic.name) keeps its old configuration: \(error)")
            }
        }
        broker.cleaner.configurationChanged(broker.settings.cleaner)
        broker.retention.configurationChanged()
    }

    /// A topic's configuration over the broker's of now.
    func configuration(of topic: HostedTopic) throws(RequestError) -> TopicConfiguration {
        try requestingConfiguration { () throws(ConfigurationError) in
            try TopicConfiguration(overrides: topic.configs, broker: broker.configuration)
        }
    }

    // MARK: Deletion

    /// Deletes a topic; its files go at once from their names, and from the disk in the background.
    func delete(_ topic: HostedTopic) throws(RequestError) {
        guard broker.settings.deleteTopics else {
            throw RequestError(.topicDeletionDisabled, "delete.topic.enable is false on this broker")
        }
        try storing { () throws(CatalogueError) in
            try broker.catalogue.commit(
                [
                    CatalogueChange(key: CatalogueKey.topic(topic.name), value: nil),
                    CatalogueChange(key: CatalogueKey.deletedTopic(topic.id), value: ByteBuffer(string: topic.name)),
                ],
                ifUnchanged: [CatalogueCondition(key: CatalogueKey.topic(topic.name), revision: topic.revision)]
            )
        }
        broker.topics.publish { $0.remove(topic) }
        broker.health.forget(topic: topic.name)
        broker.groups.topicDeleted(topic.name)
        if storage.delete(topic) {
            // Only a note that nothing is left to do; if it is lost, the next start finds nothing and writes it again.
            do throws(CatalogueError) {
                let done = CatalogueChange(key: CatalogueKey.deletedTopic(topic.id), value: nil)
                _ = try broker.catalogue.commit([done], ifUnchanged: [])
            } catch {
                broker.log.warning("the deletion of \(topic.name) is done, but cannot be noted: \(error)")
            }
        }
        broker.io.submit { [storage] in storage.removeDeleted() }
        broker.log.info("deleted topic \(topic.name), id \(topic.id)")
    }

    // MARK: Shared

    private func find(_ name: String) throws(RequestError) -> HostedTopic {
        guard let topic = broker.topics.snapshot[name] else {
            throw RequestError(.unknownTopicOrPartition, "The topic '\(name)' does not exist.")
        }
        return topic
    }

    private func replace(
        _ topic: HostedTopic,
        with record: TopicRecord,
        _ configuration: TopicConfiguration
    ) throws(RequestError) {
        let revision = try commit(topic.name, record, ifRevision: topic.revision)
        let changed = storage.extend(topic, record, configuration, revision: revision)
        broker.topics.publish { $0.put(changed) }
    }

    private func commit(
        _ name: String,
        _ record: TopicRecord,
        ifRevision revision: CatalogueRevision
    ) throws(RequestError) -> CatalogueRevision {
        try storing { () throws(CatalogueError) in
            let key = CatalogueKey.topic(name)
            return try broker.catalogue.commit(
                [CatalogueChange(key: key, value: try record.encoded())],
                ifUnchanged: [CatalogueCondition(key: key, revision: revision)]
            )
        }
    }

    private static func stored(_ overrides: [String: String]) -> [StoredConfig] {
        overrides.sorted { $0.key < $1.key }.map { StoredConfig(name: $0.key, value: $0.value) }
    }
}

/// Runs a change of the catalogue for a request.
@discardableResult
func storing<Result>(_ body: () throws(CatalogueError) -> Result) throws(RequestError) -> Result {
    do throws(CatalogueError) {
        return try body()
    } catch {
        switch error {
        case .conflict: throw RequestError(.invalidRequest, "\(error); try again")
        case .corrupt, .unavailable: throw RequestError(.kafkaStorageError, "\(error)")
        }
    }
}

/// Evaluates a configuration for a request.
func requestingConfiguration<Result>(
    _ body: () throws(ConfigurationError) -> Result
) throws(RequestError) -> Result {
    do throws(ConfigurationError) {
        return try body()
    } catch {
        throw RequestError(error.errorCode, error.message)
    }
}
