package import Model
package import NIOCore

/// DescribeGroups (key 15): the state and the members of classic groups.
///
/// - 1: the throttle time. 2: throttling happens after the response (KIP-219).
/// - 3: the operations that are allowed (KIP-430).
/// - 4: static members (KIP-345).
/// - 5: flexible.
/// - 6: GROUP_ID_NOT_FOUND in place of a dead group, and error messages (KIP-1043).
package struct DescribeGroupsRequest: WireRequest {
    package typealias Response = DescribeGroupsResponse
    package static let api = API(.describeGroups, "DescribeGroups", versions: 0...6, flexibleFrom: 5)

    package var groups: [String] = []
    package var includeAuthorizedOperations = false

    package init() {}

    package mutating func code(_ wire: inout WireCoder) throws(WireError) {
        try wire.strings("Groups", &groups)
        if wire.version >= 3 { try wire.bool("IncludeAuthorizedOperations", &includeAuthorizedOperations) }
        try wire.taggedFields()
    }
}

/// The groups that a ``DescribeGroupsRequest`` asked for.
package struct DescribeGroupsResponse: WireStruct {
    package var throttleTimeMilliseconds: Int32 = 0
    package var groups: [Group] = []

    package init() {}

    package mutating func code(_ wire: inout WireCoder) throws(WireError) {
        if wire.version >= 1 { try wire.int32("ThrottleTimeMs", &throttleTimeMilliseconds) }
        try wire.array("Groups", &groups)
        try wire.taggedFields()
    }

    package struct Group: WireStruct {
        package var errorCode = ErrorCode.none
        package var errorMessage: String?
        package var groupID = ""
        package var groupState = ""
        package var protocolType = ""
        /// The protocol that the group has agreed on.
        package var protocolData = ""
        package var members: [Member] = []
        /// A bit for each operation that is allowed; the minimum means "not asked for".
        package var authorizedOperations: Int32 = .min

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.errorCode("ErrorCode", &errorCode)
            if wire.version >= 6 { try wire.nullableString("ErrorMessage", &errorMessage) }
            try wire.string("GroupId", &groupID)
            try wire.string("GroupState", &groupState)
            try wire.string("ProtocolType", &protocolType)
            try wire.string("ProtocolData", &protocolData)
            try wire.array("Members", &members)
            if wire.version >= 3 { try wire.int32("AuthorizedOperations", &authorizedOperations) }
            try wire.taggedFields()
        }
    }

    package struct Member: WireStruct {
        package var memberID = ""
        package var groupInstanceID: String?
        package var clientID = ""
        package var clientHost = ""
        package var memberMetadata = ByteBuffer()
        package var memberAssignment = ByteBuffer()

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.string("MemberId", &memberID)
            if wire.version >= 4 { try wire.nullableString("GroupInstanceId", &groupInstanceID) }
            try wire.string("ClientId", &clientID)
            try wire.string("ClientHost", &clientHost)
            try wire.bytes("MemberMetadata", &memberMetadata)
            try wire.bytes("MemberAssignment", &memberAssignment)
            try wire.taggedFields()
        }
    }
}
