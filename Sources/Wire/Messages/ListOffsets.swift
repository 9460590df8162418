package import Model

/// ListOffsets (key 2): the start, the end, or the first offset at or after a time, of partitions.
///
/// - 1: one offset per partition, with its timestamp (KIP-79).
/// - 2: isolation levels (KIP-98).
/// - 3: throttling happens after the response (KIP-219).
/// - 4: leader epochs (KIP-320).
/// - 5: the answer may be OFFSET_NOT_AVAILABLE.
/// - 6: flexible.
/// - 7: −3 asks for the largest timestamp (KIP-734).
/// - 8: −4 asks for the start of what is stored locally (KIP-405).
/// - 9: −5 asks for the end of what is in tiered storage (KIP-1005).
/// - 10: the request has a timeout, for tiered storage (KIP-1075).
/// - 11: −6 asks for the start of what is not yet in tiered storage (KIP-1023).
package struct ListOffsetsRequest: WireRequest {
    package typealias Response = ListOffsetsResponse
    package static let api = API(.listOffsets, "ListOffsets", versions: 1...11, flexibleFrom: 6)

    /// The asking replica, or −1 for a client.
    package var replicaID: Int32 = 0
    package var isolationLevel: Int8 = 0
    package var topics: [Topic] = []
    package var timeoutMilliseconds: Int32 = 0

    package init() {}

    package mutating func code(_ wire: inout WireCoder) throws(WireError) {
        try wire.int32("ReplicaId", &replicaID)
        if wire.version >= 2 { try wire.int8("IsolationLevel", &isolationLevel) }
        try wire.array("Topics", &topics)
        if wire.version >= 10 { try wire.int32("TimeoutMs", &timeoutMilliseconds) }
        try wire.taggedFields()
    }

    package struct Topic: WireStruct {
        package var name = ""
        package var partitions: [Partition] = []

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.string("Name", &name)
            try wire.array("Partitions", &partitions)
            try wire.taggedFields()
        }
    }

    package struct Partition: WireStruct {
        package var index: Int32 = 0
        package var currentLeaderEpoch: Int32 = -1
        /// Milliseconds, or a question: −1 the end, −2 the start, −3 the largest timestamp, and below for tiered storage.
        package var timestamp: Int64 = 0

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.int32("PartitionIndex", &index)
            if wire.version >= 4 { try wire.int32("CurrentLeaderEpoch", &currentLeaderEpoch) }
            try wire.int64("Timestamp", &timestamp)
            try wire.taggedFields()
        }
    }
}

/// The offsets that a ``ListOffsetsRequest`` asked for.
package struct ListOffsetsResponse: WireStruct {
    package var throttleTimeMilliseconds: Int32 = 0
    package var topics: [Topic] = []

    package init() {}

    package mutating func code(_ wire: inout WireCoder) throws(WireError) {
        if wire.version >= 2 { try wire.int32("ThrottleTimeMs", &throttleTimeMilliseconds) }
        try wire.array("Topics", &topics)
        try wire.taggedFields()
    }

    package struct Topic: WireStruct {
        package var name = ""
        package var partitions: [Partition] = []

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.string("Name", &name)
            try wire.array("Partitions", &partitions)
            try wire.taggedFields()
        }
    }

    package struct Partition: WireStruct {
        package var index: Int32 = 0
        package var errorCode = ErrorCode.none
        package var timestamp: Int64 = -1
        package var offset: Int64 = -1
        package var leaderEpoch: Int32 = -1

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.int32("PartitionIndex", &index)
            try wire.errorCode("ErrorCode", &errorCode)
            try wire.int64("Timestamp", &timestamp)
            try wire.int64("Offset", &offset)
            if wire.version >= 4 { try wire.int32("LeaderEpoch", &leaderEpoch) }
            try wire.taggedFields()
        }
    }
}
