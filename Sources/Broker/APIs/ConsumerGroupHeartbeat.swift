import Groups
import Model
package import Wire

/// ConsumerGroupHeartbeat (key 68): see ``ConsumerGroup``.
extension ConsumerGroupHeartbeatRequest: BrokerRequest {
    package func handle(_ call: Call<ConsumerGroupHeartbeatRequest>) {
        let waiting = GroupCall(call) { code in
            var response = ConsumerGroupHeartbeatResponse()
            response.errorCode = code
            return response
        }
        let request = request(waiting)
        // The topics are looked for before the group's lock is taken; there, they are known.
        if let pattern = request.pattern, pattern.utf8.count <= GroupLimits.patternBytes, !pattern.isEmpty,
            call.broker.groups.topicsOfNow.names(matching: pattern) == nil
        {
            var response = ConsumerGroupHeartbeatResponse()
            response.errorCode = .invalidRegularExpression
            let reason = TopicPattern.problem(with: pattern) ?? "it is too large"
            response.errorMessage = "SubscribedTopicRegex `\(pattern)` is not a valid regular expression: \(reason)."
            return waiting.reply(response)
        }
        waiting.withShard(of: groupID) { [request] shard, id in
            var request = request
            request.hasRoom = shard.hasRoom
            shard.handle(
                id,
                reply: { reply in
                    guard case .consumerHeartbeat(let answer) = reply else { return }
                    waiting.reply(Self.response(answer))
                },
                { group, token, context, step in group.consumerHeartbeat(request, token, context.rules, &step) }
            )
        }
    }

    private func request(_ waiting: GroupCall<ConsumerGroupHeartbeatRequest>) -> ConsumerHeartbeat {
        var request = ConsumerHeartbeat()
        request.memberID = MemberID(memberID)
        request.epoch = MemberEpoch(memberEpoch)
        request.instanceID = instanceID.map { InstanceID($0) }
        request.rackID = rackID
        request.rebalanceTimeoutMilliseconds = rebalanceTimeoutMilliseconds == -1 ? nil : rebalanceTimeoutMilliseconds
        request.topics = subscribedTopicNames
        request.pattern = subscribedTopicRegex
        request.assignor = serverAssignor
        request.owned = topicPartitions.map { topics in
            PartitionSet(topics.flatMap { topic in topic.partitions.map { PartitionID(topic.topicID, $0) } })
        }
        request.client = waiting.client
        request.choosesMemberID = waiting.call.version >= 1
        if memberID.isEmpty {
            var generator = SystemRandomNumberGenerator()
            request.freshMemberID = MemberID(TopicID.random(using: &generator).description)
        }
        return request
    }

    private static func response(_ reply: ConsumerHeartbeatReply) -> ConsumerGroupHeartbeatResponse {
        var response = ConsumerGroupHeartbeatResponse()
        response.errorCode = reply.error
        response.errorMessage = reply.message
        response.memberID = reply.memberID?.rawValue
        response.memberEpoch = reply.epoch.rawValue
        response.heartbeatIntervalMilliseconds = reply.heartbeatIntervalMilliseconds
        response.assignment = reply.assignment.map { assignment in
            var result = ConsumerGroupHeartbeatResponse.Assignment()
            result.topicPartitions = assignment.topics.map { id, indexes in
                var topic = ConsumerGroupTopicPartitions()
                topic.topicID = id
                topic.partitions = indexes.sorted()
                return topic
            }
            return result
        }
        return response
    }
}
