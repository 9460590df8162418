import Model
import NIOCore
import Wire

extension Admin {
    /// The groups of the cluster, by id.
    ///
    /// - Parameters:
    ///   - states: Only those in one of these states; empty for all.
    ///   - types: Only those of one of these types; empty for all.
    ///
    /// Throws ``ClientError`` of kind ``ClientError/Kind/unsupported`` if a broker is too old for the filter.
    public func listGroups(
        states: [GroupState] = [],
        types: [GroupType] = []
    ) async throws(ClientError) -> [GroupListing] {
        if cluster.metadata.nodes.isEmpty { try await cluster.refresh() }
        var listings: [GroupListing] = []
        for node in cluster.metadata.nodes.keys.sorted() {
            listings += try await retrying { () async throws(ClientError) -> [GroupListing] in
                try await self.listGroups(of: node, states, types)
            }
        }
        return listings.sorted { $0.id < $1.id }
    }

    /// The version from which ListGroups tells, and filters by, states (KIP-518), and that for types (KIP-848).
    private static let firstVersionWithStates: Int16 = 4
    private static let firstVersionWithTypes: Int16 = 5

    private func listGroups(
        of node: Int32,
        _ states: [GroupState],
        _ types: [GroupType]
    ) async throws(ClientError) -> [GroupListing] {
        let connection = try await cluster.connection(to: node)
        let version = try connection.versions.version(for: ListGroupsRequest.api)
        let isTold =
            (states.isEmpty || version >= Self.firstVersionWithStates)
            && (types.isEmpty || version >= Self.firstVersionWithTypes)
        guard isTold else {
            throw ClientError(
                .unsupported,
                "broker \(node) cannot filter groups by state or type (ListGroups \(version))"
            )
        }
        var request = ListGroupsRequest()
        request.statesFilter = states.map(\.name)
        request.typesFilter = types.map(\.name)
        let response = try await connection.start(request, version: version).response()
        try Self.check(response.errorCode, "the groups of broker \(node)")
        return response.groups.map { group in
            GroupListing(
                id: group.groupID,
                type: group.groupType.isEmpty ? nil : GroupType(name: group.groupType),
                state: group.groupState.isEmpty ? nil : GroupState(name: group.groupState),
                protocolType: group.protocolType,
                coordinator: node
            )
        }
    }

    /// Groups with their members, in the order asked for.
    ///
    /// Throws ``ClientError`` named `GROUP_ID_NOT_FOUND` if one does not exist.
    public func describeGroups(_ ids: [String]) async throws(ClientError) -> [GroupDescription] {
        var described: [String: GroupDescription] = [:]
        try await withCoordinators(of: Set(ids)) { (node, groups) async throws(ClientError) in
            for group in try await self.describeConsumer(groups, node) { described[group.id] = group }
            let others = groups.filter { described[$0] == nil }
            if others.isEmpty { return }
            for group in try await self.describeClassic(others, node) { described[group.id] = group }
        }
        return ids.compactMap { described[$0] }
    }

    /// A group with its members; nil if it does not exist.
    public func describeGroup(_ id: String) async throws(ClientError) -> GroupDescription? {
        do throws(ClientError) {
            return try await describeGroups([id]).first
        } catch {
            guard error.code == .groupIdNotFound else { throw error }
            return nil
        }
    }

    /// Those of the groups whose members are coordinated by the consumer protocol (KIP-848). None if the broker does not know it.
    private func describeConsumer(_ groups: [String], _ node: Int32) async throws(ClientError) -> [GroupDescription] {
        let connection = try await cluster.connection(to: node)
        guard connection.versions.supports(ConsumerGroupDescribeRequest.api) else { return [] }
        var request = ConsumerGroupDescribeRequest()
        request.groupIDs = groups
        var described: [GroupDescription] = []
        for group in try await connection.send(request).groups where group.errorCode != .groupIdNotFound {
            try Self.check(group.errorCode, "group '\(group.groupID)'", group.errorMessage)
            described.append(GroupDescription(group, coordinator: node))
        }
        return described
    }

    private func describeClassic(_ groups: [String], _ node: Int32) async throws(ClientError) -> [GroupDescription] {
        var request = DescribeGroupsRequest()
        request.groups = groups
        let response = try await cluster.connection(to: node).send(request)
        var described: [GroupDescription] = []
        for group in response.groups {
            let context = "group '\(group.groupID)'"
            try Self.check(group.errorCode, context, group.errorMessage)
            let description = GroupDescription(group, coordinator: node)
            // Before version 6 a group that does not exist is an answer like any other (KIP-1043).
            if description.state == .dead, !description.isActive {
                throw ClientError(code: .groupIdNotFound, context: context)
            }
            described.append(description)
        }
        guard let missing = Set(groups).subtracting(described.map(\.id)).min() else { return described }
        throw Self.missing("group '\(missing)'")
    }

    /// Deletes a group with all it has committed (KIP-229).
    ///
    /// Throws ``ClientError`` named `GROUP_ID_NOT_FOUND` if it does not exist, `NON_EMPTY_GROUP` if it has members.
    public func deleteGroup(_ id: String) async throws(ClientError) {
        try await withCoordinators(of: [id]) { (node, groups) async throws(ClientError) in
            var request = DeleteGroupsRequest()
            request.groupsNames = groups
            let response = try await self.cluster.connection(to: node).send(request)
            guard let answer = response.results.first else { throw Self.missing("group '\(id)'") }
            try Self.check(answer.errorCode, "group '\(id)'")
        }
    }

    /// Does something for groups at each of their coordinators, and all of it again while coordinators move.
    func withCoordinators(
        of groups: Set<String>,
        _ body: (_ node: Int32, _ groups: [String]) async throws(ClientError) -> Void
    ) async throws(ClientError) {
        let deadline = Deadline(in: cluster.configuration.operationTimeout)
        var attempts = 0
        while true {
            do throws(ClientError) {
                let nodes = try await cluster.coordinators(of: groups)
                for (node, part) in Dictionary(grouping: groups, by: { nodes[$0] ?? -1 }).sorted(by: { $0.key < $1.key }
                ) {
                    try await body(node, part.sorted())
                }
                return
            } catch {
                guard let code = error.code, Cluster.passingCoordinatorErrors.contains(code), !deadline.hasPassed else {
                    throw error
                }
                if Cluster.movedCoordinator.contains(code) {
                    for group in groups { cluster.forgetCoordinator(of: group) }
                }
                attempts += 1
                try await pause(cluster.backoff.delay(afterFailures: attempts))
            }
        }
    }
}

extension GroupDescription {
    /// The address without the slash that Java prints in front of it, and Kafka's coordinator passes on.
    static func hostName(_ host: String) -> String { host.hasPrefix("/") ? String(host.dropFirst()) : host }

    /// What the coordinator of a classic group says.
    init(_ group: DescribeGroupsResponse.Group, coordinator: Int32) {
        self.init(
            id: group.groupID,
            type: .classic,
            state: GroupState(name: group.groupState),
            protocolType: group.protocolType,
            assignor: group.protocolData.isEmpty ? nil : group.protocolData,
            coordinator: coordinator,
            members: group.members.map { Member($0, protocolType: group.protocolType) }
        )
    }
}

extension GroupDescription {
    /// What the coordinator of a consumer group says.
    init(_ group: ConsumerGroupDescribeResponse.Group, coordinator: Int32) {
        self.init(
            id: group.groupID,
            type: .consumer,
            state: GroupState(name: group.groupState),
            protocolType: ConsumerProtocol.type,
            assignor: group.assignorName.isEmpty ? nil : group.assignorName,
            coordinator: coordinator,
            members: group.members.map { Member($0) }
        )
    }
}

extension GroupDescription.Member {
    fileprivate init(_ member: ConsumerGroupDescribeResponse.Member) {
        let assignment = member.assignment.topicPartitions.flatMap { topic in
            topic.partitions.map { Partition(topic: topic.topicName, index: $0) }
        }
        self.init(
            id: member.memberID,
            instanceID: member.instanceID,
            clientID: member.clientID,
            host: member.clientHost.hasPrefix("/") ? String(member.clientHost.dropFirst()) : member.clientHost,
            subscription: member.subscribedTopicNames + (member.subscribedTopicRegex.map { ["/\($0)/"] } ?? []),
            assignment: assignment.sorted()
        )
    }

    fileprivate init(_ member: DescribeGroupsResponse.Member, protocolType: String) {
        var subscription: [String] = []
        var assignment: [Partition] = []
        if protocolType == ConsumerProtocol.type {
            do throws(WireError) {
                if member.memberMetadata.readableBytes > 0 {
                    subscription = try ConsumerSubscription(reading: member.memberMetadata).topics.sorted()
                }
                assignment = try ConsumerAssignment(reading: member.memberAssignment).partitions.sorted()
            } catch {
                // What a member says of itself is its own affair; one that talks nonsense is still a member.
                (subscription, assignment) = ([], [])
            }
        }
        self.init(
            id: member.memberID,
            instanceID: member.groupInstanceID,
            clientID: member.clientID,
            host: GroupDescription.hostName(member.clientHost),
            subscription: subscription,
            assignment: assignment
        )
    }
}
