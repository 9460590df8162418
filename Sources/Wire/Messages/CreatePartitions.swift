package import Model

/// CreatePartitions (key 37): adds partitions to topics (KIP-195).
///
/// - 1: throttling happens after the response (KIP-219).
/// - 2: flexible.
/// - 3: the answer may be THROTTLING_QUOTA_EXCEEDED (KIP-599).
package struct CreatePartitionsRequest: WireRequest {
    package typealias Response = CreatePartitionsResponse
    package static let api = API(.createPartitions, "CreatePartitions", versions: 0...3, flexibleFrom: 2)

    package var topics: [Topic] = []
    package var timeoutMilliseconds: Int32 = 0
    package var validateOnly = false

    package init() {}

    package mutating func code(_ wire: inout WireCoder) throws(WireError) {
        try wire.array("Topics", &topics)
        try wire.int32("TimeoutMs", &timeoutMilliseconds)
        try wire.bool("ValidateOnly", &validateOnly)
        try wire.taggedFields()
    }

    package struct Topic: WireStruct {
        package var name = ""
        /// How many partitions there shall be in the end.
        package var partitionCount: Int32 = 0
        /// The replicas of each new partition; null lets the broker choose.
        package var assignments: [Assignment]?

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.string("Name", &name)
            try wire.int32("Count", &partitionCount)
            try wire.nullableArray("Assignments", &assignments)
            try wire.taggedFields()
        }
    }

    /// The replicas of one new partition, the leader first.
    package struct Assignment: WireStruct {
        package var brokerIDs: [Int32] = []

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.int32s("BrokerIds", &brokerIDs)
            try wire.taggedFields()
        }
    }
}

/// What became of each topic of a ``CreatePartitionsRequest``.
package struct CreatePartitionsResponse: WireStruct {
    package var throttleTimeMilliseconds: Int32 = 0
    package var topics: [Topic] = []

    package init() {}

    package mutating func code(_ wire: inout WireCoder) throws(WireError) {
        try wire.int32("ThrottleTimeMs", &throttleTimeMilliseconds)
        try wire.array("Results", &topics)
        try wire.taggedFields()
    }

    package struct Topic: WireStruct {
        package var name = ""
        package var errorCode = ErrorCode.none
        package var errorMessage: String?

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.string("Name", &name)
            try wire.errorCode("ErrorCode", &errorCode)
            try wire.nullableString("ErrorMessage", &errorMessage)
            try wire.taggedFields()
        }
    }
}
