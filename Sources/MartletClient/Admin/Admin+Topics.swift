import Model
import Wire

extension Admin {
    /// All topics, by name.
    ///
    /// - Parameter includingInternal: Whether to include those that hold the cluster's own state.
    public func listTopics(includingInternal: Bool = false) async throws(ClientError) -> [TopicDescription] {
        let response = try await cluster.ask(for: nil)
        let names = Set(response.topics.compactMap(\.name))
        return cluster.metadata.topics.values
            .filter { names.contains($0.name) && (includingInternal || !$0.isInternal) }
            .map(TopicDescription.init)
            .sorted { $0.name < $1.name }
    }

    /// One topic with its partitions. Throws ``ClientError`` named `UNKNOWN_TOPIC_OR_PARTITION` if there is none.
    public func describeTopic(_ name: String) async throws(ClientError) -> TopicDescription {
        try await retrying { () async throws(ClientError) -> TopicDescription in
            _ = try await self.cluster.ask(for: [name])
            guard let topic = self.cluster.metadata.topics[name] else { throw Self.missing("topic '\(name)'") }
            try Self.check(topic.error, "topic '\(name)'")
            return TopicDescription(topic)
        }
    }

    /// Creates a topic (KIP-4).
    ///
    /// - Parameter validateOnly: Whether to check only whether it could be created.
    ///
    /// Throws ``ClientError`` named `TOPIC_ALREADY_EXISTS`, `INVALID_TOPIC_EXCEPTION`, `INVALID_PARTITIONS`,
    /// `INVALID_REPLICATION_FACTOR`, `INVALID_CONFIG` or `POLICY_VIOLATION`, among others.
    public func createTopic(_ topic: NewTopic, validateOnly: Bool = false) async throws(ClientError) -> CreatedTopic {
        var request = CreateTopicsRequest()
        request.timeoutMilliseconds = timeoutMilliseconds
        request.validateOnly = validateOnly
        var item = CreateTopicsRequest.Topic()
        item.name = topic.name
        item.partitionCount = topic.partitions ?? -1
        item.replicationFactor = topic.replicationFactor ?? -1
        item.configs = topic.configs.sorted { $0.key < $1.key }.map { name, value in
            var config = CreateTopicsRequest.Config()
            config.name = name
            config.value = value
            return config
        }
        request.topics = [item]
        let context = "topic '\(topic.name)'"
        return try await send(request) { response throws(ClientError) in
            guard let answer = response.topics.first else { throw Self.missing(context) }
            try Self.check(answer.errorCode, context, answer.errorMessage)
            return CreatedTopic(
                name: topic.name,
                id: answer.topicID == .zero ? nil : answer.topicID.description,
                partitions: answer.partitionCount > 0 ? answer.partitionCount : topic.partitions,
                replicationFactor: answer.replicationFactor > 0 ? answer.replicationFactor : topic.replicationFactor
            )
        }
    }

    /// Deletes a topic with all its records (KIP-4). Throws ``ClientError`` named `UNKNOWN_TOPIC_OR_PARTITION` if there
    /// is none.
    public func deleteTopic(_ name: String) async throws(ClientError) {
        var request = DeleteTopicsRequest()
        request.timeoutMilliseconds = timeoutMilliseconds
        request.topicNames = [name]
        var topic = DeleteTopicsRequest.Topic()
        topic.name = name
        request.topics = [topic]
        try await send(request) { response throws(ClientError) in
            guard let answer = response.topics.first else { throw Self.missing("topic '\(name)'") }
            try Self.check(answer.errorCode, "topic '\(name)'", answer.errorMessage)
        }
        await cluster.forget(name)
    }

    /// Raises a topic's number of partitions (KIP-195). Keys then go to other partitions than before, for those that
    /// hash differently.
    ///
    /// - Parameter count: How many partitions it has afterwards.
    public func addPartitions(topic name: String, upTo count: Int32) async throws(ClientError) {
        var request = CreatePartitionsRequest()
        request.timeoutMilliseconds = timeoutMilliseconds
        var topic = CreatePartitionsRequest.Topic()
        topic.name = name
        topic.partitionCount = count
        request.topics = [topic]
        try await send(request) { response throws(ClientError) in
            guard let answer = response.topics.first else { throw Self.missing("topic '\(name)'") }
            try Self.check(answer.errorCode, "topic '\(name)'", answer.errorMessage)
        }
    }

    /// The cluster and its brokers.
    public func describeCluster() async throws(ClientError) -> ClusterDescription {
        _ = try await cluster.ask(for: [])
        let metadata = cluster.metadata
        return ClusterDescription(
            id: metadata.clusterID,
            controller: metadata.controllerID,
            brokers: metadata.nodes.values.sorted { $0.id < $1.id }.map { node in
                ClusterDescription.Broker(id: node.id, address: node.address, rack: node.rack)
            }
        )
    }
}
