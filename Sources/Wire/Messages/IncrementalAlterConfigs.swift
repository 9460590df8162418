package import Model

/// IncrementalAlterConfigs (key 44): changes single configs of topics and brokers (KIP-339).
///
/// - 1: flexible.
package struct IncrementalAlterConfigsRequest: WireRequest {
    package typealias Response = IncrementalAlterConfigsResponse
    package static let api = API(.incrementalAlterConfigs, "IncrementalAlterConfigs", versions: 0...1, flexibleFrom: 1)

    package var resources: [Resource] = []
    package var validateOnly = false

    package init() {}

    package mutating func code(_ wire: inout WireCoder) throws(WireError) {
        try wire.array("Resources", &resources)
        try wire.bool("ValidateOnly", &validateOnly)
        try wire.taggedFields()
    }

    package struct Resource: WireStruct {
        /// 2 topic, 4 broker, 8 broker logger, 16 client metrics, 32 group.
        package var type: Int8 = 0
        package var name = ""
        package var configs: [Config] = []

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.int8("ResourceType", &type)
            try wire.string("ResourceName", &name)
            try wire.array("Configs", &configs)
            try wire.taggedFields()
        }
    }

    package struct Config: WireStruct {
        package var name = ""
        /// 0 set, 1 delete, 2 append, 3 subtract.
        package var operation: Int8 = 0
        package var value: String?

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.string("Name", &name)
            try wire.int8("ConfigOperation", &operation)
            try wire.nullableString("Value", &value)
            try wire.taggedFields()
        }
    }
}

/// What became of each resource of an ``IncrementalAlterConfigsRequest``.
package struct IncrementalAlterConfigsResponse: WireStruct {
    package var throttleTimeMilliseconds: Int32 = 0
    package var resources: [Resource] = []

    package init() {}

    package mutating func code(_ wire: inout WireCoder) throws(WireError) {
        try wire.int32("ThrottleTimeMs", &throttleTimeMilliseconds)
        try wire.array("Responses", &resources)
        try wire.taggedFields()
    }

    package struct Resource: WireStruct {
        package var errorCode = ErrorCode.none
        package var errorMessage: String?
        package var type: Int8 = 0
        package var name = ""

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.errorCode("ErrorCode", &errorCode)
            try wire.nullableString("ErrorMessage", &errorMessage)
            try wire.int8("ResourceType", &type)
            try wire.string("ResourceName", &name)
            try wire.taggedFields()
        }
    }
}
