import Model

/// A topic as the cluster describes it. Immutable.
public struct TopicDescription: Equatable, Sendable {
    /// One of its partitions.
    public struct Partition: Equatable, Sendable {
        /// The number, from 0.
        public let index: Int32
        /// The broker that leads it; nil if none does at the moment.
        public let leader: Int32?
        /// Counts its leaders (KIP-101); −1 if the broker does not say.
        public let leaderEpoch: Int32
        /// The brokers that hold it.
        public let replicas: [Int32]
        /// Those of them that have all records.
        public let inSyncReplicas: [Int32]
    }

    /// The name.
    public let name: String
    /// The id, 22 characters of URL-safe base 64 (KIP-516); nil if the broker is too old to say.
    public let id: String?
    /// Whether it holds the cluster's own state.
    public let isInternal: Bool
    /// The partitions by number.
    public let partitions: [Partition]

    init(_ topic: ClusterMetadata.Topic) {
        name = topic.name
        id = topic.id == .zero ? nil : topic.id.description
        isInternal = topic.isInternal
        partitions = topic.partitions.map { partition in
            Partition(
                index: partition.index,
                leader: partition.leader,
                leaderEpoch: partition.leaderEpoch.rawValue,
                replicas: partition.replicas,
                inSyncReplicas: partition.inSyncReplicas
            )
        }
    }
}

/// A topic to be created. A value.
public struct NewTopic: Equatable, Sendable {
    /// The name: up to 249 letters, digits, dots, underscores and dashes.
    public var name: String
    /// How many partitions; nil takes the broker's `num.partitions` (KIP-464).
    public var partitions: Int32?
    /// On how many brokers each record is kept; nil takes the broker's `default.replication.factor` (KIP-464).
    public var replicationFactor: Int16?
    /// Configurations that differ from the broker's, by Kafka's names.
    public var configs: [String: String]

    /// A topic.
    public init(
        name: String,
        partitions: Int32? = nil,
        replicationFactor: Int16? = nil,
        configs: [String: String] = [:]
    ) {
        self.name = name
        self.partitions = partitions
        self.replicationFactor = replicationFactor
        self.configs = configs
    }
}

/// What was created. Immutable.
public struct CreatedTopic: Equatable, Sendable {
    /// The name.
    public let name: String
    /// The id (KIP-516); nil if the broker is too old to say.
    public let id: String?
    /// How many partitions it has; nil if the broker is too old to say (KIP-525).
    public let partitions: Int32?
    /// On how many brokers each record is kept; nil if the broker is too old to say (KIP-525).
    public let replicationFactor: Int16?

    /// A topic as it was created.
    public init(name: String, id: String?, partitions: Int32?, replicationFactor: Int16?) {
        self.name = name
        self.id = id
        self.partitions = partitions
        self.replicationFactor = replicationFactor
    }
}

/// A cluster as it describes itself. Immutable.
public struct ClusterDescription: Equatable, Sendable {
    /// One of its brokers.
    public struct Broker: Equatable, Sendable {
        /// The id.
        public let id: Int32
        /// Where it says that clients reach it.
        public let address: BrokerAddress
        /// Its rack, if it has one.
        public let rack: String?
    }

    /// The cluster's id.
    public let id: String?
    /// The broker that is the controller, or passes on to it; nil if unknown.
    public let controller: Int32?
    /// The brokers by id.
    public let brokers: [Broker]
}
