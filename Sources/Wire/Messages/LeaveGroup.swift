package import Model

/// LeaveGroup (key 13): members leave a classic group, or an admin has them leave.
///
/// - 1: the throttle time. 2: throttling happens after the response (KIP-219).
/// - 3: several members at once, also by their instance ids (KIP-345).
/// - 4: flexible.
/// - 5: the reason for leaving (KIP-800).
package struct LeaveGroupRequest: WireRequest {
    package typealias Response = LeaveGroupResponse
    package static let api = API(.leaveGroup, "LeaveGroup", versions: 0...5, flexibleFrom: 4)

    package var groupID = ""
    /// Versions 0 to 2.
    package var memberID = ""
    /// Versions 3 and up.
    package var members: [Member] = []

    package init() {}

    package mutating func code(_ wire: inout WireCoder) throws(WireError) {
        try wire.string("GroupId", &groupID)
        if wire.version <= 2 { try wire.string("MemberId", &memberID) }
        if wire.version >= 3 { try wire.array("Members", &members) }
        try wire.taggedFields()
    }

    package struct Member: WireStruct {
        package var memberID = ""
        package var groupInstanceID: String?
        package var reason: String?

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.string("MemberId", &memberID)
            try wire.nullableString("GroupInstanceId", &groupInstanceID)
            if wire.version >= 5 { try wire.nullableString("Reason", &reason) }
            try wire.taggedFields()
        }
    }
}

/// Who of a ``LeaveGroupRequest`` has left.
package struct LeaveGroupResponse: WireStruct {
    package var throttleTimeMilliseconds: Int32 = 0
    package var errorCode = ErrorCode.none
    package var members: [Member] = []

    package init() {}

    package mutating func code(_ wire: inout WireCoder) throws(WireError) {
        if wire.version >= 1 { try wire.int32("ThrottleTimeMs", &throttleTimeMilliseconds) }
        try wire.errorCode("ErrorCode", &errorCode)
        if wire.version >= 3 { try wire.array("Members", &members) }
        try wire.taggedFields()
    }

    package struct Member: WireStruct {
        package var memberID = ""
        package var groupInstanceID: String?
        package var errorCode = ErrorCode.none

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.string("MemberId", &memberID)
            try wire.nullableString("GroupInstanceId", &groupInstanceID)
            try wire.errorCode("ErrorCode", &errorCode)
            try wire.taggedFields()
        }
    }
}
