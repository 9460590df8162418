import CommitLog
import Model
package import Wire

/// Metadata (key 3): the brokers, and topics with their partitions. Creates topics that are asked for and missing, as
/// Kafka does, if `auto.create.topics.enable` and the request allow it.
extension MetadataRequest: BrokerRequest {
    package func handle(_ call: Call<MetadataRequest>) {
        let missing = topicsToCreate(call)
        guard !missing.isEmpty else { return call.reply(response(call, failures: [:])) }
        call.broker.control.submit {
            var failures: [String: RequestError] = [:]
            for name in missing {
                do throws(RequestError) {
                    try call.broker.administration.createAutomatically(name)
                } catch {
                    failures[name] = error
                }
            }
            call.reply(response(call, failures: failures))
        }
    }

    private func topicsToCreate(_ call: Call<MetadataRequest>) -> [String] {
        // Before version 4 a client cannot say that it does not want topics created.
        guard call.version < 4 || allowAutoTopicCreation, call.broker.settings.autoCreateTopics else { return [] }
        let known = call.broker.topics.snapshot
        return (topics ?? []).compactMap(\.name).filter { name in
            known[name] == nil && TopicName.problem(with: name) == nil
        }
    }

    /// The topics asked for, each once: else a small request could ask for a response of any size.
    private var distinctTopics: [Topic]? {
        var names: Set<String> = []
        var ids: Set<TopicID> = []
        return topics?.filter { topic in
            topic.name.map { names.insert($0).inserted } ?? ids.insert(topic.topicID).inserted
        }
    }

    private func response(_ call: Call<MetadataRequest>, failures: [String: RequestError]) -> MetadataResponse {
        let broker = call.broker
        let endpoint = broker.endpoint(for: call.connection)
        var node = MetadataResponse.Broker()
        node.nodeID = broker.nodeID
        node.host = endpoint.host
        node.port = Int32(endpoint.port)
        node.rack = broker.settings.rack
        var response = MetadataResponse()
        response.brokers = [node]
        response.clusterID = broker.clusterID
        response.controllerID = broker.nodeID
        let known = broker.topics.snapshot
        if let asked = distinctTopics, !(asked.isEmpty && call.version == 0) {
            response.topics = asked.map { describe($0, known, broker.nodeID, version: call.version, failures) }
        } else {
            response.topics = known.sorted.map { describe($0, broker.nodeID) }
        }
        if includeClusterAuthorizedOperations { response.clusterAuthorizedOperations = Operations.cluster }
        return response
    }

    private func describe(
        _ asked: Topic,
        _ known: Topics,
        _ nodeID: Int32,
        version: Int16,
        _ failures: [String: RequestError]
    ) -> MetadataResponse.Topic {
        var result = MetadataResponse.Topic()
        guard let name = asked.name else {
            if let topic = known[asked.topicID] { return describe(topic, nodeID) }
            result.topicID = asked.topicID
            result.name = version < 12 ? "" : nil
            result.errorCode = .unknownTopicId
            return result
        }
        if let topic = known[name] { return describe(topic, nodeID) }
        result.name = name
        if TopicName.problem(with: name) != nil {
            result.errorCode = .invalidTopicException
        } else {
            result.errorCode = failures[name]?.code ?? .unknownTopicOrPartition
        }
        return result
    }

    private func describe(_ topic: HostedTopic, _ nodeID: Int32) -> MetadataResponse.Topic {
        var result = MetadataResponse.Topic()
        result.name = topic.name
        result.topicID = topic.id
        result.isInternal = topic.isInternal
        if includeTopicAuthorizedOperations { result.topicAuthorizedOperations = Operations.topic }
        result.partitions = topic.partitions.map { partition in
            var entry = MetadataResponse.Partition()
            entry.index = partition.index
            entry.replicaNodes = partition.replicas
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
