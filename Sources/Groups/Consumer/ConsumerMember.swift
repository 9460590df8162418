/// A member of a consumer group. A value, owned by its group.
package struct ConsumerMember: Equatable, Sendable {
    package let id: MemberID
    package internal(set) var subscription = ConsumerMemberSubscription()
    package internal(set) var current = CurrentAssignment()

    init(_ id: MemberID) { self.id = id }

    package var epoch: MemberEpoch { current.epoch }

    /// Whether it takes part with the classic protocol, in a group that is between the two.
    package var isClassic: Bool { subscription.classic != nil }

    /// What people know it by.
    var name: String { subscription.instanceID?.rawValue ?? id.rawValue }

    func isReconciled(to assignmentEpoch: MemberEpoch) -> Bool {
        current.state == .stable && epoch == assignmentEpoch
    }
}

/// What a member has said of itself. Immutable.
package struct ConsumerMemberSubscription: Equatable, Sendable {
    package var instanceID: InstanceID?
    package var rackID: String?
    package var client = ClientIdentity(id: "", host: "")
    /// Without doubles, in order.
    package var topics: [String] = []
    package var pattern: String?
    package var rebalanceTimeoutMilliseconds: Int32 = -1
    package var assignor: String?
    /// Nil of members of the consumer protocol.
    package var classic: ClassicTraits?

    package init() {}

    /// About how much memory it takes, with what the group keeps of every member.
    var bytes: Int {
        let classic = classic?.protocols.reduce(0) { $0 + $1.metadata.count } ?? 0
        return topics.reduce(GroupLimits.bytesPerMember + (pattern?.utf8.count ?? 0) + classic) { $0 + $1.utf8.count }
    }

    /// What the classic protocol has beyond the other. Immutable.
    package struct ClassicTraits: Equatable, Sendable {
        package var sessionTimeoutMilliseconds: Int32 = 0
        package var protocols: [JoinProtocol] = []

        package init() {}
    }
}

/// What a member holds, and how far it has come on its way to what it is to hold. Immutable.
///
/// ```
///                      holds too much                     too much is given back
///   Stable ─────────────────────────────▶ Unrevoked ─────────────────────────────┐
///     ▲   ╲                                                                      │
///     │    ╲ lacks what others still hold               all is as it is to be    │
///     │     ╰──────────────────────────▶ Unreleased ◀────────────────────────────┤
///     │                                      │                                   │
///     └──────── what it lacked is free ──────┴───────────────────────────────────┘
/// ```
package struct CurrentAssignment: Equatable, Sendable {
    package var epoch = MemberEpoch.joining
    /// The epoch before: the answer with the newer one may have been lost.
    package var previousEpoch = MemberEpoch.joining
    package var state = State.stable
    /// What it may read.
    package var assigned = HeldPartitions()
    /// What it has to give back first. Nobody else gets it before.
    package var revoking = HeldPartitions()

    package init() {}

    /// Kafka's numbers.
    package enum State: Int8, Sendable {
        case stable = 0
        case unrevoked = 1
        case unreleased = 2
        /// Of a newer version of Kafka: such a member has to join anew.
        case unknown = 127
    }

    /// Since when the member holds the partition, whether or not it is to give it back; nil if it does not.
    package subscript(_ partition: PartitionID) -> MemberEpoch? { assigned[partition] ?? revoking[partition] }

    mutating func advance(to next: MemberEpoch) {
        previousEpoch = epoch
        epoch = next
    }
}
