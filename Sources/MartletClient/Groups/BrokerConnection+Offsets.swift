import Model
import Wire

/// Commits and committed offsets, as both admins and members use them.
extension BrokerConnection {
    /// The last version in which OffsetCommit and OffsetFetch name topics: ids would only be names made harder.
    private static let lastVersionWithNames: Int16 = 9
    /// From this version on OffsetFetch asks for groups, and before it for one (KIP-709).
    private static let firstBatchedVersion: Int16 = 8

    /// Commits offsets.
    ///
    /// - Returns: The partitions that were refused, and why.
    func commit(
        _ offsets: [Partition: CommittedOffset],
        as identity: GroupIdentity
    ) async throws(ClientError) -> [Partition: ClientError] {
        if offsets.isEmpty { return [:] }
        var request = OffsetCommitRequest()
        request.groupID = identity.group
        request.memberID = identity.member
        request.groupInstanceID = identity.instance
        request.generationIDOrMemberEpoch = identity.generation
        for group in ConsumerProtocolPartitions.grouped(offsets.keys) {
            var topic = OffsetCommitRequest.Topic()
            topic.name = group.topic
            topic.partitions = group.partitions.map { index in
                var item = OffsetCommitRequest.Partition()
                item.index = index
                let committed = offsets[Partition(topic: group.topic, index: index)]
                item.committedOffset = committed?.offset ?? 0
                item.committedLeaderEpoch = committed?.leaderEpoch ?? -1
                item.committedMetadata = committed?.metadata ?? ""
                return item
            }
            request.topics.append(topic)
        }
        let response = try await send(request, atMost: Self.lastVersionWithNames)
        var refused: [Partition: ClientError] = [:]
        var answered: Set<Partition> = []
        for topic in response.topics {
            for answer in topic.partitions {
                let partition = Partition(topic: topic.name, index: answer.index)
                answered.insert(partition)
                guard answer.errorCode.isError else { continue }
                refused[partition] = ClientError(
                    code: answer.errorCode,
                    context: "committing topic '\(topic.name)' partition \(answer.index) for group '\(identity.group)'"
                )
            }
        }
        if let missing = Set(offsets.keys).subtracting(answered).min() {
            throw ClientError(.protocolViolation, "the broker's answer to a commit leaves out \(missing)")
        }
        return refused
    }

    /// What a group has committed.
    ///
    /// - Parameters:
    ///   - partitions: Only of these; nil for all.
    ///   - requireStable: Whether to refuse offsets that a transaction may still change (KIP-447).
    func committedOffsets(
        of group: String,
        _ partitions: [Partition]?,
        requireStable: Bool
    ) async throws(ClientError) -> [Partition: CommittedOffset] {
        let version = try versions.version(for: OffsetFetchRequest.api, atMost: Self.lastVersionWithNames)
        let topics = partitions.map { partitions in
            ConsumerProtocolPartitions.grouped(partitions).map { group in
                var topic = OffsetFetchRequest.Topic()
                topic.name = group.topic
                topic.partitionIndexes = group.partitions
                return topic
            }
        }
        var request = OffsetFetchRequest()
        request.requireStable = requireStable
        if version >= Self.firstBatchedVersion {
            var item = OffsetFetchRequest.Group()
            item.groupID = group
            item.topics = topics
            request.groups = [item]
        } else {
            request.groupID = group
            request.topics = topics
        }
        let response = try await start(request, version: version).response()
        let isBatched = version >= Self.firstBatchedVersion
        let code = isBatched ? response.groups.first?.errorCode ?? .none : response.errorCode
        if code.isError, code != .groupIdNotFound { throw ClientError(code: code, context: "group '\(group)'") }
        let answers = isBatched ? response.groups.first?.topics ?? [] : response.topics
        return try Self.offsets(answers, group)
    }

    private static func offsets(
        _ topics: [OffsetFetchResponse.Topic],
        _ group: String
    ) throws(ClientError) -> [Partition: CommittedOffset] {
        var offsets: [Partition: CommittedOffset] = [:]
        for topic in topics {
            for answer in topic.partitions {
                if answer.errorCode.isError {
                    let context = "group '\(group)', topic '\(topic.name)' partition \(answer.index)"
                    throw ClientError(code: answer.errorCode, context: context)
                }
                guard answer.committedOffset >= 0 else { continue }
                offsets[Partition(topic: topic.name, index: answer.index)] = CommittedOffset(
                    offset: answer.committedOffset,
                    leaderEpoch: answer.committedLeaderEpoch < 0 ? nil : answer.committedLeaderEpoch,
                    metadata: answer.metadata ?? ""
                )
            }
        }
        return offsets
    }
}
