import CommitLog
import Model
package import Wire

/// DescribeTopicPartitions (key 75): topics and partitions page by page (KIP-966).
extension DescribeTopicPartitionsRequest: BrokerRequest {
    package func handle(_ call: Call<DescribeTopicPartitionsRequest>) {
        let known = call.broker.topics.snapshot
        let wanted = topics.isEmpty ? known.sorted.map(\.name) : Set(topics.map(\.name)).sorted()
        var room = max(1, min(Int(responsePartitionLimit), call.broker.settings.maxRequestPartitions))
        var response = DescribeTopicPartitionsResponse()
        for name in wanted {
            // Pages are in the order of names; the cursor is the first partition that was left out.
            if let cursor, name < cursor.topicName { continue }
            let first = cursor?.topicName == name ? max(0, cursor?.partitionIndex ?? 0) : 0
            guard let topic = known[name] else {
                response.topics.append(missing(name))
                continue
            }
            let rest = topic.partitions.dropFirst(Int(first))
            if room == 0 {
                response.nextCursor = Cursor(name, first)
                break
            }
            response.topics.append(describe(topic, rest.prefix(room), call.broker.nodeID))
            if rest.count > room {
                response.nextCursor = Cursor(name, first + Int32(room))
                break
            }
            room -= rest.count
        }
        call.reply(response)
    }

    private func missing(_ name: String) -> DescribeTopicPartitionsResponse.Topic {
        var result = DescribeTopicPartitionsResponse.Topic()
        result.name = name
        result.errorCode = TopicName.problem(with: name) == nil ? .unknownTopicOrPartition : .invalidTopicException
        return result
    }

    private func describe(
        _ topic: HostedTopic,
        _ partitions: some Sequence<HostedPartition>,
        _ nodeID: Int32
    ) -> DescribeTopicPartitionsResponse.Topic {
        var result = DescribeTopicPartitionsResponse.Topic()
        result.name = topic.name
        result.topicID = topic.id
        result.isInternal = topic.isInternal
        result.topicAuthorizedOperations = Operations.topic
        result.partitions = partitions.map { partition in
            var entry = DescribeTopicPartitionsResponse.Partition()
            entry.index = partition.index
            entry.replicaNodes = partition.replicas
            entry.eligibleLeaderReplicas = []
            entry.lastKnownEligibleLeaderReplicas = []
            if let log = partition.readable {
                entry.leaderID = nodeID
                entry.leaderEpoch = log.offsets.leaderEpoch.rawValue
                entry.isrNodes = partition.replicas
            } else {
                entry.errorCode = .leaderNotAvailable
                entry.leaderID = -1
                if partition.isOffline { entry.offlineReplicas = partition.replicas }
            }
            return entry
        }
        return result
    }
}

extension DescribeTopicPartitionsRequest.Cursor {
    init(_ topicName: String, _ partitionIndex: Int32) {
        self.init()
        self.topicName = topicName
        self.partitionIndex = partitionIndex
    }
}
