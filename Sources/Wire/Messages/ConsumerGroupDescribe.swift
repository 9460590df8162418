package import Model

/// ConsumerGroupDescribe (key 69): the state and the members of consumer groups (KIP-848).
///
/// - 1: which protocol each member uses (KIP-1099).
package struct ConsumerGroupDescribeRequest: WireRequest {
    package typealias Response = ConsumerGroupDescribeResponse
    package static let api = API(.consumerGroupDescribe, "ConsumerGroupDescribe", versions: 0...1, flexibleFrom: 0)

    package var groupIDs: [String] = []
    package var includeAuthorizedOperations = false

    package init() {}

    package mutating func code(_ wire: inout WireCoder) throws(WireError) {
        try wire.strings("GroupIds", &groupIDs)
        try wire.bool("IncludeAuthorizedOperations", &includeAuthorizedOperations)
        try wire.taggedFields()
    }
}

/// The groups that a ``ConsumerGroupDescribeRequest`` asked for.
package struct ConsumerGroupDescribeResponse: WireStruct {
    package var throttleTimeMilliseconds: Int32 = 0
    package var groups: [Group] = []

    package init() {}

    package mutating func code(_ wire: inout WireCoder) throws(WireError) {
        try wire.int32("ThrottleTimeMs", &throttleTimeMilliseconds)
        try wire.array("Groups", &groups)
        try wire.taggedFields()
    }

    package struct Group: WireStruct {
        package var errorCode = ErrorCode.none
        package var errorMessage: String?
        package var groupID = ""
        package var groupState = ""
        package var groupEpoch: Int32 = 0
        package var assignmentEpoch: Int32 = 0
        package var assignorName = ""
        package var members: [Member] = []
        /// A bit for each operation that is allowed; the minimum means "not asked for".
        package var authorizedOperations: Int32 = .min

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.errorCode("ErrorCode", &errorCode)
            try wire.nullableString("ErrorMessage", &errorMessage)
            try wire.string("GroupId", &groupID)
            try wire.string("GroupState", &groupState)
            try wire.int32("GroupEpoch", &groupEpoch)
            try wire.int32("AssignmentEpoch", &assignmentEpoch)
            try wire.string("AssignorName", &assignorName)
            try wire.array("Members", &members)
            try wire.int32("AuthorizedOperations", &authorizedOperations)
            try wire.taggedFields()
        }
    }

    package struct Member: WireStruct {
        package var memberID = ""
        package var instanceID: String?
        package var rackID: String?
        package var memberEpoch: Int32 = 0
        package var clientID = ""
        package var clientHost = ""
        package var subscribedTopicNames: [String] = []
        package var subscribedTopicRegex: String?
        package var assignment = Assignment()
        package var targetAssignment = Assignment()
        /// −1 unknown, 0 classic, 1 consumer. Versions 1 and up.
        package var memberType: Int8 = -1

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.string("MemberId", &memberID)
            try wire.nullableString("InstanceId", &instanceID)
            try wire.nullableString("RackId", &rackID)
            try wire.int32("MemberEpoch", &memberEpoch)
            try wire.string("ClientId", &clientID)
            try wire.string("ClientHost", &clientHost)
            try wire.strings("SubscribedTopicNames", &subscribedTopicNames)
            try wire.nullableString("SubscribedTopicRegex", &subscribedTopicRegex)
            try wire.structure("Assignment", &assignment)
            try wire.structure("TargetAssignment", &targetAssignment)
            if wire.version >= 1 { try wire.int8("MemberType", &memberType) }
            try wire.taggedFields()
        }
    }

    package struct Assignment: WireStruct {
        package var topicPartitions: [TopicPartitions] = []

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.array("TopicPartitions", &topicPartitions)
            try wire.taggedFields()
        }
    }

    package struct TopicPartitions: WireStruct {
        package var topicID = TopicID.zero
        package var topicName = ""
        package var partitions: [Int32] = []

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.uuid("TopicId", &topicID)
            try wire.string("TopicName", &topicName)
            try wire.int32s("Partitions", &partitions)
            try wire.taggedFields()
        }
    }
}
