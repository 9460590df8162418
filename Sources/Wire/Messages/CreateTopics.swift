package import Model

/// CreateTopics (key 19): creates topics, or says whether they could be created.
///
/// - 2: the throttle time.
/// - 3: throttling happens after the response (KIP-219).
/// - 4: partitions and replication factor may be left to the broker (KIP-464).
/// - 5: flexible; the response tells the new topic's configs (KIP-525).
/// - 6: the answer may be THROTTLING_QUOTA_EXCEEDED (KIP-599).
/// - 7: the response tells the new topic's id (KIP-516).
package struct CreateTopicsRequest: WireRequest {
    package typealias Response = CreateTopicsResponse
    package static let api = API(.createTopics, "CreateTopics", versions: 2...7, flexibleFrom: 5)

    package var topics: [Topic] = []
    package var timeoutMilliseconds: Int32 = 60_000
    package var validateOnly = false

    package init() {}

    package mutating func code(_ wire: inout WireCoder) throws(WireError) {
        try wire.array("Topics", &topics)
        try wire.int32("timeoutMs", &timeoutMilliseconds)
        try wire.bool("validateOnly", &validateOnly)
        try wire.taggedFields()
    }

    package struct Topic: WireStruct {
        package var name = ""
        /// −1 takes the broker's default, or is due to `assignments`.
        package var partitionCount: Int32 = 0
        /// −1 takes the broker's default, or is due to `assignments`.
        package var replicationFactor: Int16 = 0
        /// The replicas of each partition; empty lets the broker choose.
        package var assignments: [Assignment] = []
        package var configs: [Config] = []

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.string("Name", &name)
            try wire.int32("NumPartitions", &partitionCount)
            try wire.int16("ReplicationFactor", &replicationFactor)
            try wire.array("Assignments", &assignments)
            try wire.array("Configs", &configs)
            try wire.taggedFields()
        }
    }

    /// The replicas of one partition, the leader first.
    package struct Assignment: WireStruct {
        package var index: Int32 = 0
        package var brokerIDs: [Int32] = []

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.int32("PartitionIndex", &index)
            try wire.int32s("BrokerIds", &brokerIDs)
            try wire.taggedFields()
        }
    }

    package struct Config: WireStruct {
        package var name = ""
        package var value: String?

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.string("Name", &name)
            try wire.nullableString("Value", &value)
            try wire.taggedFields()
        }
    }
}

/// What became of each topic of a ``CreateTopicsRequest``.
package struct CreateTopicsResponse: WireStruct {
    package var throttleTimeMilliseconds: Int32 = 0
    package var topics: [Topic] = []

    package init() {}

    package mutating func code(_ wire: inout WireCoder) throws(WireError) {
        try wire.int32("ThrottleTimeMs", &throttleTimeMilliseconds)
        try wire.array("Topics", &topics)
        try wire.taggedFields()
    }

    package struct Topic: WireStruct {
        package var name = ""
        package var topicID = TopicID.zero
        package var errorCode = ErrorCode.none
        package var errorMessage: String?
        /// Why `configs` is null, if it is.
        package var topicConfigErrorCode = ErrorCode.none
        package var partitionCount: Int32 = -1
        package var replicationFactor: Int16 = -1
        package var configs: [Config]?

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.string("Name", &name)
            if wire.version >= 7 { try wire.uuid("TopicId", &topicID) }
            try wire.errorCode("ErrorCode", &errorCode)
            try wire.nullableString("ErrorMessage", &errorMessage)
            if wire.version >= 5 { try wire.int32("NumPartitions", &partitionCount) }
            if wire.version >= 5 { try wire.int16("ReplicationFactor", &replicationFactor) }
            if wire.version >= 5 { try wire.nullableArray("Configs", &configs) }
            let known: TagSet = .tag(0)
            let present: TagSet = .tag(0, if: topicConfigErrorCode != .none)
            try wire.taggedFields(known: known, present: present) { (_, wire) throws(WireError) in
                try wire.errorCode("TopicConfigErrorCode", &topicConfigErrorCode)
            }
        }
    }

    package struct Config: WireStruct {
        package var name = ""
        package var value: String?
        package var isReadOnly = false
        /// Numbered as in DescribeConfigs.
        package var source: Int8 = -1
        package var isSensitive = false

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.string("Name", &name)
            try wire.nullableString("Value", &value)
            try wire.bool("ReadOnly", &isReadOnly)
            try wire.int8("ConfigSource", &source)
            try wire.bool("IsSensitive", &isSensitive)
            try wire.taggedFields()
        }
    }
}
