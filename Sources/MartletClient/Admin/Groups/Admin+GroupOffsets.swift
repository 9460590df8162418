import Model
import Wire

extension Admin {
    /// What a group has committed.
    ///
    /// - Parameter partitions: Only of these; nil for all.
    /// - Returns: Without the partitions in which it has committed nothing; empty if the group does not exist.
    public func groupOffsets(
        of id: String,
        _ partitions: [Partition]? = nil
    ) async throws(ClientError) -> [Partition: CommittedOffset] {
        var offsets: [Partition: CommittedOffset] = [:]
        try await withCoordinators(of: [id]) { (node, _) async throws(ClientError) in
            offsets = try await self.cluster.connection(to: node).committedOffsets(
                of: id,
                partitions,
                requireStable: false
            )
        }
        return offsets
    }

    /// Commits offsets in place of a group that has no members. A group that does not exist comes to be.
    ///
    /// - Returns: The partitions that were refused, and why; empty if all is committed.
    ///
    /// Throws ``ClientError`` named `UNKNOWN_MEMBER_ID` if the group has members: only they may commit.
    public func alterGroupOffsets(
        of id: String,
        _ offsets: [Partition: CommittedOffset]
    ) async throws(ClientError) -> [Partition: ClientError] {
        var refused: [Partition: ClientError] = [:]
        try await withCoordinators(of: [id]) { (node, _) async throws(ClientError) in
            let connection = try await self.cluster.connection(to: node)
            refused = try await connection.commit(offsets, as: GroupIdentity(group: id))
            if let error = refused.values.first(where: \.concernsWholeGroup) { throw error }
        }
        return refused
    }

    /// Deletes what a group has committed for partitions that none of its members reads (KIP-496).
    ///
    /// - Returns: The partitions that were refused, and why, mostly `GROUP_SUBSCRIBED_TO_TOPIC`; empty if all is deleted.
    ///
    /// Throws ``ClientError`` named `GROUP_ID_NOT_FOUND` if the group does not exist, `NON_EMPTY_GROUP` if it has members
    /// that are not consumers.
    public func deleteGroupOffsets(
        of id: String,
        _ partitions: [Partition]
    ) async throws(ClientError) -> [Partition: ClientError] {
        var request = OffsetDeleteRequest()
        request.groupID = id
        for group in ConsumerProtocolPartitions.grouped(partitions) {
            var topic = OffsetDeleteRequest.Topic()
            topic.name = group.topic
            topic.partitions = group.partitions.map { index in
                var partition = OffsetDeleteRequest.Partition()
                partition.index = index
                return partition
            }
            request.topics.append(topic)
        }
        var refused: [Partition: ClientError] = [:]
        try await withCoordinators(of: [id]) { (node, _) async throws(ClientError) in
            let response = try await self.cluster.connection(to: node).send(request)
            try Self.check(response.errorCode, "group '\(id)'")
            for topic in response.topics {
                for partition in topic.partitions where partition.errorCode.isError {
                    let context = "topic '\(topic.name)' partition \(partition.index)"
                    refused[Partition(topic: topic.name, index: partition.index)] = ClientError(
                        code: partition.errorCode,
                        context: context
                    )
                }
            }
        }
        return refused
    }
}

extension ClientError {
    /// Whether a refusal of one partition is one of all.
    fileprivate var concernsWholeGroup: Bool {
        guard let code else { return false }
        let wholeGroup: Set<ErrorCode> = [
            .unknownMemberId, .illegalGeneration, .rebalanceInProgress, .groupAuthorizationFailed, .invalidGroupId,
            .groupIdNotFound, .staleMemberEpoch, .fencedMemberEpoch,
        ]
        return wholeGroup.contains(code) || Cluster.passingCoordinatorErrors.contains(code)
    }
}
