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
    private static let consumerProtocol = "consumer"

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

    /// Since when the group has been empty; nil if it has members, or never had.
    var unusedSince: Timestamp? { phase == .empty && protocolType != nil ? phaseBegan : nil }
}

/// What a consumer says of itself when it joins a classic group, as far as it matters here: the version (two bytes), the
/// number of topics (four bytes), then each with its length (two bytes). What follows is the assignor's. Immutable.
struct ConsumerSubscription: Equatable {
    let topics: [String]

    /// Nil if the bytes are not that.
    init?(_ bytes: [UInt8]) {
        var rest = bytes[...]
        guard let version = Self.number(&rest, bytes: 2), version < 0x8000,
            let count = Self.number(&rest, bytes: 4), count <= rest.count / 2
        else { return nil }
        var topics: [String] = []
        for _ in 0..<count {
            guard let length = Self.number(&rest, bytes: 2), length <= rest.count else { return nil }
            topics.append(String(decoding: rest.prefix(length), as: UTF8.self))
            rest = rest.dropFirst(length)
        }
        self.topics = topics
    }

    private static func number(_ rest: inout ArraySlice<UInt8>, bytes count: Int) -> Int? {
        guard rest.count >= count else { return nil }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count).reduce(0) { $0 << 8 | Int($1) }
    }
}
