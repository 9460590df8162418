import Groups
import Model
package import Wire

/// OffsetFetch (key 9): the committed offsets of groups; −1 for partitions without one. There are no transactions whose
/// offsets could still change, so every offset is as stable as `requireStable` wants it.
extension OffsetFetchRequest: BrokerRequest {
    package func handle(_ call: Call<OffsetFetchRequest>) {
        let waiting = GroupCall(call) { code in response(version: call.version) { _ in .refused(code) } }
        let known = call.broker.topics.snapshot
        waiting.withShards(
            creating: false,
            absent: { waiting.reply(response(version: call.version) { answer($0, [:], known, call.version) }) },
            { shards in
                waiting.reply(
                    response(version: call.version) { group in
                        let id = GroupID(group.groupID)
                        guard let shard = shards.shard(of: id) else { return .refused(.coordinatorNotAvailable) }
                        let memberID = group.memberID.map { MemberID($0) }
                        let found = shard.look(at: id) { known in
                            (known.fetchProblem(memberID, MemberEpoch(group.memberEpoch)), known.offsets.committed)
                        }
                        if let problem = found?.0 { return .refused(problem) }
                        let committed = found?.1
                        return answer(group, committed ?? [:], known, call.version)
                    }
                )
            }
        )
    }

    /// What is said of one group.
    private struct Answer {
        var error = ErrorCode.none
        var topics: [OffsetFetchResponse.Topic] = []

        static func refused(_ code: ErrorCode) -> Answer { Answer(error: code) }
    }

    /// The groups asked for, in the shape of the newer versions.
    private func asked(version: Int16) -> [Group] {
        if version >= 8 { return groups }
        var group = Group()
        group.groupID = groupID
        group.topics = topics
        return [group]
    }

    private func response(version: Int16, _ answer: (Group) -> Answer) -> OffsetFetchResponse {
        var response = OffsetFetchResponse()
        for group in asked(version: version) {
            let answer = answer(group)
            if version >= 8 {
                var result = OffsetFetchResponse.Group()
                result.groupID = group.groupID
                result.errorCode = answer.error
                result.topics = answer.topics
                response.groups.append(result)
            } else {
                response.errorCode = answer.error
                response.topics = answer.topics
                // Version 1 has no place for an error of the whole group.
                if version == 1, answer.error.isError { response.topics = failures(group, answer.error) }
            }
        }
        return response
    }

    private func failures(_ group: Group, _ error: ErrorCode) -> [OffsetFetchResponse.Topic] {
        (group.topics ?? []).map { topic in
            var result = OffsetFetchResponse.Topic()
            result.name = topic.name
            result.partitions = topic.partitionIndexes.map { Self.partition($0, nil, error) }
            return result
        }
    }

    private func answer(
        _ group: Group,
        _ committed: [TopicPartition: CommittedOffset],
        _ known: Topics,
        _ version: Int16
    ) -> Answer {
        guard let wanted = group.topics else { return Answer(topics: all(committed, known, version)) }
        return Answer(
            topics: wanted.map { topic in
                var result = OffsetFetchResponse.Topic()
                result.name = topic.name
                result.topicID = topic.topicID
                let name = version >= 10 ? known[topic.topicID]?.name : topic.name
                result.partitions = topic.partitionIndexes.map { index in
                    guard let name else { return Self.partition(index, nil, .unknownTopicId) }
                    return Self.partition(index, committed[TopicPartition(name, index)])
                }
                return result
            }
        )
    }

    private func all(
        _ committed: [TopicPartition: CommittedOffset],
        _ known: Topics,
        _ version: Int16
    ) -> [OffsetFetchResponse.Topic] {
        Dictionary(grouping: committed.keys, by: \.topic).sorted { $0.key < $1.key }
            .compactMap { name, partitions in
                var result = OffsetFetchResponse.Topic()
                result.name = name
                if version >= 10 {
                    guard let topic = known[name] else { return nil }
                    result.topicID = topic.id
                }
                result.partitions = partitions.sorted().map { Self.partition($0.partition, committed[$0]) }
                return result
            }
    }

    private static func partition(
        _ index: Int32,
        _ committed: CommittedOffset?,
        _ error: ErrorCode = .none
    ) -> OffsetFetchResponse.Partition {
        var result = OffsetFetchResponse.Partition()
        result.index = index
        result.committedOffset = committed?.offset.rawValue ?? -1
        result.committedLeaderEpoch = committed?.leaderEpoch.rawValue ?? -1
        result.metadata = committed?.metadata ?? ""
        result.errorCode = error
        return result
    }
}
