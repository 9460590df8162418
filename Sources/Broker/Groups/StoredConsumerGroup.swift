import Groups
import Model
import NIOCore
import Wire

/// The epoch of a consumer group, see ``GroupRecordFormat``.
struct StoredConsumerGroup: WireStruct {
    var epoch: Int32 = 0
    var metadataHash: Int64 = 0

    init() {}

    init(_ value: ConsumerGroupValue) {
        epoch = value.epoch.rawValue
        metadataHash = value.metadataHash
    }

    var value: ConsumerGroupValue { ConsumerGroupValue(epoch: MemberEpoch(epoch), metadataHash: metadataHash) }

    mutating func code(_ wire: inout WireCoder) throws(WireError) {
        try wire.int32("epoch", &epoch)
        try wire.taggedFields(known: .tag(0), present: .tag(0, if: metadataHash != 0)) { (_, wire) throws(WireError) in
            try wire.int64("metadataHash", &metadataHash)
        }
    }
}

/// What a member of a consumer group has said of itself.
struct StoredConsumerMember: WireStruct {
    var instanceID: String?
    var rackID: String?
    var clientID = ""
    var clientHost = ""
    var topics: [String] = []
    var pattern: String?
    var rebalanceTimeout: Int32 = -1
    var assignor: String?
    var classic: Classic?

    init() {}

    init(_ value: ConsumerMemberSubscription) {
        instanceID = value.instanceID?.rawValue
        rackID = value.rackID
        clientID = value.client.id
        clientHost = value.client.host
        topics = value.topics
        pattern = value.pattern
        rebalanceTimeout = value.rebalanceTimeoutMilliseconds
        assignor = value.assignor
        classic = value.classic.map { Classic($0) }
    }

    var value: ConsumerMemberSubscription {
        var value = ConsumerMemberSubscription()
        value.instanceID = instanceID.map { InstanceID($0) }
        value.rackID = rackID
        value.client = ClientIdentity(id: clientID, host: clientHost)
        value.topics = Set(topics).sorted()
        value.pattern = pattern?.isEmpty == true ? nil : pattern
        value.rebalanceTimeoutMilliseconds = rebalanceTimeout
        value.assignor = assignor
        value.classic = classic?.value
        return value
    }

    mutating func code(_ wire: inout WireCoder) throws(WireError) {
        try wire.nullableString("instanceId", &instanceID)
        try wire.nullableString("rackId", &rackID)
        try wire.string("clientId", &clientID)
        try wire.string("clientHost", &clientHost)
        try wire.strings("subscribedTopicNames", &topics)
        try wire.nullableString("subscribedTopicRegex", &pattern)
        try wire.int32("rebalanceTimeoutMs", &rebalanceTimeout)
        try wire.nullableString("serverAssignor", &assignor)
        try wire.taggedFields(known: .tag(0), present: .tag(0, if: classic != nil)) { (_, wire) throws(WireError) in
            try wire.nullableStructure("classicMemberMetadata", &classic)
        }
    }

    struct Classic: WireStruct {
        var sessionTimeout: Int32 = 0
        var protocols: [ClassicProtocol] = []

        init() {}

        init(_ value: ConsumerMemberSubscription.ClassicTraits) {
            sessionTimeout = value.sessionTimeoutMilliseconds
            protocols = value.protocols.map { ClassicProtocol($0) }
        }

        var value: ConsumerMemberSubscription.ClassicTraits {
            var value = ConsumerMemberSubscription.ClassicTraits()
            value.sessionTimeoutMilliseconds = max(sessionTimeout, 0)
            value.protocols = protocols.map {
                JoinProtocol(name: $0.name, metadata: Array($0.metadata.readableBytesView))
            }
            return value
        }

        mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.int32("sessionTimeoutMs", &sessionTimeout)
            try wire.array("supportedProtocols", &protocols)
            try wire.taggedFields()
        }
    }

    struct ClassicProtocol: WireStruct {
        var name = ""
        var metadata = ByteBuffer()

        init() {}

        init(_ offered: JoinProtocol) {
            name = offered.name
            metadata = ByteBuffer(bytes: offered.metadata)
        }

        mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.string("name", &name)
            try wire.bytes("metadata", &metadata)
            try wire.taggedFields()
        }
    }
}

/// Which epoch the targets of a consumer group are of.
struct StoredTargetEpoch: WireStruct {
    var epoch: Int32 = 0
    var timestamp: Int64 = 0

    init() {}

    init(_ value: ConsumerAssignmentValue) {
        epoch = value.epoch.rawValue
        timestamp = value.assigned.milliseconds
    }

    var value: ConsumerAssignmentValue {
        ConsumerAssignmentValue(epoch: MemberEpoch(epoch), assigned: Timestamp(milliseconds: timestamp))
    }

    mutating func code(_ wire: inout WireCoder) throws(WireError) {
        try wire.int32("assignmentEpoch", &epoch)
        try wire.taggedFields(known: .tag(0), present: .tag(0, if: timestamp != 0)) { (_, wire) throws(WireError) in
            try wire.int64("assignmentTimestamp", &timestamp)
        }
    }
}

/// What a member of a consumer group is to hold.
struct StoredTarget: WireStruct {
    var topics: [Topic] = []

    init() {}

    init(_ value: PartitionSet) {
        topics = value.topics.sorted { ($0.key.high, $0.key.low) < ($1.key.high, $1.key.low) }.map { id, indexes in
            var topic = Topic()
            topic.id = id
            topic.partitions = indexes.sorted()
            return topic
        }
    }

    var value: PartitionSet {
        PartitionSet(topics.flatMap { topic in topic.partitions.map { PartitionID(topic.id, $0) } })
    }

    mutating func code(_ wire: inout WireCoder) throws(WireError) {
        try wire.array("topicPartitions", &topics)
        try wire.taggedFields()
    }

    struct Topic: WireStruct {
        var id = TopicID.zero
        var partitions: [Int32] = []

        init() {}

        mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.uuid("topicId", &id)
            try wire.int32s("partitions", &partitions)
            try wire.taggedFields()
        }
    }
}

/// What a member of a consumer group holds.
struct StoredCurrentAssignment: WireStruct {
    var memberEpoch: Int32 = 0
    var previousMemberEpoch: Int32 = 0
    var state: Int8 = 0
    var assigned: [Topic] = []
    var revoking: [Topic] = []

    init() {}

    init(_ value: CurrentAssignment) {
        memberEpoch = value.epoch.rawValue
        previousMemberEpoch = value.previousEpoch.rawValue
        state = value.state.rawValue
        assigned = Topic.all(of: value.assigned)
        revoking = Topic.all(of: value.revoking)
    }

    var value: CurrentAssignment {
        var value = CurrentAssignment()
        value.epoch = MemberEpoch(memberEpoch)
        value.previousEpoch = MemberEpoch(previousMemberEpoch)
        value.state = CurrentAssignment.State(rawValue: state) ?? .unknown
        for topic in assigned { topic.add(to: &value.assigned, epoch: value.epoch) }
        for topic in revoking { topic.add(to: &value.revoking, epoch: value.epoch) }
        return value
    }

    mutating func code(_ wire: inout WireCoder) throws(WireError) {
        try wire.int32("memberEpoch", &memberEpoch)
        try wire.int32("previousMemberEpoch", &previousMemberEpoch)
        try wire.int8("state", &state)
        try wire.array("assignedPartitions", &assigned)
        try wire.array("partitionsPendingRevocation", &revoking)
        try wire.taggedFields()
    }

    struct Topic: WireStruct {
        var id = TopicID.zero
        var partitions: [Int32] = []
        /// As many as partitions; null from brokers that do not know them (before Kafka 4.3).
        var assignmentEpochs: [Int32]?

        init() {}

        static func all(of held: HeldPartitions) -> [Topic] {
            held.topics.sorted { ($0.key.high, $0.key.low) < ($1.key.high, $1.key.low) }.map { id, held in
                let held = held.sorted { $0.key < $1.key }
                var topic = Topic()
                topic.id = id
                topic.partitions = held.map(\.key)
                topic.assignmentEpochs = held.map(\.value.rawValue)
                return topic
            }
        }

        func add(to held: inout HeldPartitions, epoch: MemberEpoch) {
            for (place, index) in partitions.enumerated() {
                let known = assignmentEpochs.flatMap { $0.count == partitions.count ? $0[place] : nil }
                held[PartitionID(id, index)] = known.map { MemberEpoch($0) } ?? epoch
            }
        }

        mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.uuid("topicId", &id)
            try wire.int32s("partitions", &partitions)
            try wire.taggedFields(known: .tag(0), present: .tag(0, if: assignmentEpochs != nil)) {
                (_, wire) throws(WireError) in
                try wire.nullableInt32s("assignmentEpochs", &assignmentEpochs)
            }
        }
    }
}

/// The topics that a regular expression has matched.
struct StoredPattern: WireStruct {
    var topics: [String] = []
    var version: Int64 = 0
    var timestamp: Int64 = 0

    init() {}

    init(_ value: ResolvedPattern) {
        topics = value.topics
        version = value.revision
        timestamp = value.resolved.milliseconds
    }

    var value: ResolvedPattern {
        ResolvedPattern(
            topics: Set(topics).sorted(),
            revision: version,
            resolved: Timestamp(milliseconds: timestamp)
        )
    }

    mutating func code(_ wire: inout WireCoder) throws(WireError) {
        try wire.strings("topics", &topics)
        try wire.int64("version", &version)
        try wire.int64("timestamp", &timestamp)
        try wire.taggedFields()
    }
}

/// The key of a member, or of a regular expression, of a group.
struct StoredMemberKey: WireStruct {
    var group = ""
    /// The member's id, or the regular expression.
    var member = ""

    init() {}

    init(_ group: GroupID, _ member: String) {
        self.group = group.rawValue
        self.member = member
    }

    mutating func code(_ wire: inout WireCoder) throws(WireError) {
        try wire.string("group", &group)
        try wire.string("member", &member)
    }
}
