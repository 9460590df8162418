package import Model

/// OffsetCommit (key 8): keeps up to where a group has read.
///
/// - 2 to 4: a retention time; later the broker's configuration decides.
/// - 3: the throttle time. 4: throttling happens after the response (KIP-219).
/// - 6: the leader epoch of the record before the position (KIP-320).
/// - 7: static members (KIP-345).
/// - 8: flexible.
/// - 9: the generation may be the epoch of a member of the newer protocol (KIP-848).
/// - 10: topics by id (KIP-848).
package struct OffsetCommitRequest: WireRequest {
    package typealias Response = OffsetCommitResponse
    package static let api = API(.offsetCommit, "OffsetCommit", versions: 2...10, flexibleFrom: 8)

    package var groupID = ""
    package var generationIDOrMemberEpoch: Int32 = -1
    package var memberID = ""
    package var groupInstanceID: String?
    /// Versions 2 to 4; -1 leaves it to the broker.
    package var retentionTimeMilliseconds: Int64 = -1
    package var topics: [Topic] = []

    package init() {}

    package mutating func code(_ wire: inout WireCoder) throws(WireError) {
        try wire.string("GroupId", &groupID)
        try wire.int32("GenerationIdOrMemberEpoch", &generationIDOrMemberEpoch)
        try wire.string("MemberId", &memberID)
        if wire.version >= 7 { try wire.nullableString("GroupInstanceId", &groupInstanceID) }
        if wire.version <= 4 { try wire.int64("RetentionTimeMs", &retentionTimeMilliseconds) }
        try wire.array("Topics", &topics)
        try wire.taggedFields()
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
        package var committedMetadata: String?

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.int32("PartitionIndex", &index)
            try wire.int64("CommittedOffset", &committedOffset)
            if wire.version >= 6 { try wire.int32("CommittedLeaderEpoch", &committedLeaderEpoch) }
            try wire.nullableString("CommittedMetadata", &committedMetadata)
            try wire.taggedFields()
        }
    }
}

/// The outcome of an ``OffsetCommitRequest``.
package struct OffsetCommitResponse: WireStruct {
    package var throttleTimeMilliseconds: Int32 = 0
    package var topics: [Topic] = []

    package init() {}

    package mutating func code(_ wire: inout WireCoder) throws(WireError) {
        if wire.version >= 3 { try wire.int32("ThrottleTimeMs", &throttleTimeMilliseconds) }
        try wire.array("Topics", &topics)
        try wire.taggedFields()
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
        package var errorCode = ErrorCode.none

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.int32("PartitionIndex", &index)
            try wire.errorCode("ErrorCode", &errorCode)
            try wire.taggedFields()
        }
    }
}
