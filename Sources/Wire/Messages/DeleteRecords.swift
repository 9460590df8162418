package import Model

/// DeleteRecords (key 21): moves the start of partitions forward, so that older records are gone (KIP-107).
///
/// - 1: throttling happens after the response (KIP-219).
/// - 2: flexible.
package struct DeleteRecordsRequest: WireRequest {
    package typealias Response = DeleteRecordsResponse
    package static let api = API(.deleteRecords, "DeleteRecords", versions: 0...2, flexibleFrom: 2)

    package var topics: [Topic] = []
    package var timeoutMilliseconds: Int32 = 0

    package init() {}

    package mutating func code(_ wire: inout WireCoder) throws(WireError) {
        try wire.array("Topics", &topics)
        try wire.int32("TimeoutMs", &timeoutMilliseconds)
        try wire.taggedFields()
    }

    package struct Topic: WireStruct {
        package var name = ""
        package var partitions: [Partition] = []

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.string("Name", &name)
            try wire.array("Partitions", &partitions)
            try wire.taggedFields()
        }
    }

    package struct Partition: WireStruct {
        package var index: Int32 = 0
        /// The offset to become the first; −1 for the high watermark.
        package var offset: Int64 = 0

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.int32("PartitionIndex", &index)
            try wire.int64("Offset", &offset)
            try wire.taggedFields()
        }
    }
}

/// Where the partitions of a ``DeleteRecordsRequest`` start now.
package struct DeleteRecordsResponse: WireStruct {
    package var throttleTimeMilliseconds: Int32 = 0
    package var topics: [Topic] = []

    package init() {}

    package mutating func code(_ wire: inout WireCoder) throws(WireError) {
        try wire.int32("ThrottleTimeMs", &throttleTimeMilliseconds)
        try wire.array("Topics", &topics)
        try wire.taggedFields()
    }

    package struct Topic: WireStruct {
        package var name = ""
        package var partitions: [Partition] = []

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.string("Name", &name)
            try wire.array("Partitions", &partitions)
            try wire.taggedFields()
        }
    }

    package struct Partition: WireStruct {
        package var index: Int32 = 0
        /// The first offset that is left.
        package var lowWatermark: Int64 = 0
        package var errorCode = ErrorCode.none

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.int32("PartitionIndex", &index)
            try wire.int64("LowWatermark", &lowWatermark)
            try wire.errorCode("ErrorCode", &errorCode)
            try wire.taggedFields()
        }
    }
}
