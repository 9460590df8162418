package import Model

/// OffsetForLeaderEpoch (key 23): where a leader epoch ends, so that a client or replica can find out whether its
/// history was truncated (KIP-101, KIP-320).
///
/// - 2: the request carries the client's current leader epoch.
/// - 3: the request carries a replica id.
/// - 4: flexible.
package struct OffsetForLeaderEpochRequest: WireRequest {
    package typealias Response = OffsetForLeaderEpochResponse
    package static let api = API(.offsetForLeaderEpoch, "OffsetForLeaderEpoch", versions: 2...4, flexibleFrom: 4)

    /// −2 is a reader that may see beyond the high watermark.
    package var replicaID: Int32 = -2
    package var topics: [Topic] = []

    package init() {}

    package mutating func code(_ wire: inout WireCoder) throws(WireError) {
        if wire.version >= 3 { try wire.int32("ReplicaId", &replicaID) }
        try wire.array("Topics", &topics)
        try wire.taggedFields()
    }

    package struct Topic: WireStruct {
        package var name = ""
        package var partitions: [Partition] = []

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.string("Topic", &name)
            try wire.array("Partitions", &partitions)
            try wire.taggedFields()
        }
    }

    package struct Partition: WireStruct {
        package var index: Int32 = 0
        package var currentLeaderEpoch: Int32 = -1
        package var leaderEpoch: Int32 = 0

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.int32("Partition", &index)
            try wire.int32("CurrentLeaderEpoch", &currentLeaderEpoch)
            try wire.int32("LeaderEpoch", &leaderEpoch)
            try wire.taggedFields()
        }
    }
}

/// Where the epochs of an ``OffsetForLeaderEpochRequest`` end.
package struct OffsetForLeaderEpochResponse: WireStruct {
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
        package var partitions: [Partition] = []

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.string("Topic", &name)
            try wire.array("Partitions", &partitions)
            try wire.taggedFields()
        }
    }

    package struct Partition: WireStruct {
        package var errorCode = ErrorCode.none
        package var index: Int32 = 0
        package var leaderEpoch: Int32 = -1
        package var endOffset: Int64 = -1

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.errorCode("ErrorCode", &errorCode)
            try wire.int32("Partition", &index)
            try wire.int32("LeaderEpoch", &leaderEpoch)
            try wire.int64("EndOffset", &endOffset)
            try wire.taggedFields()
        }
    }
}
