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
    package var isInternal: Bool { name == GroupCoordinator.topicName || name == "__transaction_state" }

    /// The partition of that number; nil if the topic has none.
    func partition(_ index: Int32) -> HostedPartition? {
        guard index >= 0, Int(index) < partitions.count else { return nil }
        return partitions[Int(index)]
    }
}
