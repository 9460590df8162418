package import Model

/// Metadata (key 3): the brokers of the cluster, and topics with the leaders of their partitions.
///
/// - 1: null instead of an empty array asks for all topics; racks, the controller, and which topics are internal.
/// - 2: the cluster's id.
/// - 3: the throttle time.
/// - 4: the client may forbid that topics are created by asking for them.
/// - 5: replicas that are offline (KIP-112).
/// - 6: throttling happens after the response (KIP-219).
/// - 7: leader epochs (KIP-320).
/// - 8: which operations the client is allowed (KIP-430).
/// - 9: flexible.
/// - 10: the ids of topics (KIP-516).
/// - 11: allowed operations on the cluster are left to DescribeCluster (KIP-700).
/// - 12: topics may be asked for by id.
/// - 13: an error for the whole response, to send clients back to their bootstrap servers (KIP-1102).
package struct MetadataRequest: WireRequest {
    package typealias Response = MetadataResponse
    package static let api = API(.metadata, "Metadata", versions: 0...13, flexibleFrom: 9)

    /// The topics asked for; null means all. Version 0 has no null and means all by an empty array.
    package var topics: [Topic]?
    package var allowAutoTopicCreation = true
    package var includeClusterAuthorizedOperations = false
    package var includeTopicAuthorizedOperations = false

    package init() {}

    package mutating func code(_ wire: inout WireCoder) throws(WireError) {
        try wire.nullableArray("Topics", &topics, from: 1)
        if wire.version >= 4 { try wire.bool("AllowAutoTopicCreation", &allowAutoTopicCreation) }
        if (8...10).contains(wire.version) {
            try wire.bool("IncludeClusterAuthorizedOperations", &includeClusterAuthorizedOperations)
        }
        if wire.version >= 8 { try wire.bool("IncludeTopicAuthorizedOperations", &includeTopicAuthorizedOperations) }
        try wire.taggedFields()
    }

    package struct Topic: WireStruct {
        package var topicID = TopicID.zero
        package var name: String?

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            if wire.version >= 10 { try wire.uuid("TopicId", &topicID) }
            try wire.nullableString("Name", &name, from: 10)
            try wire.taggedFields()
        }
    }
}

/// The state of the cluster and of the topics a ``MetadataRequest`` asked for.
package struct MetadataResponse: WireStruct {
    package var throttleTimeMilliseconds: Int32 = 0
    package var brokers: [Broker] = []
    package var clusterID: String?
    package var controllerID: Int32 = -1
    package var topics: [Topic] = []
    /// A bit for each operation that is allowed; the minimum means "not asked for".
    package var clusterAuthorizedOperations: Int32 = .min
    package var errorCode = ErrorCode.none

    package init() {}

    package mutating func code(_ wire: inout WireCoder) throws(WireError) {
        if wire.version >= 3 { try wire.int32("ThrottleTimeMs", &throttleTimeMilliseconds) }
        try wire.array("Brokers", &brokers)
        if wire.version >= 2 { try wire.nullableString("ClusterId", &clusterID) }
        if wire.version >= 1 { try wire.int32("ControllerId", &controllerID) }
        try wire.array("Topics", &topics)
        if (8...10).contains(wire.version) {
            try wire.int32("ClusterAuthorizedOperations", &clusterAuthorizedOperations)
        }
        if wire.version >= 13 { try wire.errorCode("ErrorCode", &errorCode) }
        try wire.taggedFields()
    }

    package struct Broker: WireStruct {
        package var nodeID: Int32 = 0
        package var host = ""
        package var port: Int32 = 0
        package var rack: String?

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.int32("NodeId", &nodeID)
            try wire.string("Host", &host)
            try wire.int32("Port", &port)
            if wire.version >= 1 { try wire.nullableString("Rack", &rack) }
            try wire.taggedFields()
        }
    }

    package struct Topic: WireStruct {
        package var errorCode = ErrorCode.none
        package var name: String?
        package var topicID = TopicID.zero
        package var isInternal = false
        package var partitions: [Partition] = []
        /// A bit for each operation that is allowed; the minimum means "not asked for".
        package var topicAuthorizedOperations: Int32 = .min

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.errorCode("ErrorCode", &errorCode)
            try wire.nullableString("Name", &name, from: 12)
            if wire.version >= 10 { try wire.uuid("TopicId", &topicID) }
            if wire.version >= 1 { try wire.bool("IsInternal", &isInternal) }
            try wire.array("Partitions", &partitions)
            if wire.version >= 8 { try wire.int32("TopicAuthorizedOperations", &topicAuthorizedOperations) }
            try wire.taggedFields()
        }
    }

    package struct Partition: WireStruct {
        package var errorCode = ErrorCode.none
        package var index: Int32 = 0
        package var leaderID: Int32 = 0
        package var leaderEpoch: Int32 = -1
        package var replicaNodes: [Int32] = []
        package var isrNodes: [Int32] = []
        package var offlineReplicas: [Int32] = []

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.errorCode("ErrorCode", &errorCode)
            try wire.int32("PartitionIndex", &index)
            try wire.int32("LeaderId", &leaderID)
            if wire.version >= 7 { try wire.int32("LeaderEpoch", &leaderEpoch) }
            try wire.int32s("ReplicaNodes", &replicaNodes)
            try wire.int32s("IsrNodes", &isrNodes)
            if wire.version >= 5 { try wire.int32s("OfflineReplicas", &offlineReplicas) }
            try wire.taggedFields()
        }
    }
}
