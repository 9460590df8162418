package import Model

/// DeleteGroups (key 42): deletes groups without members, with their offsets (KIP-229).
///
/// - 1: throttling happens after the response (KIP-219).
/// - 2: flexible.
package struct DeleteGroupsRequest: WireRequest {
    package typealias Response = DeleteGroupsResponse
    package static let api = API(.deleteGroups, "DeleteGroups", versions: 0...2, flexibleFrom: 2)

    package var groupsNames: [String] = []

    package init() {}

    package mutating func code(_ wire: inout WireCoder) throws(WireError) {
        try wire.strings("GroupsNames", &groupsNames)
        try wire.taggedFields()
    }
}

/// The outcome of a ``DeleteGroupsRequest``, group by group.
package struct DeleteGroupsResponse: WireStruct {
    package var throttleTimeMilliseconds: Int32 = 0
    package var results: [Result] = []

    package init() {}

    package mutating func code(_ wire: inout WireCoder) throws(WireError) {
        try wire.int32("ThrottleTimeMs", &throttleTimeMilliseconds)
        try wire.array("Results", &results)
        try wire.taggedFields()
    }

    package struct Result: WireStruct {
        package var groupID = ""
        package var errorCode = ErrorCode.none

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.string("GroupId", &groupID)
            try wire.errorCode("ErrorCode", &errorCode)
            try wire.taggedFields()
        }
    }
}
