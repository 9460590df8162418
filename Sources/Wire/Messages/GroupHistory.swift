package import Model

/// GroupHistory (key 10005): the newest rebalances of groups. Private to Martlet. Flexible in its only version.
package struct GroupHistoryRequest: WireRequest {
    package typealias Response = GroupHistoryResponse
    package static let api = API(.groupHistory, "GroupHistory", versions: 0...0, flexibleFrom: 0)

    package var groupIDs: [String] = []

    package init() {}

    package mutating func code(_ wire: inout WireCoder) throws(WireError) {
        try wire.strings("GroupIds", &groupIDs)
        try wire.taggedFields()
    }
}

/// The rebalances of the groups that a ``GroupHistoryRequest`` names. They are not kept over a restart of the broker.
package struct GroupHistoryResponse: WireStruct {
    package var throttleTimeMilliseconds: Int32 = 0
    package var groups: [Group] = []

    package init() {}

    package mutating func code(_ wire: inout WireCoder) throws(WireError) {
        try wire.int32("ThrottleTimeMs", &throttleTimeMilliseconds)
        try wire.array("Groups", &groups)
        try wire.taggedFields()
    }

    package struct Group: WireStruct {
        package var groupID = ""
        package var errorCode = ErrorCode.none
        package var errorMessage: String?
        /// Whether it rebalances again and again.
        package var isInStorm = false
        /// Whether the last of its rebalances is still under way: it has no generation and no duration.
        package var isRebalancing = false
        /// The oldest first.
        package var rebalances: [Rebalance] = []

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.string("GroupId", &groupID)
            try wire.errorCode("ErrorCode", &errorCode)
            try wire.nullableString("ErrorMessage", &errorMessage)
            try wire.bool("IsInStorm", &isInStorm)
            try wire.bool("IsRebalancing", &isRebalancing)
            try wire.array("Rebalances", &rebalances)
            try wire.taggedFields()
        }
    }

    package struct Rebalance: WireStruct {
        /// The generation it led to; −1 if it is under way.
        package var generation: Int32 = -1
        /// The member that gave the reason.
        package var memberID = ""
        package var clientID: String?
        package var clientHost: String?
        /// What the member did.
        package var cause = ""
        /// What its client gave as the reason; empty if nothing.
        package var clientReason = ""
        package var began: Int64 = 0
        package var durationMicroseconds: Int64 = -1
        package var membersBefore: Int32 = -1
        package var membersAfter: Int32 = -1
        /// Partitions with an owner that they did not have before; −1 if that is not known.
        package var partitionsMoved: Int32 = -1

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.int32("Generation", &generation)
            try wire.string("MemberId", &memberID)
            try wire.nullableString("ClientId", &clientID)
            try wire.nullableString("ClientHost", &clientHost)
            try wire.string("Cause", &cause)
            try wire.string("ClientReason", &clientReason)
            try wire.int64("Began", &began)
            try wire.int64("DurationMicroseconds", &durationMicroseconds)
            try wire.int32("MembersBefore", &membersBefore)
            try wire.int32("MembersAfter", &membersAfter)
            try wire.int32("PartitionsMoved", &partitionsMoved)
            try wire.taggedFields()
        }
    }
}
