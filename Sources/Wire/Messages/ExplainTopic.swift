package import Model

/// ExplainTopic (key 10001): what topics' partitions consist of, segment by segment, what retention will do with each,
/// and how their compaction stands. Private to Martlet. Flexible in its only version.
package struct ExplainTopicRequest: WireRequest {
    package typealias Response = ExplainTopicResponse
    package static let api = API(.explainTopic, "ExplainTopic", versions: 0...0, flexibleFrom: 0)

    package var topics: [String] = []

    package init() {}

    package mutating func code(_ wire: inout WireCoder) throws(WireError) {
        try wire.strings("Topics", &topics)
        try wire.taggedFields()
    }
}

/// What the topics of an ``ExplainTopicRequest`` consist of.
package struct ExplainTopicResponse: WireStruct {
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
        package var logStart: Int64 = 0
        package var logEnd: Int64 = 0
        package var segments: [Segment] = []
        /// nil if the topic is not compacted.
        package var compaction: Compaction?
        /// When every byte was last looked at; −1 if never.
        package var lastScrub: Int64 = -1
        /// What is damaged or was skipped by order.
        package var damage: [Damage] = []

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.errorCode("ErrorCode", &errorCode)
            try wire.nullableString("ErrorMessage", &errorMessage)
            try wire.int32("PartitionIndex", &index)
            try wire.int64("LogStartOffset", &logStart)
            try wire.int64("LogEndOffset", &logEnd)
            try wire.array("Segments", &segments)
            try wire.nullableStructure("Compaction", &compaction)
            try wire.int64("LastScrubTime", &lastScrub)
            try wire.array("Damage", &damage)
            try wire.taggedFields()
        }
    }

    package struct Damage: WireStruct {
        package var firstOffset: Int64 = 0
        /// One more than the last.
        package var endOffset: Int64 = 0
        /// The base offset of the segment.
        package var segment: Int64 = 0
        package var position: Int64 = 0
        package var sizeInBytes: Int64 = 0
        package var foundAt: Int64 = 0
        /// Whether consumers pass it, by order.
        package var isSkipped = false
        package var reason = ""

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.int64("FirstOffset", &firstOffset)
            try wire.int64("EndOffset", &endOffset)
            try wire.int64("Segment", &segment)
            try wire.int64("Position", &position)
            try wire.int64("SizeInBytes", &sizeInBytes)
            try wire.int64("FoundAt", &foundAt)
            try wire.bool("IsSkipped", &isSkipped)
            try wire.string("Reason", &reason)
            try wire.taggedFields()
        }
    }

    package struct Compaction: WireStruct {
        /// Of what could be compacted, so much is new since the last compaction: from 0 to 1.
        package var dirtyRatio = 0.0
        package var cleanBytes: Int64 = 0
        package var dirtyBytes: Int64 = 0
        /// New, but in the segment that is written.
        package var activeBytes: Int64 = 0
        /// New, but younger than `min.compaction.lag.ms`.
        package var youngBytes: Int64 = 0
        /// Below, only the last record of each key is left.
        package var compactedTo: Int64 = 0
        /// When the last compaction ended; −1 if there was none.
        package var lastTime: Int64 = -1
        /// What it has made of how many bytes; −1 if that was before the broker's start.
        package var lastBytesBefore: Int64 = -1
        package var lastBytesAfter: Int64 = -1
        /// Whether the next one is due now.
        package var isDue = false
        /// Why it is due or not, in one word.
        package var reason = ""
        /// The same in a few words for people.
        package var explanation = ""
        /// When it comes at the latest; −1 if that cannot be foretold.
        package var nextTime: Int64 = -1

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.float64("DirtyRatio", &dirtyRatio)
            try wire.int64("CleanBytes", &cleanBytes)
            try wire.int64("DirtyBytes", &dirtyBytes)
            try wire.int64("ActiveBytes", &activeBytes)
            try wire.int64("YoungBytes", &youngBytes)
            try wire.int64("CompactedTo", &compactedTo)
            try wire.int64("LastTime", &lastTime)
            try wire.int64("LastBytesBefore", &lastBytesBefore)
            try wire.int64("LastBytesAfter", &lastBytesAfter)
            try wire.bool("IsDue", &isDue)
            try wire.string("Reason", &reason)
            try wire.string("Explanation", &explanation)
            try wire.int64("NextTime", &nextTime)
            try wire.taggedFields()
        }
    }

    package struct Segment: WireStruct {
        package var baseOffset: Int64 = 0
        /// Where the next one begins.
        package var endOffset: Int64 = 0
        package var sizeInBytes: Int64 = 0
        package var isActive = false
        /// −1 if no record has a timestamp.
        package var largestTimestamp: Int64 = -1
        /// When the last record was appended; −1 if that is not known.
        package var lastAppendTime: Int64 = -1
        /// Whether retention would remove it now.
        package var isExpired = false
        /// Why it stays or goes, in one word.
        package var reason = ""
        /// The same in a few words for people.
        package var explanation = ""
        /// When it will go by its age; −1 if that cannot be foretold.
        package var expiresAt: Int64 = -1

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.int64("BaseOffset", &baseOffset)
            try wire.int64("EndOffset", &endOffset)
            try wire.int64("SizeInBytes", &sizeInBytes)
            try wire.bool("IsActive", &isActive)
            try wire.int64("LargestTimestamp", &largestTimestamp)
            try wire.int64("LastAppendTime", &lastAppendTime)
            try wire.bool("IsExpired", &isExpired)
            try wire.string("Reason", &reason)
            try wire.string("Explanation", &explanation)
            try wire.int64("ExpiresAt", &expiresAt)
            try wire.taggedFields()
        }
    }
}
