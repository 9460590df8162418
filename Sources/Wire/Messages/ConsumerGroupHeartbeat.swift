package import Model

/// ConsumerGroupHeartbeat (key 68): a member of a consumer group joins, stays, says what it holds, or leaves (KIP-848).
///
/// - 1: regular expressions; the client makes up the member's id (KIP-1082).
package struct ConsumerGroupHeartbeatRequest: WireRequest {
    package typealias Response = ConsumerGroupHeartbeatResponse
    package static let api = API(.consumerGroupHeartbeat, "ConsumerGroupHeartbeat", versions: 0...1, flexibleFrom: 0)

    package var groupID = ""
    package var memberID = ""
    /// 0 joins, −1 leaves, −2 leaves as a static member that will be back.
    package var memberEpoch: Int32 = 0
    package var instanceID: String?
    package var rackID: String?
    /// −1 if it has not changed.
    package var rebalanceTimeoutMilliseconds: Int32 = -1
    /// Null if they have not changed.
    package var subscribedTopicNames: [String]?
    /// Null if it has not changed. Versions 1 and up.
    package var subscribedTopicRegex: String?
    package var serverAssignor: String?
    /// What the member holds; null if that has not changed.
    package var topicPartitions: [ConsumerGroupTopicPartitions]?

    package init() {}

    package mutating func code(_ wire: inout WireCoder) throws(WireError) {
        try wire.string("GroupId", &groupID)
        try wire.string("MemberId", &memberID)
        try wire.int32("MemberEpoch", &memberEpoch)
        try wire.nullableString("InstanceId", &instanceID)
        try wire.nullableString("RackId", &rackID)
        try wire.int32("RebalanceTimeoutMs", &rebalanceTimeoutMilliseconds)
        try wire.nullableStrings("SubscribedTopicNames", &subscribedTopicNames)
        if wire.version >= 1 { try wire.nullableString("SubscribedTopicRegex", &subscribedTopicRegex) }
        try wire.nullableString("ServerAssignor", &serverAssignor)
        try wire.nullableArray("TopicPartitions", &topicPartitions)
        try wire.taggedFields()
    }
}

/// The answer to a ``ConsumerGroupHeartbeatRequest``.
package struct ConsumerGroupHeartbeatResponse: WireStruct {
    package var throttleTimeMilliseconds: Int32 = 0
    package var errorCode = ErrorCode.none
    package var errorMessage: String?
    package var memberID: String?
    package var memberEpoch: Int32 = 0
    package var heartbeatIntervalMilliseconds: Int32 = 0
    /// What the member may hold; null if it is not told anew.
    package var assignment: Assignment?

    package init() {}

    package mutating func code(_ wire: inout WireCoder) throws(WireError) {
        try wire.int32("ThrottleTimeMs", &throttleTimeMilliseconds)
        try wire.errorCode("ErrorCode", &errorCode)
        try wire.nullableString("ErrorMessage", &errorMessage)
        try wire.nullableString("MemberId", &memberID)
        try wire.int32("MemberEpoch", &memberEpoch)
        try wire.int32("HeartbeatIntervalMs", &heartbeatIntervalMilliseconds)
        try wire.nullableStructure("Assignment", &assignment)
        try wire.taggedFields()
    }

    package struct Assignment: WireStruct {
        package var topicPartitions: [ConsumerGroupTopicPartitions] = []

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.array("TopicPartitions", &topicPartitions)
            try wire.taggedFields()
        }
    }
}

/// Partitions of a topic, by its id.
package struct ConsumerGroupTopicPartitions: WireStruct {
    package var topicID = TopicID.zero
    package var partitions: [Int32] = []

    package init() {}

    package mutating func code(_ wire: inout WireCoder) throws(WireError) {
        try wire.uuid("TopicId", &topicID)
        try wire.int32s("Partitions", &partitions)
        try wire.taggedFields()
    }
}
