package import CommitLog
package import Model

/// A topic as it is now. Immutable: a change makes a new one.
package final class HostedTopic: Sendable {
    package let name: String
    package let id: TopicID
    /// By partition number.
    package let partitions: [HostedPartition]
    /// The configurations that differ from the broker's.
    package let configs: [String: String]
    /// The catalogue's revision of the topic: what a change must be based on.
    let revision: CatalogueRevision
    let record: TopicRecord

    init(
        name: String,
        record: TopicRecord,
        partitions: [HostedPartition],
        revision: CatalogueRevision
    ) {
        self.name = name
        id = record.id
        self.record = record
        self.partitions = partitions
        configs = Dictionary(record.configs.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
        self.revision = revision
    }

    /// Whether the topic belongs to the broker itself.
    package var isInternal: Bool { name == "__consumer_offsets" || name == "__transaction_state" }

    /// The partition of that number; nil if the topic has none.
    func partition(_ index: Int32) -> HostedPartition? {
        guard index >= 0, Int(index) < partitions.count else { return nil }
        return partitions[Int(index)]
    }
}

/// One partition of a topic, and its log if that could be opened. Immutable; the log has locks of its own.
package final class HostedPartition: Sendable {
    package let topicPartition: TopicPartition
    package let replicas: [Int32]
    private let state: Result<PartitionLog, LogError>

    init(_ topicPartition: TopicPartition, replicas: [Int32], state: Result<PartitionLog, LogError>) {
        self.topicPartition = topicPartition
        self.replicas = replicas
        self.state = state
    }

    package var index: Int32 { topicPartition.partition }

    /// The log for whoever changes it, or why it is offline.
    package func log() throws(LogError) -> PartitionLog {
        let log = try state.get()
        if let failure = log.failure { throw failure }
        return log
    }

    /// The log if it can be written.
    package var openLog: PartitionLog? {
        switch state {
        case .success(let log): log.failure == nil ? log : nil
        case .failure: nil
        }
    }

    /// The log, which may be one that takes nothing more because its directory has failed, or why there is none.
    package func readableLog() throws(LogError) -> PartitionLog { try state.get() }

    /// The log if it can be read, whether or not it can be written.
    package var readable: PartitionLog? {
        guard case .success(let log) = state else { return nil }
        return log
    }

    /// Whether files of another topic are in the partition's place: they are not its own to remove.
    var isObstructed: Bool {
        if case .failure(.inconsistentTopicID) = state { return true }
        return false
    }
}
