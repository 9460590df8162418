package import Model

/// DescribeTopicPartitions (key 75): topics and their partitions, page by page (KIP-966). Flexible in its only version.
package struct DescribeTopicPartitionsRequest: WireRequest {
    package typealias Response = DescribeTopicPartitionsResponse
    package static let api = API(.describeTopicPartitions, "DescribeTopicPartitions", versions: 0...0, flexibleFrom: 0)

    package var topics: [Topic] = []
    package var responsePartitionLimit: Int32 = 2_000
    /// Where to go on; null starts with the first topic.
    package var cursor: Cursor?

    package init() {}

    package mutating func code(_ wire: inout WireCoder) throws(WireError) {
        try wire.array("Topics", &topics)
        try wire.int32("ResponsePartitionLimit", &responsePartitionLimit)
        try wire.nullableStructure("Cursor", &cursor)
        try wire.taggedFields()
    }

    package struct Topic: WireStruct {
        package var name = ""

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.string("Name", &name)
            try wire.taggedFields()
        }
    }

    /// A place in the list of all partitions of all topics.
    package struct Cursor: WireStruct {
        package var topicName = ""
        package var partitionIndex: Int32 = 0

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.string("TopicName", &topicName)
            try wire.int32("PartitionIndex", &partitionIndex)
            try wire.taggedFields()
        }
    }
}

/// One page of partitions.
package struct DescribeTopicPartitionsResponse: WireStruct {
    package var throttleTimeMilliseconds: Int32 = 0
    package var topics: [Topic] = []
    /// Where the next request goes on; null if this was all.
    package var nextCursor: DescribeTopicPartitionsRequest.Cursor?

    package init() {}

    package mutating func code(_ wire: inout WireCoder) throws(WireError) {
        try wire.int32("ThrottleTimeMs", &throttleTimeMilliseconds)
        try wire.array("Topics", &topics)
        try wire.nullableStructure("NextCursor", &nextCursor)
        try wire.taggedFields()
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
            try wire.nullableString("Name", &name)
            try wire.uuid("TopicId", &topicID)
            try wire.bool("IsInternal", &isInternal)
            try wire.array("Partitions", &partitions)
            try wire.int32("TopicAuthorizedOperations", &topicAuthorizedOperations)
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
        package var eligibleLeaderReplicas: [Int32]?
        package var lastKnownEligibleLeaderReplicas: [Int32]?
        package var offlineReplicas: [Int32] = []

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.errorCode("ErrorCode", &errorCode)
            try wire.int32("PartitionIndex", &index)
            try wire.int32("LeaderId", &leaderID)
            try wire.int32("LeaderEpoch", &leaderEpoch)
            try wire.int32s("ReplicaNodes", &replicaNodes)
            try wire.int32s("IsrNodes", &isrNodes)
            try wire.nullableInt32s("EligibleLeaderReplicas", &eligibleLeaderReplicas)
            try wire.nullableInt32s("LastKnownElr", &lastKnownEligibleLeaderReplicas)
            try wire.int32s("OfflineReplicas", &offlineReplicas)
            try wire.taggedFields()
        }
    }
}
