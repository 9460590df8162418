package import Model

/// FindCoordinator (key 10): the broker that coordinates a group or a transaction.
///
/// - 1: transactions beside groups (KIP-98); the throttle time and error messages.
/// - 2: throttling happens after the response (KIP-219).
/// - 3: flexible.
/// - 4: several keys at once (KIP-699).
/// - 5: the answer may be TRANSACTION_ABORTABLE (KIP-890).
/// - 6: share groups (KIP-932); their key is `group:topic id:partition`.
package struct FindCoordinatorRequest: WireRequest {
    package typealias Response = FindCoordinatorResponse
    package static let api = API(.findCoordinator, "FindCoordinator", versions: 0...6, flexibleFrom: 3)

    /// Versions 0 to 3.
    package var key = ""
    /// 0 group, 1 transaction, 2 share group.
    package var keyType: Int8 = 0
    /// Versions 4 and up.
    package var coordinatorKeys: [String] = []

    package init() {}

    package mutating func code(_ wire: inout WireCoder) throws(WireError) {
        if wire.version <= 3 { try wire.string("Key", &key) }
        if wire.version >= 1 { try wire.int8("KeyType", &keyType) }
        if wire.version >= 4 { try wire.strings("CoordinatorKeys", &coordinatorKeys) }
        try wire.taggedFields()
    }
}

/// The coordinators of the keys of a ``FindCoordinatorRequest``.
package struct FindCoordinatorResponse: WireStruct {
    package var throttleTimeMilliseconds: Int32 = 0
    package var errorCode = ErrorCode.none
    package var errorMessage: String?
    package var nodeID: Int32 = 0
    package var host = ""
    package var port: Int32 = 0
    /// Versions 4 and up; before, the only coordinator is in the fields of the response itself.
    package var coordinators: [Coordinator] = []

    package init() {}

    package mutating func code(_ wire: inout WireCoder) throws(WireError) {
        if wire.version >= 1 { try wire.int32("ThrottleTimeMs", &throttleTimeMilliseconds) }
        if wire.version <= 3 { try wire.errorCode("ErrorCode", &errorCode) }
        if (1...3).contains(wire.version) { try wire.nullableString("ErrorMessage", &errorMessage) }
        if wire.version <= 3 { try wire.int32("NodeId", &nodeID) }
        if wire.version <= 3 { try wire.string("Host", &host) }
        if wire.version <= 3 { try wire.int32("Port", &port) }
        if wire.version >= 4 { try wire.array("Coordinators", &coordinators) }
        try wire.taggedFields()
    }

    package struct Coordinator: WireStruct {
        package var key = ""
        package var nodeID: Int32 = 0
        package var host = ""
        package var port: Int32 = 0
        package var errorCode = ErrorCode.none
        package var errorMessage: String?

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.string("Key", &key)
            try wire.int32("NodeId", &nodeID)
            try wire.string("Host", &host)
            try wire.int32("Port", &port)
            try wire.errorCode("ErrorCode", &errorCode)
            try wire.nullableString("ErrorMessage", &errorMessage)
            try wire.taggedFields()
        }
    }
}
