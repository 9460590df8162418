package import Model

/// OffsetFetch (key 9): up to where groups have read.
///
/// - 2: null asks for all topics; errors of the whole group.
/// - 3: the throttle time. 4: throttling happens after the response (KIP-219).
/// - 5: leader epochs (KIP-320).
/// - 6: flexible.
/// - 7: a client may insist on offsets that no transaction can still change (KIP-447).
/// - 8: several groups at once (KIP-709).
/// - 9: the asking member and its epoch (KIP-848).
/// - 10: topics by id (KIP-848).
package struct OffsetFetchRequest: WireRequest {
    package typealias Response = OffsetFetchResponse
    package static let api = API(.offsetFetch, "OffsetFetch", versions: 1...10, flexibleFrom: 6)

    /// Versions 1 to 7.
    package var groupID = ""
    /// Versions 1 to 7; null asks for all.
    package var topics: [Topic]? = []
    /// Versions 8 and up.
    package var groups: [Group] = []
    package var requireStable = false

    package init() {}

    package mutating func code(_ wire: inout WireCoder) throws(WireError) {
        if wire.version <= 7 { try wire.string("GroupId", &groupID) }
        if wire.version <= 7 { try wire.nullableArray("Topics", &topics, from: 2) }
        if wire.version >= 8 { try wire.array("Groups", &groups) }
        if wire.version >= 7 { try wire.bool("RequireStable", &requireStable) }
        try wire.taggedFields()
    }

    package struct Group: WireStruct {
        package var groupID = ""
        package var memberID: String?
        package var memberEpoch: Int32 = -1
        /// Null asks for all.
        package var topics: [Topic]? = []

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.string("GroupId", &groupID)
            if wire.version >= 9 { try wire.nullableString("MemberId", &memberID) }
            if wire.version >= 9 { try wire.int32("MemberEpoch", &memberEpoch) }
            try wire.nullableArray("Topics", &topics)
            try wire.taggedFields()
        }
    }

    package struct Topic: WireStruct {
        package var name = ""
        package var topicID = TopicID.zero
        package var partitionIndexes: [Int32] = []

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            if wire.version <= 9 { try wire.string("Name", &name) }
            if wire.version >= 10 { try wire.uuid("TopicId", &topicID) }
            try wire.int32s("PartitionIndexes", &partitionIndexes)
            try wire.taggedFields()
        }
    }
}

/// The offsets that an ``OffsetFetchRequest`` asked for; −1 where there is none.
package struct OffsetFetchResponse: WireStruct {
    package var throttleTimeMilliseconds: Int32 = 0
    /// Versions 1 to 7.
    package var topics: [Topic] = []
    /// Versions 2 to 7.
    package var errorCode = ErrorCode.none
    /// Versions 8 and up.
    package var groups: [Group] = []

    package init() {}

    package mutating func code(_ wire: inout WireCoder) throws(WireError) {
        if wire.version >= 3 { try wire.int32("ThrottleTimeMs", &throttleTimeMilliseconds) }
        if wire.version <= 7 { try wire.array("Topics", &topics) }
        if (2...7).contains(wire.version) { try wire.errorCode("ErrorCode", &errorCode) }
        if wire.version >= 8 { try wire.array("Groups", &groups) }
        try wire.taggedFields()
    }

    package struct Group: WireStruct {
        package var groupID = ""
        package var topics: [Topic] = []
        package var errorCode = ErrorCode.none

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.string("GroupId", &groupID)
            try wire.array("Topics", &topics)
            try wire.errorCode("ErrorCode", &errorCode)
            try wire.taggedFields()
        }
    }

    package struct Topic: WireStruct {
        package var name = ""
        package var topicID = TopicID.zero
        package var partitions: [Partition] = []

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            if wire.version <= 9 { try wire.string("Name", &name) }
            if wire.version >= 10 { try wire.uuid("TopicId", &topicID) }
            try wire.array("Partitions", &partitions)
            try wire.taggedFields()
        }
    }

    package struct Partition: WireStruct {
        package var index: Int32 = 0
        package var committedOffset: Int64 = 0
        package var committedLeaderEpoch: Int32 = -1
        package var metadata: String?
        package var errorCode = ErrorCode.none

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.int32("PartitionIndex", &index)
            try wire.int64("CommittedOffset", &committedOffset)
            if wire.version >= 5 { try wire.int32("CommittedLeaderEpoch", &committedLeaderEpoch) }
            try wire.nullableString("Metadata", &metadata)
            try wire.errorCode("ErrorCode", &errorCode)
            try wire.taggedFields()
        }
    }
}
