package import Model
package import NIOCore

/// SyncGroup (key 14): a member asks for its assignment; the leader's request brings everyone's.
///
/// - 1: the throttle time. 2: throttling happens after the response (KIP-219).
/// - 3: static members (KIP-345).
/// - 4: flexible.
/// - 5: the protocol's type and name, to be compared (KIP-559).
package struct SyncGroupRequest: WireRequest {
    package typealias Response = SyncGroupResponse
    package static let api = API(.syncGroup, "SyncGroup", versions: 0...5, flexibleFrom: 4)

    package var groupID = ""
    package var generationID: Int32 = 0
    package var memberID = ""
    package var groupInstanceID: String?
    package var protocolType: String?
    package var protocolName: String?
    package var assignments: [Assignment] = []

    package init() {}

    package mutating func code(_ wire: inout WireCoder) throws(WireError) {
        try wire.string("GroupId", &groupID)
        try wire.int32("GenerationId", &generationID)
        try wire.string("MemberId", &memberID)
        if wire.version >= 3 { try wire.nullableString("GroupInstanceId", &groupInstanceID) }
        if wire.version >= 5 { try wire.nullableString("ProtocolType", &protocolType) }
        if wire.version >= 5 { try wire.nullableString("ProtocolName", &protocolName) }
        try wire.array("Assignments", &assignments)
        try wire.taggedFields()
    }

    package struct Assignment: WireStruct {
        package var memberID = ""
        package var assignment = ByteBuffer()

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.string("MemberId", &memberID)
            try wire.bytes("Assignment", &assignment)
            try wire.taggedFields()
        }
    }
}

/// The assignment that a ``SyncGroupRequest`` asked for.
package struct SyncGroupResponse: WireStruct {
    package var throttleTimeMilliseconds: Int32 = 0
    package var errorCode = ErrorCode.none
    package var protocolType: String?
    package var protocolName: String?
    package var assignment = ByteBuffer()

    package init() {}

    package mutating func code(_ wire: inout WireCoder) throws(WireError) {
        if wire.version >= 1 { try wire.int32("ThrottleTimeMs", &throttleTimeMilliseconds) }
        try wire.errorCode("ErrorCode", &errorCode)
        if wire.version >= 5 { try wire.nullableString("ProtocolType", &protocolType) }
        if wire.version >= 5 { try wire.nullableString("ProtocolName", &protocolName) }
        // Null beside an error, from librdkafka's mock cluster.
        var received: ByteBuffer? = assignment
        try wire.nullableBytes("Assignment", &received)
        assignment = received ?? ByteBuffer()
        try wire.taggedFields()
    }
}
