package import Model

/// One partition, by its topic's id, which a topic made anew under the same name does not share. Immutable.
package struct PartitionID: Hashable, Sendable {
    package let topic: TopicID
    package let index: Int32

    package init(_ topic: TopicID, _ index: Int32) {
        self.topic = topic
        self.index = index
    }
}

/// Partitions, by topic. A value; topics without partitions are not in it.
package struct PartitionSet: Equatable, Sendable {
    package private(set) var topics: [TopicID: Set<Int32>] = [:]

    package init() {}

    package init(_ partitions: some Sequence<PartitionID>) {
        for partition in partitions { insert(partition) }
    }

    package var isEmpty: Bool { topics.isEmpty }

    package var count: Int { topics.values.reduce(0) { $0 + $1.count } }

    package func contains(_ partition: PartitionID) -> Bool {
        topics[partition.topic]?.contains(partition.index) ?? false
    }

    package mutating func insert(_ partition: PartitionID) {
        topics[partition.topic, default: []].insert(partition.index)
    }

    package mutating func remove(_ partition: PartitionID) {
        topics[partition.topic]?.remove(partition.index)
        if topics[partition.topic]?.isEmpty == true { topics[partition.topic] = nil }
    }

    /// All partitions, in no particular order.
    package var all: some Sequence<PartitionID> {
        topics.lazy.flatMap { topic, indexes in indexes.lazy.map { PartitionID(topic, $0) } }
    }
}

/// Partitions, each with the epoch in which its member got it: a commit of a member is good for a partition from then on
/// (KIP-1251). A value; topics without partitions are not in it.
package struct HeldPartitions: Equatable, Sendable {
    package private(set) var topics: [TopicID: [Int32: MemberEpoch]] = [:]

    package init() {}

    package var isEmpty: Bool { topics.isEmpty }

    /// Since when the partition is held; nil if it is not.
    package subscript(_ partition: PartitionID) -> MemberEpoch? {
        get { topics[partition.topic]?[partition.index] }
        set {
            topics[partition.topic, default: [:]][partition.index] = newValue
            if topics[partition.topic]?.isEmpty == true { topics[partition.topic] = nil }
        }
    }

    package var partitions: PartitionSet { PartitionSet(all) }

    /// All partitions, in no particular order.
    package var all: some Sequence<PartitionID> {
        topics.lazy.flatMap { topic, held in held.keys.lazy.map { PartitionID(topic, $0) } }
    }

    func isDisjoint(with other: PartitionSet) -> Bool {
        for (topic, indexes) in other.topics {
            guard let held = topics[topic] else { continue }
            if indexes.contains(where: { held[$0] != nil }) { return false }
        }
        return true
    }

    func isSuperset(of other: PartitionSet) -> Bool {
        other.topics.allSatisfy { topic, indexes in
            guard let held = topics[topic] else { return false }
            return indexes.allSatisfy { held[$0] != nil }
        }
    }
}
