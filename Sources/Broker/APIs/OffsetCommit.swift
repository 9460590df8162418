import Groups
import Model
package import Wire

/// OffsetCommit (key 8): keeps offsets; answered when the log of the coordinator has them as it wants them.
extension OffsetCommitRequest: BrokerRequest {
    package func handle(_ call: Call<OffsetCommitRequest>) {
        // Topics are looked up first: what does not exist is nobody's position.
        let known = call.broker.topics.snapshot
        let targets = topics.map { call.version >= 10 ? known[$0.topicID] : known[$0.name] }
        let unknown: ErrorCode = call.version >= 10 ? .unknownTopicId : .unknownTopicOrPartition
        let waiting = GroupCall(call) { code in
            response { _, _ in code }
        }
        var request = CommitRequest()
        request.memberID = MemberID(memberID)
        request.instanceID = groupInstanceID.map { InstanceID($0) }
        request.generation = Generation(generationIDOrMemberEpoch)
        request.understandsMemberEpochs = call.version >= 9
        request.retentionMilliseconds =
            call.version <= 4 && retentionTimeMilliseconds >= 0 ? retentionTimeMilliseconds : nil
        /// Which position of the request each partition is; or its error.
        var places: [[Swift.Result<Int, RequestError>]] = []
        for (topic, target) in zip(topics, targets) {
            places.append(
                topic.partitions.map { partition in
                    guard let target else { return .failure(RequestError(unknown, "")) }
                    guard target.partition(partition.index) != nil else {
                        return .failure(RequestError(.unknownTopicOrPartition, ""))
                    }
                    request.positions.append(
                        CommitRequest.Position(
                            TopicPartition(target.name, partition.index),
                            offset: Offset(partition.committedOffset),
                            leaderEpoch: LeaderEpoch(partition.committedLeaderEpoch),
                            metadata: partition.committedMetadata ?? ""
                        )
                    )
                    return .success(request.positions.count - 1)
                }
            )
        }
        waiting.withShard(of: groupID, allowsEmptyName: true) { [request, places] shard, id in
            shard.handle(
                id,
                reply: { reply in
                    guard case .commit(let errors) = reply else { return }
                    waiting.reply(
                        response { topic, partition in
                            switch places[topic][partition] {
                            case .success(let place): errors[place]
                            case .failure(let refusal): refusal.code
                            }
                        }
                    )
                },
                { group, token, context, step in
                    group.commit(request, token, context.offsets, context.rules.topics, &step)
                }
            )
        }
    }

    private func response(_ code: (_ topic: Int, _ partition: Int) -> ErrorCode) -> OffsetCommitResponse {
        var response = OffsetCommitResponse()
        response.topics = topics.enumerated().map { number, topic in
            var result = OffsetCommitResponse.Topic()
            result.name = topic.name
            result.topicID = topic.topicID
            result.partitions = topic.partitions.enumerated().map { place, partition in
                var outcome = OffsetCommitResponse.Partition()
                outcome.index = partition.index
                outcome.errorCode = code(number, place)
                return outcome
            }
            return result
        }
        return response
    }
}
