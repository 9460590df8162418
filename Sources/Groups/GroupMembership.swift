package import Model

/// The members of a group, by the protocol that it speaks. A value, owned by its group.
package enum GroupMembership: Equatable, Sendable {
    /// Its members assign (JoinGroup and SyncGroup).
    case classic(ClassicGroup)
    /// The coordinator assigns (ConsumerGroupHeartbeat, KIP-848).
    case consumer(ConsumerGroup)

    package var classic: ClassicGroup? {
        if case .classic(let group) = self { group } else { nil }
    }

    package var consumer: ConsumerGroup? {
        if case .consumer(let group) = self { group } else { nil }
    }

    /// Whether nobody is a member, nor was told to come back as one.
    var isUnused: Bool {
        switch self {
        case .classic(let group): group.isUnused
        case .consumer(let group): group.isUnused
        }
    }

    /// About how much memory its members take.
    package var memberBytes: Int {
        switch self {
        case .classic(let group): group.memberBytes
        case .consumer(let group): group.state.memberBytes
        }
    }

    /// Whether the log may say something of it.
    var isWritten: Bool {
        switch self {
        case .classic(let group): group.generation != .initial
        case .consumer(let group): group.state.epoch != .joining || !group.isUnused
        }
    }

    /// Since when it has had no members; nil if it has some, or never had.
    var unusedSince: Timestamp? {
        switch self {
        case .classic(let group): group.unusedSince
        case .consumer(let group): group.emptySince
        }
    }

    var subscribedTopics: SubscribedTopics {
        switch self {
        case .classic(let group): group.subscribedTopics
        case .consumer(let group): group.subscribedTopics
        }
    }

    /// Why the group cannot be deleted now; nil if it can.
    var deletionProblem: ErrorCode? {
        switch self {
        case .classic(let group): group.deletionProblem
        case .consumer(let group): group.deletionProblem
        }
    }

    /// What deletes all that the log says of it.
    func tombstones(_ id: GroupID) -> [GroupRecord] {
        switch self {
        case .classic: [.classicGroup(id, nil)]
        case .consumer(let group): group.state.tombstones.map { .consumerGroup(id, $0) }
        }
    }
}

/// What is said of a group in a list. Immutable.
package struct GroupSummary: Equatable, Sendable {
    package let type: GroupType
    package let state: GroupState
    package let protocolType: String
}

/// The protocol that a group speaks, in Kafka's words. Immutable.
package enum GroupType: String, Sendable {
    case classic = "classic"
    case consumer = "consumer"
}

extension GroupMembership {
    package var summary: GroupSummary {
        switch self {
        case .classic(let group):
            GroupSummary(type: .classic, state: group.state, protocolType: group.protocolType ?? "")
        case .consumer(let group):
            GroupSummary(type: .consumer, state: group.groupState, protocolType: ClassicGroup.consumerProtocol)
        }
    }

    private var history: RebalanceHistory {
        switch self {
        case .classic(let group): group.history
        case .consumer(let group): group.history
        }
    }

    /// The newest rebalances, oldest first.
    package var rebalances: [Rebalance] { history.completed }

    /// The rebalance under way: why, and since when; nil if there is none.
    package var rebalanceUnderWay: (reason: RebalanceReason, began: Timestamp)? { history.underWay }

    /// Whether the group rebalances again and again.
    package var isInStorm: Bool { history.isStorm }
}

/// What a group decides by, beside its own state. Immutable.
package struct GroupRules: Sendable {
    package var classic: ClassicGroupSettings
    package var consumer: ConsumerGroupSettings
    package var topics: any ConsumerTopics

    package init(classic: ClassicGroupSettings, consumer: ConsumerGroupSettings, topics: any ConsumerTopics) {
        self.classic = classic
        self.consumer = consumer
        self.topics = topics
    }
}
