import Groups
import Model
package import Wire

/// OffsetDelete (key 47): deletes committed offsets, except of topics that members of the group read.
extension OffsetDeleteRequest: BrokerRequest {
    package func handle(_ call: Call<OffsetDeleteRequest>) {
        let waiting = GroupCall(call) { Self.refusal($0) }
        let known = call.broker.topics.snapshot
        let partitions = topics.flatMap { topic in topic.partitions.map { TopicPartition(topic.name, $0.index) } }
        waiting.withShard(
            of: groupID,
            creating: false,
            absent: { waiting.refuse(.groupIdNotFound) },
            { shard, id in
                guard shard.look(at: id, { _ in true }) != nil else { return waiting.refuse(.groupIdNotFound) }
                shard.handle(
                    id,
                    reply: { reply in
                        guard case .deleteOffsets(let errors) = reply else { return }
                        // Members whose topics nobody knows: the group as a whole is refused.
                        if errors.first == .nonEmptyGroup { return waiting.refuse(.nonEmptyGroup) }
                        waiting.reply(response(errors, known))
                    },
                    { group, token, _, step in group.deleteOffsets(of: partitions, token, &step) }
                )
            }
        )
    }

    private static func refusal(_ code: ErrorCode) -> OffsetDeleteResponse {
        var response = OffsetDeleteResponse()
        response.errorCode = code
        return response
    }

    private func response(_ errors: [ErrorCode], _ known: Topics) -> OffsetDeleteResponse {
        var response = OffsetDeleteResponse()
        var errors = errors[...]
        response.topics = topics.map { topic in
            var result = OffsetDeleteResponse.Topic()
            result.name = topic.name
            result.partitions = topic.partitions.map { partition in
                var outcome = OffsetDeleteResponse.Partition()
                outcome.index = partition.index
                let isKnown = known[topic.name]?.partition(partition.index) != nil
                outcome.errorCode = isKnown ? errors.first ?? .none : .unknownTopicOrPartition
                errors = errors.dropFirst()
                return outcome
            }
            return result
        }
        return response
    }
}
