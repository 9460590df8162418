package import Model

/// DescribeHealth (key 10004): what is wrong with a broker right now. Private to Martlet. Flexible in its only version.
package struct DescribeHealthRequest: WireRequest {
    package typealias Response = DescribeHealthResponse
    package static let api = API(.describeHealth, "DescribeHealth", versions: 0...0, flexibleFrom: 0)

    /// Only what concerns the partitions of these topics; nil for everything.
    package var topics: [String]?

    package init() {}

    package mutating func code(_ wire: inout WireCoder) throws(WireError) {
        try wire.nullableStrings("Topics", &topics)
        try wire.taggedFields()
    }
}

/// What is wrong with a broker that was asked with a ``DescribeHealthRequest``.
package struct DescribeHealthResponse: WireStruct {
    package var throttleTimeMilliseconds: Int32 = 0
    package var errorCode = ErrorCode.none
    package var errorMessage: String?
    /// 0 if nothing is wrong, 1 if all is served but something needs a look, 2 if something is not served.
    package var status: Int8 = 0
    package var topicCount: Int32 = 0
    package var partitionCount: Int32 = 0
    /// Partitions whose log is not open.
    package var offlinePartitionCount: Int32 = 0
    package var conditions: [Condition] = []

    package init() {}

    package mutating func code(_ wire: inout WireCoder) throws(WireError) {
        try wire.int32("ThrottleTimeMs", &throttleTimeMilliseconds)
        try wire.errorCode("ErrorCode", &errorCode)
        try wire.nullableString("ErrorMessage", &errorMessage)
        try wire.int8("Status", &status)
        try wire.int32("TopicCount", &topicCount)
        try wire.int32("PartitionCount", &partitionCount)
        try wire.int32("OfflinePartitionCount", &offlinePartitionCount)
        try wire.array("Conditions", &conditions)
        try wire.taggedFields()
    }

    package struct Condition: WireStruct {
        /// What is wrong, in one word.
        package var kind = ""
        package var status: Int8 = 0
        /// What it is about: a directory, or a partition.
        package var subject = ""
        /// The partition's topic; nil if it is not about one.
        package var topic: String?
        package var partition: Int32 = -1
        package var reason = ""
        package var remedy = ""
        package var since: Int64 = 0
        package var lastSeen: Int64 = 0
        package var occurrences: Int64 = 0
        /// When it is tried again; −1 if not by itself.
        package var nextTry: Int64 = -1

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.string("Kind", &kind)
            try wire.int8("Status", &status)
            try wire.string("Subject", &subject)
            try wire.nullableString("TopicName", &topic)
            try wire.int32("PartitionIndex", &partition)
            try wire.string("Reason", &reason)
            try wire.string("Remedy", &remedy)
            try wire.int64("Since", &since)
            try wire.int64("LastSeen", &lastSeen)
            try wire.int64("Occurrences", &occurrences)
            try wire.int64("NextTry", &nextTry)
            try wire.taggedFields()
        }
    }
}
