package import Model

/// The ways to divide partitions among the members of a consumer group. Immutable.
package enum ConsumerAssignor: String, Sendable, CaseIterable {
    /// Everybody gets as many, and as many as possible of those it has had.
    case uniform = "uniform"
    /// Everybody gets a stretch of each topic, so that partitions of the same number of topics of the same size are
    /// together.
    case range = "range"

    package func assign(_ input: AssignorInput) -> [MemberID: PartitionSet] {
        switch self {
        case .uniform: UniformAssignment(input).targets
        case .range: RangeAssignment(input).targets
        }
    }
}

/// A member as an assignor sees it. Immutable.
package struct AssignorMember: Equatable, Sendable {
    package let id: MemberID
    package let instanceID: InstanceID?
    /// What it reads, of the topics that there are.
    package let topics: Set<TopicID>
    /// What it was to hold so far.
    package let held: PartitionSet

    package init(id: MemberID, instanceID: InstanceID? = nil, topics: Set<TopicID>, held: PartitionSet = PartitionSet())
    {
        self.id = id
        self.instanceID = instanceID
        self.topics = topics
        self.held = held
    }
}

/// What an assignor decides by. Immutable.
package struct AssignorInput: Sendable {
    /// In the order of their names: by instance for static members, so that a restart changes nothing.
    let members: [AssignorMember]
    /// How many partitions each topic has that somebody reads.
    let partitions: [TopicID: Int32]
    /// The topics in the order in which they are dealt out.
    let topicOrder: [TopicID]

    package init(members: [AssignorMember], partitions: [TopicID: Int32], topicOrder: [TopicID]) {
        self.members = members.sorted { left, right in
            let names = (left.instanceID?.rawValue ?? left.id.rawValue, right.instanceID?.rawValue ?? right.id.rawValue)
            return names.0 == names.1 ? left.id < right.id : names.0 < names.1
        }
        let read = members.reduce(into: Set<TopicID>()) { $0.formUnion($1.topics) }
        self.partitions = partitions.filter { read.contains($0.key) }
        self.topicOrder = topicOrder.filter { read.contains($0) }
    }

    /// The partitions of a topic, in order.
    func partitions(of topic: TopicID) -> some Sequence<PartitionID> {
        (0..<max(partitions[topic] ?? 0, 0)).lazy.map { PartitionID(topic, $0) }
    }

    func exists(_ partition: PartitionID) -> Bool {
        partition.index >= 0 && partition.index < partitions[partition.topic] ?? 0
    }
}
