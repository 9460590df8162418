import Model

/// The topics that a group's members read, as far as the group's protocol tells.
enum SubscribedTopics: Equatable {
    case none
    case topics(Set<String>)
    /// There are members, but what they read nobody here knows.
    case unknown
}

extension ClassicGroup {
    /// The protocol type of Kafka's consumers, the only one whose metadata a coordinator may look into.
    static let consumerProtocol = "consumer"

    var subscribedTopics: SubscribedTopics {
        if members.isEmpty { return .none }
        guard protocolType == Self.consumerProtocol else { return .unknown }
        var topics: Set<String> = []
        for member in members.byID.values {
            for offered in member.protocols {
                guard let subscription = ConsumerSubscription(offered.metadata) else { return .unknown }
                topics.formUnion(subscription.topics)
            }
        }
        return .topics(topics)
    }

    /// Who holds what, for what a rebalance moves.
    var holders: [PartitionHolder] {
        let isKnown = protocolType == Self.consumerProtocol
        return members.byID.values.map {
            PartitionHolder(name: $0.instanceID?.rawValue ?? $0.id.rawValue, assignment: isKnown ? $0.assignment : nil)
        }
    }

    /// Since when the group has been empty; nil if it has members, or never had.
    var unusedSince: Timestamp? { phase == .empty && protocolType != nil ? phaseBegan : nil }
}

/// What a consumer says of itself when it joins a classic group, as far as it matters here: the version (two bytes), the
/// number of topics (four bytes), then each with its length (two bytes). What follows is the assignor's. Immutable.
struct ConsumerSubscription: Equatable {
    let topics: [String]

    /// Nil if the bytes are not that.
    init?(_ bytes: [UInt8]) {
        var input = ConsumerProtocolInput(bytes)
        guard let version = input.number(bytes: 2), version < 0x8000,
            let topics = input.strings()
        else { return nil }
        self.topics = topics
    }
}
