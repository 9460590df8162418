package import Model

/// What a member of a consumer group says of itself: nil is "as I said before". Immutable.
package struct ConsumerHeartbeat: Equatable, Sendable {
    package var memberID = MemberID.unknown
    package var epoch = MemberEpoch.joining
    package var instanceID: InstanceID?
    package var rackID: String?
    package var rebalanceTimeoutMilliseconds: Int32?
    package var topics: [String]?
    /// A regular expression for topics; empty for none.
    package var pattern: String?
    package var assignor: String?
    /// The partitions it holds.
    package var owned: PartitionSet?
    package var client = ClientIdentity(id: "", host: "")
    /// Whether the client makes up its id itself (version 1).
    package var choosesMemberID = true
    /// Whether the host has room for one more member, in whatever group.
    package var hasRoom = true
    /// The id to give to the member if it has none: unique, made by the host.
    package var freshMemberID = MemberID.unknown

    package init() {}

    /// Whether it says all of itself, and so wants to be told all.
    var isFull: Bool {
        epoch == .joining
            || rebalanceTimeoutMilliseconds != nil && (topics != nil || pattern != nil) && owned != nil
    }

    /// Why such a heartbeat is never accepted, whatever the group is like; nil if it may be.
    func problem(_ settings: ConsumerGroupSettings) -> ConsumerHeartbeatReply? {
        if memberID == .unknown, choosesMemberID || epoch > .joining || epoch == .leaving {
            return .refusal(.invalidRequest, "MemberId can't be empty.")
        }
        if instanceID?.rawValue.isEmpty == true { return .refusal(.invalidRequest, "InstanceId can't be empty.") }
        if rackID?.isEmpty == true { return .refusal(.invalidRequest, "RackId can't be empty.") }
        if epoch < .pausing { return .refusal(.invalidRequest, "MemberEpoch is invalid.") }
        if epoch == .pausing, instanceID == nil { return .refusal(.invalidRequest, "InstanceId can't be null.") }
        if epoch == .joining, let problem = problemOfJoin { return .refusal(.invalidRequest, problem) }
        if let assignor, !settings.assignors.contains(where: { $0.rawValue == assignor }) {
            let supported = settings.assignors.map(\.rawValue).joined(separator: ", ")
            return .refusal(
                .unsupportedAssignor,
                "ServerAssignor \(assignor) is not supported. Supported assignors: \(supported)."
            )
        }
        return problemOfSize
    }

    private var problemOfJoin: String? {
        if rebalanceTimeoutMilliseconds == nil { return "RebalanceTimeoutMs must be provided in first request." }
        if owned?.isEmpty != true { return "TopicPartitions must be empty when (re-)joining." }
        if topics == nil, pattern == nil {
            return "Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining."
        }
        return nil
    }

    private var problemOfSize: ConsumerHeartbeatReply? {
        let names = [memberID.rawValue, instanceID?.rawValue, rackID, client.id].compactMap { $0 }
        guard names.allSatisfy(GroupLimits.isName), rebalanceTimeoutMilliseconds ?? 0 >= 0 else {
            return .refusal(
                .invalidRequest,
                "Ids have at most \(GroupLimits.nameBytes) bytes, and a rebalance timeout is not negative."
            )
        }
        if let topics, topics.count > GroupLimits.topicsPerMember {
            return .refusal(
                .invalidRequest,
                "The member names \(topics.count) topics, more than the limit of \(GroupLimits.topicsPerMember)."
            )
        }
        if let topic = topics?.first(where: { TopicName.problem(with: $0) != nil }) {
            return .refusal(.invalidTopicException, TopicName.problem(with: topic) ?? "")
        }
        if let pattern, pattern.utf8.count > GroupLimits.patternBytes {
            return .refusal(
                .invalidRegularExpression,
                "SubscribedTopicRegex has \(pattern.utf8.count) bytes, more than the limit of \(GroupLimits.patternBytes)."
            )
        }
        return nil
    }
}

/// The answer to a ``ConsumerHeartbeat``. Immutable.
package struct ConsumerHeartbeatReply: Equatable, Sendable {
    package var error = ErrorCode.none
    package var message: String?
    package var memberID: MemberID?
    package var epoch = MemberEpoch.joining
    package var heartbeatIntervalMilliseconds: Int32 = 0
    /// What the member may hold now, if it is to be told.
    package var assignment: PartitionSet?

    package init() {}

    static func refusal(_ error: ErrorCode, _ message: String) -> ConsumerHeartbeatReply {
        var reply = ConsumerHeartbeatReply()
        reply.error = error
        reply.message = message
        return reply
    }
}
