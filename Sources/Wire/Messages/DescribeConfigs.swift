package import Model

/// DescribeConfigs (key 32): the configs of topics and brokers, where their values come from, and what they mean.
///
/// - 1: the source of each value, and its synonyms (KIP-226).
/// - 2: throttling happens after the response (KIP-219).
/// - 3: types and documentation (KIP-569).
/// - 4: flexible.
package struct DescribeConfigsRequest: WireRequest {
    package typealias Response = DescribeConfigsResponse
    package static let api = API(.describeConfigs, "DescribeConfigs", versions: 1...4, flexibleFrom: 4)

    package var resources: [Resource] = []
    package var includeSynonyms = false
    package var includeDocumentation = false

    package init() {}

    package mutating func code(_ wire: inout WireCoder) throws(WireError) {
        try wire.array("Resources", &resources)
        try wire.bool("IncludeSynonyms", &includeSynonyms)
        if wire.version >= 3 { try wire.bool("IncludeDocumentation", &includeDocumentation) }
        try wire.taggedFields()
    }

    package struct Resource: WireStruct {
        /// 2 topic, 4 broker, 8 broker logger, 16 client metrics, 32 group.
        package var type: Int8 = 0
        package var name = ""
        /// Null means all.
        package var configurationKeys: [String]?

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.int8("ResourceType", &type)
            try wire.string("ResourceName", &name)
            try wire.nullableStrings("ConfigurationKeys", &configurationKeys)
            try wire.taggedFields()
        }
    }
}

/// The configs that a ``DescribeConfigsRequest`` asked for.
package struct DescribeConfigsResponse: WireStruct {
    package var throttleTimeMilliseconds: Int32 = 0
    package var resources: [Resource] = []

    package init() {}

    package mutating func code(_ wire: inout WireCoder) throws(WireError) {
        try wire.int32("ThrottleTimeMs", &throttleTimeMilliseconds)
        try wire.array("Results", &resources)
        try wire.taggedFields()
    }

    package struct Resource: WireStruct {
        package var errorCode = ErrorCode.none
        package var errorMessage: String?
        /// 2 topic, 4 broker, 8 broker logger, 16 client metrics, 32 group.
        package var type: Int8 = 0
        package var name = ""
        package var configs: [Config] = []

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.errorCode("ErrorCode", &errorCode)
            try wire.nullableString("ErrorMessage", &errorMessage)
            try wire.int8("ResourceType", &type)
            try wire.string("ResourceName", &name)
            try wire.array("Configs", &configs)
            try wire.taggedFields()
        }
    }

    package struct Config: WireStruct {
        package var name = ""
        package var value: String?
        package var isReadOnly = false
        /// 1 topic, 2 dynamic broker, 3 dynamic default of all brokers, 4 static broker, 5 default, 6 broker logger,
        /// 7 client metrics, 8 group.
        package var source: Int8 = -1
        package var isSensitive = false
        package var synonyms: [Synonym] = []
        /// 1 boolean, 2 string, 3 int, 4 short, 5 long, 6 double, 7 list, 8 class, 9 password, 0 unknown.
        package var type: Int8 = 0
        package var documentation: String?

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.string("Name", &name)
            try wire.nullableString("Value", &value)
            try wire.bool("ReadOnly", &isReadOnly)
            try wire.int8("ConfigSource", &source)
            try wire.bool("IsSensitive", &isSensitive)
            try wire.array("Synonyms", &synonyms)
            if wire.version >= 3 { try wire.int8("ConfigType", &type) }
            if wire.version >= 3 { try wire.nullableString("Documentation", &documentation) }
            try wire.taggedFields()
        }
    }

    /// A place a value may come from, most important first.
    package struct Synonym: WireStruct {
        package var name = ""
        package var value: String?
        /// Numbered as the source of the config itself.
        package var source: Int8 = 0

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.string("Name", &name)
            try wire.nullableString("Value", &value)
            try wire.int8("Source", &source)
            try wire.taggedFields()
        }
    }
}
