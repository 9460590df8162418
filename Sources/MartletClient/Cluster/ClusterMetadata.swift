import Model
import Wire

/// What is known of a cluster at one moment: its brokers, topics, partitions and their leaders. Immutable once shared.
struct ClusterMetadata: Equatable, Sendable {
    struct Node: Equatable, Sendable {
        let id: Int32
        let address: BrokerAddress
        let rack: String?
    }

    struct Partition: Equatable, Sendable {
        let index: Int32
        /// nil while the partition has none.
        let leader: Int32?
        let leaderEpoch: LeaderEpoch
        let replicas: [Int32]
        let inSyncReplicas: [Int32]
        let offlineReplicas: [Int32]
    }

    struct Topic: Equatable, Sendable {
        let name: String
        /// Zero if the broker is too old for topic ids (KIP-516).
        let id: TopicID
        let isInternal: Bool
        /// By index, ascending.
        let partitions: [Partition]
        let error: ErrorCode

        func partition(_ index: Int32) -> Partition? {
            let place = Int(index)
            if partitions.indices.contains(place), partitions[place].index == index { return partitions[place] }
            return partitions.first { $0.index == index }
        }
    }

    private(set) var clusterID: String?
    private(set) var controllerID: Int32?
    private(set) var nodes: [Int32: Node] = [:]
    private(set) var topics: [String: Topic] = [:]

    init() {}

    func leader(of partition: TopicPartition) -> Node? {
        topics[partition.topic]?.partition(partition.partition)?.leader.flatMap { nodes[$0] }
    }

    /// Takes over an answer: all brokers, and those topics that it speaks of.
    mutating func merge(_ response: MetadataResponse) {
        clusterID = response.clusterID ?? clusterID
        controllerID = response.controllerID >= 0 ? response.controllerID : nil
        nodes = [:]
        for broker in response.brokers {
            let address = BrokerAddress(host: broker.host, port: Int(broker.port))
            nodes[broker.nodeID] = Node(id: broker.nodeID, address: address, rack: broker.rack)
        }
        for topic in response.topics {
            guard let name = topic.name else { continue }
            topics[name] = Topic(topic, name: name, known: topics[name])
        }
    }

    mutating func forget(_ topic: String) { topics[topic] = nil }
}

extension ClusterMetadata.Topic {
    fileprivate init(_ answer: MetadataResponse.Topic, name: String, known: ClusterMetadata.Topic?) {
        self.name = name
        id = answer.topicID
        isInternal = answer.isInternal
        error = answer.errorCode
        partitions = answer.partitions.sorted { $0.index < $1.index }.map { partition in
            let new = ClusterMetadata.Partition(partition)
            // A broker that lags behind must not take us back to an older leader (KIP-320).
            guard let known, known.id == answer.topicID, let old = known.partition(new.index) else { return new }
            return new.leaderEpoch != .none && new.leaderEpoch < old.leaderEpoch ? old : new
        }
    }
}

extension ClusterMetadata.Partition {
    fileprivate init(_ answer: MetadataResponse.Partition) {
        index = answer.index
        leader = answer.leaderID >= 0 ? answer.leaderID : nil
        leaderEpoch = LeaderEpoch(answer.leaderEpoch)
        replicas = answer.replicaNodes
        inSyncReplicas = answer.isrNodes
        offlineReplicas = answer.offlineReplicas
    }
}
