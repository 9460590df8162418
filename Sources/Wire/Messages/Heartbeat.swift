package import Model

/// Heartbeat (key 12): a member of a classic group says that it is alive, and hears whether a rebalance has begun.
///
/// - 1: the throttle time. 2: throttling happens after the response (KIP-219).
/// - 3: static members (KIP-345).
/// - 4: flexible.
package struct HeartbeatRequest: WireRequest {
    package typealias Response = HeartbeatResponse
    package static let api = API(.heartbeat, "Heartbeat", versions: 0...4, flexibleFrom: 4)

    package var groupID = ""
    package var generationID: Int32 = 0
    package var memberID = ""
    package var groupInstanceID: String?

    package init() {}

    package mutating func code(_ wire: inout WireCoder) throws(WireError) {
        try wire.string("GroupId", &groupID)
        try wire.int32("GenerationId", &generationID)
        try wire.string("MemberId", &memberID)
        if wire.version >= 3 { try wire.nullableString("GroupInstanceId", &groupInstanceID) }
        try wire.taggedFields()
    }
}

/// The outcome of a ``HeartbeatRequest``.
package struct HeartbeatResponse: WireStruct {
    package var throttleTimeMilliseconds: Int32 = 0
    package var errorCode = ErrorCode.none

    package init() {}

    package mutating func code(_ wire: inout WireCoder) throws(WireError) {
        if wire.version >= 1 { try wire.int32("ThrottleTimeMs", &throttleTimeMilliseconds) }
        try wire.errorCode("ErrorCode", &errorCode)
        try wire.taggedFields()
    }
}
