package import Model

/// OffsetForLeaderEpoch (key 23): where a leader epoch ends, so that a client or replica can find out whether its
/// history was truncated (KIP-101, KIP-320).
///
/// - 2: the request carries the client's current leader epoch.
/// - 3: the request carries a replica id.
/// - 4: flexible.
package struct OffsetForLeaderEpochRequest: WireRequest {
    package typealias Response = OffsetForLeaderEpochResponse
    package static let api = API(
        .offsetForLeaderEpoch,
        "OffsetForLeaderEpoch",
        versions: 2...4,
        flexibleFrom: 4
    )

    package var replicaID: Int32 = -2
    package var topics: [Topic] = []

    package init() {}

    package mutating func code(_ wire: inout WireCoder) throws(WireError) {
        if wire.version >= 3 { try wire.int32("ReplicaId", &replicaID) }
        try wire.array("Topics", &topics)
        try wire.taggedFields()
    }

    package struct Topic: WireStruct {
        package var topic = ""
        package var partitions: [Partition] = []

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.string("Topic", &topic)
            try wire.array("Partitions", &partitions)
            try wire.taggedFields()
        }
    }

    package struct Partition: WireStruct {
        package var partition: Int32 = 0
        package var currentLeaderEpoch: Int32 = -1
        package var leaderEpoch: Int32 = 0

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.int32("Partition", &partition)
            try wire.int32("CurrentLeaderEpoch", &currentLeaderEpoch)
            try wire.int32("LeaderEpoch", &leaderEpoch)
            try wire.taggedFields()
        }
    }
}

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
        package var topic = ""
        package var partitions: [Partition] = []

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.string("Topic", &topic)
            try wire.array("Partitions", &partitions)
            try wire.taggedFields()
        }
    }

    package struct Partition: WireStruct {
        package var errorCode = ErrorCode.none
        package var partition: Int32 = 0
        package var leaderEpoch: Int32 = -1
        package var endOffset: Int64 = -1

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.errorCode("ErrorCode", &errorCode)
            try wire.int32("Partition", &partition)
            try wire.int32("LeaderEpoch", &leaderEpoch)
            try wire.int64("EndOffset", &endOffset)
            try wire.taggedFields()
        }
    }
}
