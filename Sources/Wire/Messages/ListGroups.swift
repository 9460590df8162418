package import Model

/// ListGroups (key 16): the groups that the broker coordinates.
///
/// - 1: the throttle time. 2: throttling happens after the response (KIP-219).
/// - 3: flexible.
/// - 4: states, and a filter by them (KIP-518).
/// - 5: types, and a filter by them (KIP-848).
package struct ListGroupsRequest: WireRequest {
    package typealias Response = ListGroupsResponse
    package static let api = API(.listGroups, "ListGroups", versions: 0...5, flexibleFrom: 3)

    /// Empty for all.
    package var statesFilter: [String] = []
    /// Empty for all.
    package var typesFilter: [String] = []

    package init() {}

    package mutating func code(_ wire: inout WireCoder) throws(WireError) {
        if wire.version >= 4 { try wire.strings("StatesFilter", &statesFilter) }
        if wire.version >= 5 { try wire.strings("TypesFilter", &typesFilter) }
        try wire.taggedFields()
    }
}

/// The groups that a ``ListGroupsRequest`` asked for.
package struct ListGroupsResponse: WireStruct {
    package var throttleTimeMilliseconds: Int32 = 0
    package var errorCode = ErrorCode.none
    package var groups: [Group] = []

    package init() {}

    package mutating func code(_ wire: inout WireCoder) throws(WireError) {
        if wire.version >= 1 { try wire.int32("ThrottleTimeMs", &throttleTimeMilliseconds) }
        try wire.errorCode("ErrorCode", &errorCode)
        try wire.array("Groups", &groups)
        try wire.taggedFields()
    }

    package struct Group: WireStruct {
        package var groupID = ""
        package var protocolType = ""
        package var groupState = ""
        package var groupType = ""

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.string("GroupId", &groupID)
            try wire.string("ProtocolType", &protocolType)
            if wire.version >= 4 { try wire.string("GroupState", &groupState) }
            if wire.version >= 5 { try wire.string("GroupType", &groupType) }
            try wire.taggedFields()
        }
    }
}
