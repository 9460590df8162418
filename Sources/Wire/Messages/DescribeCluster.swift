package import Model

/// DescribeCluster (key 60): the cluster's id, controller and brokers (KIP-700). Flexible in all versions.
///
/// - 1: asks for brokers or for controllers (KIP-919).
/// - 2: may include brokers that are fenced (KIP-1073).
package struct DescribeClusterRequest: WireRequest {
    package typealias Response = DescribeClusterResponse
    package static let api = API(.describeCluster, "DescribeCluster", versions: 0...2, flexibleFrom: 0)

    package var includeClusterAuthorizedOperations = false
    /// 1 for brokers, 2 for controllers.
    package var endpointType: Int8 = 1
    package var includeFencedBrokers = false

    package init() {}

    package mutating func code(_ wire: inout WireCoder) throws(WireError) {
        try wire.bool("IncludeClusterAuthorizedOperations", &includeClusterAuthorizedOperations)
        if wire.version >= 1 { try wire.int8("EndpointType", &endpointType) }
        if wire.version >= 2 { try wire.bool("IncludeFencedBrokers", &includeFencedBrokers) }
        try wire.taggedFields()
    }
}

/// The cluster, as a ``DescribeClusterRequest`` asked for it.
package struct DescribeClusterResponse: WireStruct {
    package var throttleTimeMilliseconds: Int32 = 0
    package var errorCode = ErrorCode.none
    package var errorMessage: String?
    /// 1 for brokers, 2 for controllers.
    package var endpointType: Int8 = 1
    package var clusterID = ""
    package var controllerID: Int32 = -1
    package var brokers: [Broker] = []
    /// A bit for each operation that is allowed; the minimum means "not asked for".
    package var clusterAuthorizedOperations: Int32 = .min

    package init() {}

    package mutating func code(_ wire: inout WireCoder) throws(WireError) {
        try wire.int32("ThrottleTimeMs", &throttleTimeMilliseconds)
        try wire.errorCode("ErrorCode", &errorCode)
        try wire.nullableString("ErrorMessage", &errorMessage)
        if wire.version >= 1 { try wire.int8("EndpointType", &endpointType) }
        try wire.string("ClusterId", &clusterID)
        try wire.int32("ControllerId", &controllerID)
        try wire.array("Brokers", &brokers)
        try wire.int32("ClusterAuthorizedOperations", &clusterAuthorizedOperations)
        try wire.taggedFields()
    }

    package struct Broker: WireStruct {
        package var brokerID: Int32 = 0
        package var host = ""
        package var port: Int32 = 0
        package var rack: String?
        package var isFenced = false

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.int32("BrokerId", &brokerID)
            try wire.string("Host", &host)
            try wire.int32("Port", &port)
            try wire.nullableString("Rack", &rack)
            if wire.version >= 2 { try wire.bool("IsFenced", &isFenced) }
            try wire.taggedFields()
        }
    }
}
