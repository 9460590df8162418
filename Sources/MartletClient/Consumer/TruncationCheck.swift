import Model
import Wire

/// Finds out whether a partition's log was cut back behind a reader's position when another broker became its leader
/// (KIP-320): the records it has read may be gone then, and others be in their place. Stateless.
enum TruncationCheck {
    /// The last version of OffsetForLeaderEpoch that all brokers with it have, and the role of a consumer in it.
    private static let consumer: Int32 = -1

    /// What a leader says about positions.
    struct Finding: Equatable {
        let item: FetchPlan.Item
        /// Where the log parts from what was read; nil if it does not.
        let end: Int64?
        let error: ErrorCode
    }

    /// Whether the broker can be asked at all.
    static func isSupported(_ connection: BrokerConnection) -> Bool {
        connection.versions.supports(OffsetForLeaderEpochRequest.api)
    }

    /// Asks the partitions' leader where the epochs of the records that were read last end.
    static func ask(
        _ items: [FetchPlan.Item],
        _ metadata: ClusterMetadata,
        _ connection: BrokerConnection
    ) async throws(ClientError) -> [Finding] {
        var request = OffsetForLeaderEpochRequest()
        request.replicaID = consumer
        for (name, part) in Dictionary(grouping: items, by: \.partition.topic).sorted(by: { $0.key < $1.key }) {
            var topic = OffsetForLeaderEpochRequest.Topic()
            topic.name = name
            topic.partitions = part.map { item in
                var partition = OffsetForLeaderEpochRequest.Partition()
                partition.index = item.partition.partition
                partition.currentLeaderEpoch = metadata.leaderEpoch(of: item.partition)
                partition.leaderEpoch = item.lastEpoch
                return partition
            }
            request.topics.append(topic)
        }
        let response = try await connection.send(request)
        let asked = Dictionary(items.map { ($0.partition, $0) }, uniquingKeysWith: { first, _ in first })
        return response.topics.flatMap { topic in
            topic.partitions.compactMap { answer in
                asked[TopicPartition(topic.name, answer.index)].map { finding($0, answer) }
            }
        }
    }

    static func finding(_ item: FetchPlan.Item, _ answer: OffsetForLeaderEpochResponse.Partition) -> Finding {
        // Without an end the leader knows nothing of the epoch, which says nothing.
        let isCut = !answer.errorCode.isError && answer.endOffset >= 0 && answer.endOffset < item.offset
        return Finding(item: item, end: isCut ? answer.endOffset : nil, error: answer.errorCode)
    }
}
