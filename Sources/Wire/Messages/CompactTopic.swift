package import Model

/// CompactTopic (key 10003): has topics compacted now, and tells how that gets on. Private to Martlet. Flexible in its
/// only version.
package struct CompactTopicRequest: WireRequest {
    package typealias Response = CompactTopicResponse
    package static let api = API(.compactTopic, "CompactTopic", versions: 0...0, flexibleFrom: 0)

    package var topics: [String] = []
    /// Whether to begin; otherwise only to tell what has become of the last order.
    package var start = false
    /// Tombstones go before `delete.retention.ms`.
    package var purgeTombstones = false
    /// Everything is read and nothing is changed.
    package var dryRun = false

    package init() {}

    package mutating func code(_ wire: inout WireCoder) throws(WireError) {
        try wire.strings("Topics", &topics)
        try wire.bool("Start", &start)
        try wire.bool("PurgeTombstones", &purgeTombstones)
        try wire.bool("DryRun", &dryRun)
        try wire.taggedFields()
    }
}

/// What becomes of the orders of ``CompactTopicRequest``s.
package struct CompactTopicResponse: WireStruct {
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
        /// The order's number, by which it is known again.
        package var run: Int64 = 0
        /// 0: waiting, 1: running, 2: done, 3: failed.
        package var state: Int8 = 0
        /// Why it has failed.
        package var reason: String?
        /// Bytes read, of those that the present pass has to read.
        package var bytesRead: Int64 = 0
        package var bytesToRead: Int64 = 0
        package var passes: Int32 = 0
        package var bytesBefore: Int64 = 0
        package var bytesAfter: Int64 = 0
        package var recordsBefore: Int64 = 0
        package var recordsAfter: Int64 = 0
        package var segmentsBefore: Int32 = 0
        package var segmentsAfter: Int32 = 0
        /// Whether a dry run saw only a part of the keys, so that more would go.
        package var isPartial = false

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.errorCode("ErrorCode", &errorCode)
            try wire.nullableString("ErrorMessage", &errorMessage)
            try wire.int32("PartitionIndex", &index)
            try wire.int64("Run", &run)
            try wire.int8("State", &state)
            try wire.nullableString("Reason", &reason)
            try wire.int64("BytesRead", &bytesRead)
            try wire.int64("BytesToRead", &bytesToRead)
            try wire.int32("Passes", &passes)
            try wire.int64("BytesBefore", &bytesBefore)
            try wire.int64("BytesAfter", &bytesAfter)
            try wire.int64("RecordsBefore", &recordsBefore)
            try wire.int64("RecordsAfter", &recordsAfter)
            try wire.int32("SegmentsBefore", &segmentsBefore)
            try wire.int32("SegmentsAfter", &segmentsAfter)
            try wire.bool("IsPartial", &isPartial)
            try wire.taggedFields()
        }
    }
}
