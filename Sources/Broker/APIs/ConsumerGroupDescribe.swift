import Groups
import Model
package import Wire

/// ConsumerGroupDescribe (key 69): the state and the members of consumer groups.
extension ConsumerGroupDescribeRequest: BrokerRequest {
    package func handle(_ call: Call<ConsumerGroupDescribeRequest>) {
        let waiting = GroupCall(call) { code in
            var response = ConsumerGroupDescribeResponse()
            response.groups = groupIDs.map { refused($0, code) }
            return response
        }
        waiting.withShards(
            creating: false,
            absent: { waiting.refuse(.groupIdNotFound) },
            { shards in
                var response = ConsumerGroupDescribeResponse()
                response.groups = groupIDs.map { describe($0, shards, call.broker) }
                waiting.reply(response)
            }
        )
    }

    private func refused(_ name: String, _ code: ErrorCode) -> ConsumerGroupDescribeResponse.Group {
        var group = ConsumerGroupDescribeResponse.Group()
        group.groupID = name
        group.errorCode = code
        if code == .groupIdNotFound { group.errorMessage = "Group \(name.prefix(GroupLimits.nameBytes)) not found." }
        return group
    }

    private func describe(
        _ name: String,
        _ shards: GroupShards,
        _ broker: Broker
    ) -> ConsumerGroupDescribeResponse.Group {
        let id = GroupID(name)
        guard let shard = shards.shard(of: id) else { return refused(name, .coordinatorNotAvailable) }
        guard let membership = shard.look(at: id, { $0.membership }) else { return refused(name, .groupIdNotFound) }
        guard let consumer = membership.consumer else {
            var group = refused(name, .groupIdNotFound)
            group.errorMessage = "Group \(name) is not a consumer group."
            return group
        }
        let description = consumer.description(shard.environment.context(id).rules.consumer)
        let topics = broker.groups.topicsOfNow
        var group = ConsumerGroupDescribeResponse.Group()
        group.groupID = name
        group.groupState = description.state.rawValue
        group.groupEpoch = description.epoch.rawValue
        group.assignmentEpoch = description.assignmentEpoch.rawValue
        group.assignorName = description.assignor
        group.members = description.members.map { Self.member($0, topics) }
        if includeAuthorizedOperations { group.authorizedOperations = Operations.group }
        return group
    }

    private static func member(
        _ described: ConsumerGroupDescription.Member,
        _ topics: TopicView
    ) -> ConsumerGroupDescribeResponse.Member {
        let member = described.member
        var result = ConsumerGroupDescribeResponse.Member()
        result.memberID = member.id.rawValue
        result.instanceID = member.subscription.instanceID?.rawValue
        result.rackID = member.subscription.rackID
        result.memberEpoch = member.epoch.rawValue
        result.clientID = member.subscription.client.id
        result.clientHost = member.subscription.client.host
        result.subscribedTopicNames = member.subscription.topics
        result.subscribedTopicRegex = member.subscription.pattern
        result.assignment = assignment(member.current.assigned.partitions, topics)
        result.targetAssignment = assignment(described.target, topics)
        result.memberType = member.isClassic ? MemberType.classic : MemberType.consumer
        return result
    }

    private enum MemberType {
        static let classic: Int8 = 0
        static let consumer: Int8 = 1
    }

    /// Partitions of topics that are no more have no name, and are left out.
    private static func assignment(
        _ partitions: PartitionSet,
        _ topics: TopicView
    ) -> ConsumerGroupDescribeResponse.Assignment {
        var result = ConsumerGroupDescribeResponse.Assignment()
        result.topicPartitions = partitions.topics.compactMap { id, indexes in
            guard let topic = topics.topic(id) else { return nil }
            var part = ConsumerGroupDescribeResponse.TopicPartitions()
            part.topicID = id
            part.topicName = topic.name
            part.partitions = indexes.sorted()
            return part
        }
        result.topicPartitions.sort { $0.topicName < $1.topicName }
        return result
    }
}
