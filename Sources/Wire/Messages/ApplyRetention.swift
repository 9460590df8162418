package import Model

/// ApplyRetention (key 10002): removes from topics what retention says, now, or says what it would remove. Private to
/// Martlet. Flexible in its only version.
package struct ApplyRetentionRequest: WireRequest {
    package typealias Response = ApplyRetentionResponse
    package static let api = API(.applyRetention, "ApplyRetention", versions: 0...0, flexibleFrom: 0)

    package var topics: [String] = []
    /// Nothing is removed.
    package var dryRun = false

    package init() {}

    package mutating func code(_ wire: inout WireCoder) throws(WireError) {
        try wire.strings("Topics", &topics)
        try wire.bool("DryRun", &dryRun)
        try wire.taggedFields()
    }
}

/// What an ``ApplyRetentionRequest`` has removed, or would.
package struct ApplyRetentionResponse: WireStruct {
    package var throttleTimeMilliseconds: Int32 = 0
    package var topics: [Topic] = []

    package init() {}

    package mutating func code(_ wire: inout WireCoder) throws(WireError) {
        try wire.int32("ThrottleTimeMs", &throttleTimeMilliseconds)
        try wire.array("Topics", &topics)
        try wire.taggedFields()
    }

    package struct Topic: WireStruct {
        package var errorCode = ErrorCode.none
        package var errorMessage: String?
        package var name = ""
        package var partitions: [Partition] = []

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.errorCode("ErrorCode", &errorCode)
            try wire.nullableString("ErrorMessage", &errorMessage)
            try wire.string("Name", &name)
            try wire.array("Partitions", &partitions)
            try wire.taggedFields()
        }
    }

    package struct Partition: WireStruct {
        package var errorCode = ErrorCode.none
        package var errorMessage: String?
        package var index: Int32 = 0
        /// The first offset that is left, or would be.
        package var logStart: Int64 = 0
        /// What went or would go, oldest first.
        package var segments: [Segment] = []

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.errorCode("ErrorCode", &errorCode)
            try wire.nullableString("ErrorMessage", &errorMessage)
            try wire.int32("PartitionIndex", &index)
            try wire.int64("LogStartOffset", &logStart)
            try wire.array("Segments", &segments)
            try wire.taggedFields()
        }
    }

    package struct Segment: WireStruct {
        package var baseOffset: Int64 = 0
        /// Where the next one begins.
        package var endOffset: Int64 = 0
        package var sizeInBytes: Int64 = 0
        /// Why it goes, in one word.
        package var reason = ""
        /// The same in a few words for people.
        package var explanation = ""

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.int64("BaseOffset", &baseOffset)
            try wire.int64("EndOffset", &endOffset)
            try wire.int64("SizeInBytes", &sizeInBytes)
            try wire.string("Reason", &reason)
            try wire.string("Explanation", &explanation)
            try wire.taggedFields()
        }
    }
}
