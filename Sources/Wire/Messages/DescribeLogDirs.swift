package import Model

/// DescribeLogDirs (key 35): the log directories, how full their disks are and how large the partitions in them (KIP-113).
/// Flexible from version 2.
///
/// - 3: an error for the whole response.
/// - 4: size and free space of the disk (KIP-827).
/// - 5: whether a directory takes no new partitions (KIP-1066).
package struct DescribeLogDirsRequest: WireRequest {
    package typealias Response = DescribeLogDirsResponse
    package static let api = API(.describeLogDirs, "DescribeLogDirs", versions: 1...5, flexibleFrom: 2)

    /// nil asks for all.
    package var topics: [Topic]?

    package init() {}

    package mutating func code(_ wire: inout WireCoder) throws(WireError) {
        try wire.nullableArray("Topics", &topics)
        try wire.taggedFields()
    }

    package struct Topic: WireStruct {
        package var name = ""
        package var partitions: [Int32] = []

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.string("Topic", &name)
            try wire.int32s("Partitions", &partitions)
            try wire.taggedFields()
        }
    }
}

/// The log directories, as a ``DescribeLogDirsRequest`` asked for them.
package struct DescribeLogDirsResponse: WireStruct {
    package var throttleTimeMilliseconds: Int32 = 0
    package var errorCode = ErrorCode.none
    package var results: [Directory] = []

    package init() {}

    package mutating func code(_ wire: inout WireCoder) throws(WireError) {
        try wire.int32("ThrottleTimeMs", &throttleTimeMilliseconds)
        if wire.version >= 3 { try wire.errorCode("ErrorCode", &errorCode) }
        try wire.array("Results", &results)
        try wire.taggedFields()
    }

    package struct Directory: WireStruct {
        package var errorCode = ErrorCode.none
        /// Absolute.
        package var path = ""
        package var topics: [Topic] = []
        /// Of the whole disk; −1 if unknown.
        package var totalBytes: Int64 = -1
        package var usableBytes: Int64 = -1
        package var isCordoned = false

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.errorCode("ErrorCode", &errorCode)
            try wire.string("LogDir", &path)
            try wire.array("Topics", &topics)
            if wire.version >= 4 {
                try wire.int64("TotalBytes", &totalBytes)
                try wire.int64("UsableBytes", &usableBytes)
            }
            if wire.version >= 5 { try wire.bool("IsCordoned", &isCordoned) }
            try wire.taggedFields()
        }
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
        /// Of its segments, in bytes.
        package var size: Int64 = 0
        /// How far this copy lies behind.
        package var offsetLag: Int64 = 0
        /// Whether this copy is about to replace the one in use.
        package var isFuture = false

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.int32("PartitionIndex", &index)
            try wire.int64("PartitionSize", &size)
            try wire.int64("OffsetLag", &offsetLag)
            try wire.bool("IsFutureKey", &isFuture)
            try wire.taggedFields()
        }
    }
}
