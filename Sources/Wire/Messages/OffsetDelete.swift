package import Model

/// OffsetDelete (key 47): deletes a group's offsets of partitions that none of its members reads (KIP-496). Not flexible.
package struct OffsetDeleteRequest: WireRequest {
    package typealias Response = OffsetDeleteResponse
    package static let api = API(.offsetDelete, "OffsetDelete", versions: 0...0, flexibleFrom: nil)

    package var groupID = ""
    package var topics: [Topic] = []

    package init() {}

    package mutating func code(_ wire: inout WireCoder) throws(WireError) {
        try wire.string("GroupId", &groupID)
        try wire.array("Topics", &topics)
    }

    package struct Topic: WireStruct {
        package var name = ""
        package var partitions: [Partition] = []

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.string("Name", &name)
            try wire.array("Partitions", &partitions)
        }
    }

    package struct Partition: WireStruct {
        package var index: Int32 = 0

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.int32("PartitionIndex", &index)
        }
    }
}

/// The outcome of an ``OffsetDeleteRequest``.
package struct OffsetDeleteResponse: WireStruct {
    package var errorCode = ErrorCode.none
    package var throttleTimeMilliseconds: Int32 = 0
    package var topics: [Topic] = []

    package init() {}

    package mutating func code(_ wire: inout WireCoder) throws(WireError) {
        try wire.errorCode("ErrorCode", &errorCode)
        try wire.int32("ThrottleTimeMs", &throttleTimeMilliseconds)
        try wire.array("Topics", &topics)
    }

    package struct Topic: WireStruct {
        package var name = ""
        package var partitions: [Partition] = []

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.string("Name", &name)
            try wire.array("Partitions", &partitions)
        }
    }

    package struct Partition: WireStruct {
        package var index: Int32 = 0
        package var errorCode = ErrorCode.none

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.int32("PartitionIndex", &index)
            try wire.errorCode("ErrorCode", &errorCode)
        }
    }
}
