import Groups
import Model
import NIOCore
import Wire

/// The keys and values of `__consumer_offsets`, in Kafka's own formats, so that tools which read that topic work here.
///
/// | key's version | key | value, versions |
/// |---|---|---|
/// | 0, 1 | group, topic, partition | ``StoredOffset``, 0 to 4 |
/// | 2 | group | ``StoredClassicGroup``, 0 to 4 |
/// | 3 | group | ``StoredConsumerGroup``, 0 |
/// | 5 | group, member | ``StoredConsumerMember``, 0 |
/// | 6 | group | ``StoredTargetEpoch``, 0 |
/// | 7 | group, member | ``StoredTarget``, 0 |
/// | 8 | group, member | ``StoredCurrentAssignment``, 0 |
/// | 16 | group, regular expression | ``StoredPattern``, 0 |
///
/// Key 4, of brokers before Kafka 4.1, is passed over: it says of which topics an epoch was, for which 3 now has a hash.
///
/// Keys and values begin with their version (two bytes). No value deletes. Other versions of keys are of newer Kafka
/// brokers: they are passed over.
enum GroupRecordFormat {
    /// What keys begin with.
    enum KeyVersion {
        static let oldOffset: Int16 = 0
        static let offset: Int16 = 1
        static let classicGroup: Int16 = 2
        static let consumerGroup: Int16 = 3
        static let consumerMember: Int16 = 5
        static let targetEpoch: Int16 = 6
        static let target: Int16 = 7
        static let currentAssignment: Int16 = 8
        static let pattern: Int16 = 16
    }

    typealias Encoded = (key: ByteBuffer, value: ByteBuffer?)

    static func encode(_ record: GroupRecord) throws(WireError) -> Encoded {
        switch record {
        case .offset(let group, let partition, let offset):
            var key = StoredOffsetKey()
            key.group = group.rawValue
            key.topic = partition.topic
            key.partition = partition.partition
            let value = try offset.map { (offset) throws(WireError) in
                let stored = StoredOffset(offset)
                return try bytes(of: stored, version: stored.version, flexibleFrom: StoredOffset.flexibleFrom)
            }
            return (try bytes(of: key, version: KeyVersion.offset), value)
        case .classicGroup(let group, let value):
            var key = StoredGroupKey()
            key.group = group.rawValue
            let stored = try value.map { (value) throws(WireError) in
                try bytes(
                    of: StoredClassicGroup(value),
                    version: StoredClassicGroup.version,
                    flexibleFrom: StoredClassicGroup.flexibleFrom
                )
            }
            return (try bytes(of: key, version: KeyVersion.classicGroup), stored)
        case .consumerGroup(let group, let record): return try encode(record, of: group)
        }
    }

    /// What a record says; nil if it is of a kind that is not known here.
    static func decode(key: ByteBuffer, value: ByteBuffer?) throws(WireError) -> GroupRecord? {
        var key = key
        guard let version = key.readInteger(as: Int16.self) else {
            throw .truncated(field: "key version", needed: 2, remaining: key.readableBytes)
        }
        switch version {
        case KeyVersion.oldOffset, KeyVersion.offset:
            let stored = try StoredOffsetKey.read(key, version: version, isFlexible: false).message
            let partition = TopicPartition(stored.topic, stored.partition)
            guard let value else { return .offset(GroupID(stored.group), partition, nil) }
            guard let offset: StoredOffset = try message(value, StoredOffset.versions, StoredOffset.flexibleFrom)
            else { return nil }
            return .offset(GroupID(stored.group), partition, offset.committed)
        case KeyVersion.classicGroup:
            let group = GroupID(try StoredGroupKey.read(key, version: version, isFlexible: false).message.group)
            guard let value else { return .classicGroup(group, nil) }
            guard
                let stored: StoredClassicGroup = try message(
                    value,
                    StoredClassicGroup.versions,
                    StoredClassicGroup.flexibleFrom
                )
            else { return nil }
            return .classicGroup(group, stored.value)
        default: return try decodeConsumer(version, key, value)
        }
    }

    private static let initialCapacity = 128

    static func bytes(
        of message: some WireStruct,
        version: Int16,
        flexibleFrom: Int16 = .max
    ) throws(WireError) -> ByteBuffer {
        var output = WireOutput(bytes: ByteBuffer())
        // Enough for most, so that the buffer does not grow in steps.
        output.bytes.reserveCapacity(initialCapacity)
        output.bytes.writeInteger(version)
        try message.write(to: &output, version: version, isFlexible: version >= flexibleFrom)
        return output.bytes
    }

    /// The message behind its version; nil if the version is not known here.
    static func message<Message: WireStruct>(
        _ value: ByteBuffer,
        _ versions: ClosedRange<Int16>,
        _ flexibleFrom: Int16
    ) throws(WireError) -> Message? {
        var value = value
        guard let version = value.readInteger(as: Int16.self), versions.contains(version) else { return nil }
        return try Message.read(value, version: version, isFlexible: version >= flexibleFrom).message
    }
}

/// The key of a committed offset.
struct StoredOffsetKey: WireStruct {
    var group = ""
    var topic = ""
    var partition: Int32 = 0

    init() {}

    mutating func code(_ wire: inout WireCoder) throws(WireError) {
        try wire.string("group", &group)
        try wire.string("topic", &topic)
        try wire.int32("partition", &partition)
    }
}

/// The key of a group.
struct StoredGroupKey: WireStruct {
    var group = ""

    init() {}

    mutating func code(_ wire: inout WireCoder) throws(WireError) { try wire.string("group", &group) }
}

/// A committed offset. Written in version 3, or in 1 if the client wants it forgotten at a time of its own.
struct StoredOffset: WireStruct {
    static let versions: ClosedRange<Int16> = 0...4
    static let flexibleFrom: Int16 = 4

    var offset: Int64 = 0
    var leaderEpoch: Int32 = -1
    var metadata = ""
    var commitTimestamp: Int64 = 0
    var expireTimestamp: Int64 = -1

    init() {}

    init(_ committed: CommittedOffset) {
        offset = committed.offset.rawValue
        leaderEpoch = committed.leaderEpoch.rawValue
        metadata = committed.metadata
        commitTimestamp = committed.committed.milliseconds
        expireTimestamp = committed.expires?.milliseconds ?? -1
    }

    var version: Int16 { expireTimestamp < 0 ? 3 : 1 }

    var committed: CommittedOffset {
        CommittedOffset(
            offset: Offset(offset),
            leaderEpoch: LeaderEpoch(leaderEpoch),
            metadata: metadata,
            committed: Timestamp(milliseconds: commitTimestamp),
            expires: expireTimestamp < 0 ? nil : Timestamp(milliseconds: expireTimestamp)
        )
    }

    mutating func code(_ wire: inout WireCoder) throws(WireError) {
        try wire.int64("offset", &offset)
        if wire.version >= 3 { try wire.int32("leaderEpoch", &leaderEpoch) }
        try wire.string("metadata", &metadata)
        try wire.int64("commitTimestamp", &commitTimestamp)
        if wire.version == 1 { try wire.int64("expireTimestamp", &expireTimestamp) }
        try wire.taggedFields()
    }
}
