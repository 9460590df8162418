import Logging
import Model
import NIOCore
import Wire

/// The requests of a member to its coordinator.
extension ClassicDriver {
    /// From this version on members may be static (KIP-345).
    private static let firstJoinVersionWithInstances: Int16 = 5
    /// From this version on several members may leave at once, and so does one.
    private static let firstBatchedLeaveVersion: Int16 = 3

    /// The newest version of an API, or an old one if the newest says nothing more that a member could use: librdkafka's mock
    /// cluster announces some of those in between, but does not understand them.
    ///
    /// - Parameters:
    ///   - useful: The first version above `plain` that is worth having.
    ///   - plain: The last version before that which is more than another encoding.
    private func version(
        of api: API,
        _ connection: BrokerConnection,
        useful: Int16,
        plain: Int16
    ) throws(ClientError) -> Int16 {
        let newest = try connection.versions.version(for: api)
        return newest >= useful ? newest : try connection.versions.version(for: api, atMost: plain)
    }

    // MARK: Joining

    func join(
        _ identity: ClassicMembership.Identity,
        _ owned: Set<Partition>
    ) async throws(ClientError) -> ClassicMembership.Event {
        let topics = try await subscribedTopics()
        state.withLock { state in
            state.subscribed = topics
            state.shared = nil
            state.news = nil
        }
        let connection = try await cluster.coordinator(of: configuration.id, .membership)
        let version = try version(of: JoinGroupRequest.api, connection, useful: 8, plain: 5)
        if configuration.instanceID != nil, version < Self.firstJoinVersionWithInstances {
            throw ClientError(.unsupported, "the broker does not know static members (JoinGroup \(version))")
        }
        var request = JoinGroupRequest()
        request.groupID = configuration.id
        request.memberID = identity.memberID
        request.groupInstanceID = configuration.instanceID
        request.sessionTimeoutMilliseconds = Self.milliseconds(configuration.sessionTimeout)
        request.rebalanceTimeoutMilliseconds = Self.milliseconds(configuration.maximumPollInterval)
        request.protocolType = ConsumerProtocol.type
        request.protocols = try protocols(topics, owned, generation: identity.generation)
        // The answer comes when all members have joined, who have this long.
        let patience = max(configuration.maximumPollInterval, configuration.sessionTimeout)
        let response = try await connection.start(request, version: version, waiting: patience).response()
        if response.errorCode == .memberIdRequired { return .memberIDGiven(response.memberID) }
        try Admin.check(response.errorCode, "joining group '\(configuration.id)'")
        return .joined(ClassicMembership.Generation(response))
    }

    private static func milliseconds(_ duration: Duration) -> Int32 {
        Int32(clamping: duration.wholeNanoseconds / 1_000_000)
    }

    private func protocols(
        _ topics: [String],
        _ owned: Set<Partition>,
        generation: Int32
    ) throws(ClientError) -> [JoinGroupRequest.GroupProtocol] {
        var protocols: [JoinGroupRequest.GroupProtocol] = []
        for assignor in configuration.assignors {
            var subscription = ConsumerSubscription()
            subscription.topics = topics
            subscription.ownedPartitions = Array(owned)
            subscription.generation = generation
            // Where the Java client's assignor looks for the generation first.
            if assignor.isCooperative { subscription.userData = ByteBuffer(integer: generation) }
            var item = JoinGroupRequest.GroupProtocol()
            item.name = assignor.rawValue
            do throws(WireError) { item.metadata = try subscription.bytes() } catch {
                throw ClientError(.invalidArgument, "the subscription is too large: \(error)")
            }
            protocols.append(item)
        }
        return protocols
    }

    /// The names of the topics to read; those of a pattern as they are now.
    func subscribedTopics() async throws(ClientError) -> [String] {
        switch configuration.subscription {
        case .topics(let topics): return Set(topics).sorted()
        case .pattern(let text):
            let pattern = try TopicPattern(text)
            let response = try await cluster.ask(for: nil)
            return response.topics.filter { !$0.isInternal }.compactMap(\.name).filter(pattern.matches).sorted()
        }
    }

    // MARK: Sharing out

    func sync(_ generation: ClassicMembership.Generation) async throws(ClientError) -> Set<Partition> {
        var request = SyncGroupRequest()
        request.groupID = configuration.id
        request.generationID = generation.identity.generation
        request.memberID = generation.identity.memberID
        request.groupInstanceID = configuration.instanceID
        request.protocolType = ConsumerProtocol.type
        request.protocolName = generation.assignor
        if generation.isLeader, !generation.skipsAssignment { request.assignments = try await shares(generation) }
        let connection = try await cluster.coordinator(of: configuration.id, .membership)
        // The answer comes when the leader has decided.
        let version = try version(of: SyncGroupRequest.api, connection, useful: 5, plain: 3)
        let patience = configuration.maximumPollInterval
        let response = try await connection.start(request, version: version, waiting: patience).response()
        let context = "joining group '\(configuration.id)'"
        try Admin.check(response.errorCode, context)
        do throws(WireError) {
            return Set(try ConsumerAssignment(reading: response.assignment).partitions)
        } catch {
            throw ClientError(.protocolViolation, "\(context): the leader's assignment is unreadable: \(error)")
        }
    }

    /// Everyone's share, as the leader decides it.
    private func shares(
        _ generation: ClassicMembership.Generation
    ) async throws(ClientError) -> [SyncGroupRequest.Assignment] {
        guard let assignor = Assignor(rawValue: generation.assignor) else {
            throw ClientError(
                .protocolViolation,
                "the coordinator chose the assignor '\(generation.assignor)', which was not offered"
            )
        }
        let members = generation.members.map(member)
        let topics = Set(members.flatMap(\.topics))
        let counts = try await partitionCounts(topics)
        state.withLock { $0.shared = counts }
        var assignments: [SyncGroupRequest.Assignment] = []
        for (id, partitions) in assignor.assign(members, counts).sorted(by: { $0.key < $1.key }) {
            var item = SyncGroupRequest.Assignment()
            item.memberID = id
            do throws(WireError) { item.assignment = try ConsumerAssignment(partitions).bytes() } catch {
                throw ClientError(.invalidArgument, "the assignment is too large: \(error)")
            }
            assignments.append(item)
        }
        return assignments
    }

    /// How many partitions each of the topics has that exist.
    func partitionCounts(_ topics: Set<String>) async throws(ClientError) -> [String: Int32] {
        try await cluster.refreshPatiently(topics)
        let known = cluster.metadata.topics
        var counts: [String: Int32] = [:]
        for topic in topics {
            if let topic = known[topic], !topic.error.isError { counts[topic.name] = Int32(topic.partitions.count) }
        }
        return counts
    }

    private func member(_ joined: ClassicMembership.Generation.Joined) -> GroupMember {
        do throws(WireError) {
            let subscription = try ConsumerSubscription(reading: joined.metadata)
            return GroupMember(
                id: joined.id,
                instanceID: joined.instanceID,
                topics: Set(subscription.topics),
                owned: subscription.ownedPartitions,
                generation: subscription.generation
            )
        } catch {
            // One that talks nonsense gets nothing, and the others read.
            logger.warning("a member's subscription is unreadable", metadata: ["member": "\(joined.id)"])
            return GroupMember(id: joined.id, instanceID: joined.instanceID, topics: [])
        }
    }

    // MARK: Leaving

    func sendLeave(_ identity: ClassicMembership.Identity, _ reason: String) async throws(ClientError) {
        var request = LeaveGroupRequest()
        request.groupID = configuration.id
        // Not behind a request to join that may still be waiting.
        let connection = try await cluster.coordinator(of: configuration.id)
        let version = try version(of: LeaveGroupRequest.api, connection, useful: 5, plain: 2)
        if version >= Self.firstBatchedLeaveVersion {
            var member = LeaveGroupRequest.Member()
            member.memberID = identity.memberID
            member.groupInstanceID = configuration.instanceID
            member.reason = reason
            request.members = [member]
        } else {
            request.memberID = identity.memberID
        }
        let response = try await connection.start(request, version: version).response()
        try Admin.check(response.errorCode, "leaving group '\(configuration.id)'")
    }
}

extension ClassicMembership.Generation {
    init(_ response: JoinGroupResponse) {
        identity = ClassicMembership.Identity(memberID: response.memberID, generation: response.generationID)
        assignor = response.protocolName ?? ""
        isLeader = response.leader == response.memberID
        skipsAssignment = response.skipAssignment
        members = response.members.map { member in
            Joined(id: member.memberID, instanceID: member.groupInstanceID, metadata: member.metadata)
        }
    }
}
