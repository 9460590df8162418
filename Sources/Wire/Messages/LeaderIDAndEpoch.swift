/// The leader a client should turn to instead (KIP-951): shared by the responses of Produce and Fetch.
package struct LeaderIDAndEpoch: WireStruct {
    package var leaderID: Int32 = -1
    package var leaderEpoch: Int32 = -1

    package init() {}

    package mutating func code(_ wire: inout WireCoder) throws(WireError) {
        try wire.int32("LeaderId", &leaderID)
        try wire.int32("LeaderEpoch", &leaderEpoch)
        try wire.taggedFields()
    }
}

/// Where such a leader is (KIP-951): shared by the responses of Produce and Fetch.
package struct NodeEndpoint: WireStruct {
    package var nodeID: Int32 = 0
    package var host = ""
    package var port: Int32 = 0
    package var rack: String?

    package init() {}

    package mutating func code(_ wire: inout WireCoder) throws(WireError) {
        try wire.int32("NodeId", &nodeID)
        try wire.string("Host", &host)
        try wire.int32("Port", &port)
        try wire.nullableString("Rack", &rack)
        try wire.taggedFields()
    }
}
