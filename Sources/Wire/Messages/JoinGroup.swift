package import Model
package import NIOCore

/// JoinGroup (key 11): a client becomes, or stays, a member of a classic group, and waits for the others.
///
/// - 1: a rebalance timeout beside the session timeout (KIP-62).
/// - 2: the throttle time. 3: throttling happens after the response (KIP-219).
/// - 4: a new member is told its id and must come back with it (KIP-394).
/// - 5: static members (KIP-345).
/// - 6: flexible.
/// - 7: the protocol type in the response (KIP-559).
/// - 8: the reason for joining (KIP-800).
/// - 9: a leader may be told to assign nothing (KIP-814).
package struct JoinGroupRequest: WireRequest {
    package typealias Response = JoinGroupResponse
    package static let api = API(.joinGroup, "JoinGroup", versions: 0...9, flexibleFrom: 6)

    package var groupID = ""
    package var sessionTimeoutMilliseconds: Int32 = 0
    package var rebalanceTimeoutMilliseconds: Int32 = -1
    package var memberID = ""
    package var groupInstanceID: String?
    package var protocolType = ""
    package var protocols: [GroupProtocol] = []
    package var reason: String?

    package init() {}

    package mutating func code(_ wire: inout WireCoder) throws(WireError) {
        try wire.string("GroupId", &groupID)
        try wire.int32("SessionTimeoutMs", &sessionTimeoutMilliseconds)
        if wire.version >= 1 { try wire.int32("RebalanceTimeoutMs", &rebalanceTimeoutMilliseconds) }
        try wire.string("MemberId", &memberID)
        if wire.version >= 5 { try wire.nullableString("GroupInstanceId", &groupInstanceID) }
        try wire.string("ProtocolType", &protocolType)
        try wire.array("Protocols", &protocols)
        if wire.version >= 8 { try wire.nullableString("Reason", &reason) }
        try wire.taggedFields()
    }

    package struct GroupProtocol: WireStruct {
        package var name = ""
        package var metadata = ByteBuffer()

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.string("Name", &name)
            try wire.bytes("Metadata", &metadata)
            try wire.taggedFields()
        }
    }
}

/// The generation that a ``JoinGroupRequest`` led to.
package struct JoinGroupResponse: WireStruct {
    package var throttleTimeMilliseconds: Int32 = 0
    package var errorCode = ErrorCode.none
    package var generationID: Int32 = -1
    package var protocolType: String?
    /// Null from version 7 on if there is none; empty before.
    package var protocolName: String?
    package var leader = ""
    package var skipAssignment = false
    package var memberID = ""
    /// All members, for the leader; else empty.
    package var members: [Member] = []

    package init() {}

    package mutating func code(_ wire: inout WireCoder) throws(WireError) {
        if wire.version >= 2 { try wire.int32("ThrottleTimeMs", &throttleTimeMilliseconds) }
        try wire.errorCode("ErrorCode", &errorCode)
        try wire.int32("GenerationId", &generationID)
        if wire.version >= 7 { try wire.nullableString("ProtocolType", &protocolType) }
        try wire.nullableString("ProtocolName", &protocolName, from: 7)
        try wire.string("Leader", &leader)
        if wire.version >= 9 { try wire.bool("SkipAssignment", &skipAssignment) }
        try wire.string("MemberId", &memberID)
        try wire.array("Members", &members)
        try wire.taggedFields()
    }

    package struct Member: WireStruct {
        package var memberID = ""
        package var groupInstanceID: String?
        package var metadata = ByteBuffer()

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.string("MemberId", &memberID)
            if wire.version >= 5 { try wire.nullableString("GroupInstanceId", &groupInstanceID) }
            try wire.bytes("Metadata", &metadata)
            try wire.taggedFields()
        }
    }
}
