package import Model
package import NIOCore
package import Wire

/// Requests that many tests begin with.
extension FakeConnection {
    /// Creates a topic with the broker's defaults but for what is said.
    @discardableResult
    package func createTopic(
        _ name: String,
        partitions: Int32 = 1,
        configs: [String: String] = [:]
    ) throws -> TopicID {
        var topic = CreateTopicsRequest.Topic()
        topic.name = name
        topic.partitionCount = partitions
        topic.replicationFactor = -1
        topic.configs = configs.sorted { $0.key < $1.key }.map { key, value in
            var config = CreateTopicsRequest.Config()
            config.name = key
            config.value = value
            return config
        }
        var request = CreateTopicsRequest()
        request.topics = [topic]
        guard let result = try send(request).topics.first, !result.errorCode.isError else {
            throw UnexpectedAnswer("the topic \(name) cannot be created")
        }
        return result.topicID
    }

    /// Deletes a topic.
    package func deleteTopic(_ name: String) throws {
        var topic = DeleteTopicsRequest.Topic()
        topic.name = name
        var request = DeleteTopicsRequest()
        request.topics = [topic]
        guard let result = try send(request).topics.first, !result.errorCode.isError else {
            throw UnexpectedAnswer("the topic \(name) cannot be deleted")
        }
    }

    /// Appends a batch and expects that to succeed. Returns its first offset.
    @discardableResult
    package func append(_ batch: Batch = Batch(), to topic: String, _ partition: Int32 = 0) throws -> Int64 {
        let request = try ProduceRequest.single(topic, partition, batch.bytes)
        let result = try send(request, version: 12).topics.first?.partitions.first
        guard let result, !result.errorCode.isError else {
            throw UnexpectedAnswer("cannot append to \(topic)-\(partition): \(result?.errorMessage ?? "")")
        }
        return result.baseOffset
    }

    /// Sends a Produce request that names its topics by name.
    package func produce(_ request: ProduceRequest, version: Int16 = 12) throws -> ProduceResponse {
        try send(request, version: version)
    }

    /// Sends a Fetch request that names its topics by name, and waits for its response.
    package func fetch(_ request: FetchRequest, version: Int16 = 12) throws -> FetchResponse {
        try send(request, version: version)
    }

    /// Sends a Fetch request that names its topics by name, and does not wait.
    package func beginFetch(_ request: FetchRequest, version: Int16 = 12) throws -> PendingResponse<FetchRequest> {
        try begin(request, version: version)
    }

    /// What Metadata says about a topic; does not create it.
    package func metadata(of topic: String) throws -> MetadataResponse.Topic {
        var asked = MetadataRequest.Topic()
        asked.name = topic
        var request = MetadataRequest()
        request.topics = [asked]
        request.allowAutoTopicCreation = false
        guard let found = try send(request).topics.first else {
            throw UnexpectedAnswer("Metadata does not mention \(topic)")
        }
        return found
    }
}

extension ProduceRequest {
    /// A request with one batch for a topic named by name: versions up to 12.
    package static func single(
        _ topic: String,
        _ partition: Int32 = 0,
        _ batch: ByteBuffer,
        acks: Int16 = -1
    ) -> ProduceRequest {
        var entry = Partition()
        entry.index = partition
        entry.records = .bytes(batch)
        var named = Topic()
        named.name = topic
        named.partitions = [entry]
        var request = ProduceRequest()
        request.acks = acks
        request.timeoutMilliseconds = 30_000
        request.topics = [named]
        return request
    }
}
