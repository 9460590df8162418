package import Model

/// DeleteTopics (key 20): deletes topics.
///
/// - 1: the throttle time.
/// - 2: throttling happens after the response (KIP-219).
/// - 3: the answer may be TOPIC_DELETION_DISABLED.
/// - 4: flexible.
/// - 5: the response explains errors; the answer may be THROTTLING_QUOTA_EXCEEDED (KIP-599).
/// - 6: topics may be named by id (KIP-516).
package struct DeleteTopicsRequest: WireRequest {
    package typealias Response = DeleteTopicsResponse
    package static let api = API(.deleteTopics, "DeleteTopics", versions: 1...6, flexibleFrom: 4)

    /// Versions 6 and up.
    package var topics: [Topic] = []
    /// Versions 1 to 5.
    package var topicNames: [String] = []
    package var timeoutMilliseconds: Int32 = 0

    package init() {}

    package mutating func code(_ wire: inout WireCoder) throws(WireError) {
        if wire.version >= 6 { try wire.array("Topics", &topics) }
        if wire.version <= 5 { try wire.strings("TopicNames", &topicNames) }
        try wire.int32("TimeoutMs", &timeoutMilliseconds)
        try wire.taggedFields()
    }

    package struct Topic: WireStruct {
        package var name: String?
        package var topicID = TopicID.zero

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.nullableString("Name", &name)
            try wire.uuid("TopicId", &topicID)
            try wire.taggedFields()
        }
    }
}

/// What became of each topic of a ``DeleteTopicsRequest``.
package struct DeleteTopicsResponse: WireStruct {
    package var throttleTimeMilliseconds: Int32 = 0
    package var topics: [Topic] = []

    package init() {}

    package mutating func code(_ wire: inout WireCoder) throws(WireError) {
        try wire.int32("ThrottleTimeMs", &throttleTimeMilliseconds)
        try wire.array("Responses", &topics)
        try wire.taggedFields()
    }

    package struct Topic: WireStruct {
        package var name: String?
        package var topicID = TopicID.zero
        package var errorCode = ErrorCode.none
        package var errorMessage: String?

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.nullableString("Name", &name, from: 6)
            if wire.version >= 6 { try wire.uuid("TopicId", &topicID) }
            try wire.errorCode("ErrorCode", &errorCode)
            if wire.version >= 5 { try wire.nullableString("ErrorMessage", &errorMessage) }
            try wire.taggedFields()
        }
    }
}
