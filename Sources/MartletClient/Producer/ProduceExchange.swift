import Model
import NIOCore
import Wire

/// One Produce request and how its answer maps back to the batches in it. Immutable.
struct ProduceExchange: Sendable {
    let batches: [TopicPartition: ProducerBatch]
    private let topics: [(name: String, id: TopicID, partitions: [ProduceRequest.Partition])]
    private let configuration: ProducerConfiguration

    init(
        _ encoded: [(batch: ProducerBatch, bytes: ByteBuffer)],
        metadata: ClusterMetadata,
        configuration: ProducerConfiguration
    ) {
        self.configuration = configuration
        batches = Dictionary(encoded.map { ($0.batch.partition, $0.batch) }, uniquingKeysWith: { first, _ in first })
        var byTopic: [String: [ProduceRequest.Partition]] = [:]
        for (batch, bytes) in encoded {
            var partition = ProduceRequest.Partition()
            partition.index = batch.partition.partition
            partition.records = .bytes(bytes)
            byTopic[batch.partition.topic, default: []].append(partition)
        }
        topics = byTopic.map { ($0.key, metadata.topics[$0.key]?.id ?? .zero, $0.value) }
    }

    /// From this version on topics go by their ids only (KIP-516).
    private static let firstVersionWithIDs: Int16 = 13

    func start(on connection: BrokerConnection) throws(ClientError) -> SentRequest<ProduceRequest> {
        let hasIDs = topics.allSatisfy { $0.id != .zero }
        let version = try connection.versions.version(
            for: ProduceRequest.api,
            atMost: hasIDs ? .max : Self.firstVersionWithIDs - 1
        )
        var request = ProduceRequest()
        switch configuration.acknowledgement {
        case .none: request.acks = 0
        case .leader: request.acks = 1
        case .all: request.acks = -1
        }
        let timeout = configuration.client.requestTimeout
        request.timeoutMilliseconds = Int32(clamping: timeout.wholeNanoseconds / 1_000_000)
        request.topics = topics.map { name, id, partitions in
            var topic = ProduceRequest.Topic()
            topic.name = name
            topic.topicID = id
            topic.partitions = partitions
            return topic
        }
        return try connection.start(
            request,
            version: version,
            isAnswered: configuration.acknowledgement != .none
        )
    }

    /// The answer for each partition, by name.
    func answers(in response: ProduceResponse) -> [(TopicPartition, ProduceResponse.Partition)] {
        let names = Dictionary(topics.map { ($0.id, $0.name) }, uniquingKeysWith: { first, _ in first })
        return response.topics.flatMap { topic in
            let name = topic.name.isEmpty ? names[topic.topicID] ?? "" : topic.name
            return topic.partitions.map { (TopicPartition(name, $0.index), $0) }
        }
    }
}
