import Groups
import Model
import NIOCore
import Wire

/// The records of consumer groups. All values are written in version 0, which is flexible.
extension GroupRecordFormat {
    private static let flexibleFrom: Int16 = 0

    static func encode(_ record: ConsumerGroupRecord, of group: GroupID) throws(WireError) -> Encoded {
        switch record {
        case .group(let value):
            (try key(KeyVersion.consumerGroup, group), try value.map(stored(StoredConsumerGroup.init)))
        case .assignmentEpoch(let value):
            (try key(KeyVersion.targetEpoch, group), try value.map(stored(StoredTargetEpoch.init)))
        case .member(let id, let value):
            (try key(KeyVersion.consumerMember, group, id), try value.map(stored(StoredConsumerMember.init)))
        case .target(let id, let value):
            (try key(KeyVersion.target, group, id), try value.map(stored(StoredTarget.init)))
        case .current(let id, let value):
            (try key(KeyVersion.currentAssignment, group, id), try value.map(stored(StoredCurrentAssignment.init)))
        case .pattern(let pattern, let value):
            (
                try bytes(of: StoredMemberKey(group, pattern), version: KeyVersion.pattern),
                try value.map(stored(StoredPattern.init))
            )
        }
    }

    private static func key(_ version: Int16, _ group: GroupID) throws(WireError) -> ByteBuffer {
        var key = StoredGroupKey()
        key.group = group.rawValue
        return try bytes(of: key, version: version)
    }

    private static func key(_ version: Int16, _ group: GroupID, _ member: MemberID) throws(WireError) -> ByteBuffer {
        try bytes(of: StoredMemberKey(group, member.rawValue), version: version)
    }

    private static func stored<Value, Message: WireStruct>(
        _ make: @escaping (Value) -> Message
    ) -> (Value) throws(WireError) -> ByteBuffer {
        { (value) throws(WireError) in try bytes(of: make(value), version: 0, flexibleFrom: flexibleFrom) }
    }

    /// What a record of a consumer group says; nil if it is of a kind, or a version, that is not known here.
    static func decodeConsumer(
        _ version: Int16,
        _ key: ByteBuffer,
        _ value: ByteBuffer?
    ) throws(WireError) -> GroupRecord? {
        switch version {
        case KeyVersion.consumerGroup, KeyVersion.targetEpoch:
            let group = GroupID(try StoredGroupKey.read(key, version: version, isFlexible: false).message.group)
            return try groupRecord(version, value).map { .consumerGroup(group, $0) }
        case KeyVersion.consumerMember, KeyVersion.target, KeyVersion.currentAssignment, KeyVersion.pattern:
            let key = try StoredMemberKey.read(key, version: version, isFlexible: false).message
            return try memberRecord(version, key.member, value).map { .consumerGroup(GroupID(key.group), $0) }
        default: return nil
        }
    }

    private static func groupRecord(_ version: Int16, _ value: ByteBuffer?) throws(WireError) -> ConsumerGroupRecord? {
        if version == KeyVersion.consumerGroup {
            guard let value else { return .group(nil) }
            let stored: StoredConsumerGroup? = try read(value)
            return stored.map { .group($0.value) }
        }
        guard let value else { return .assignmentEpoch(nil) }
        let stored: StoredTargetEpoch? = try read(value)
        return stored.map { .assignmentEpoch($0.value) }
    }

    private static func memberRecord(
        _ version: Int16,
        _ name: String,
        _ value: ByteBuffer?
    ) throws(WireError) -> ConsumerGroupRecord? {
        let id = MemberID(name)
        switch version {
        case KeyVersion.consumerMember:
            guard let value else { return .member(id, nil) }
            let stored: StoredConsumerMember? = try read(value)
            return stored.map { .member(id, $0.value) }
        case KeyVersion.target:
            guard let value else { return .target(id, nil) }
            let stored: StoredTarget? = try read(value)
            return stored.map { .target(id, $0.value) }
        case KeyVersion.currentAssignment:
            guard let value else { return .current(id, nil) }
            let stored: StoredCurrentAssignment? = try read(value)
            return stored.map { .current(id, $0.value) }
        default:
            guard let value else { return .pattern(name, nil) }
            let stored: StoredPattern? = try read(value)
            return stored.map { .pattern(name, $0.value) }
        }
    }

    private static func read<Message: WireStruct>(_ value: ByteBuffer) throws(WireError) -> Message? {
        try message(value, 0...0, flexibleFrom)
    }
}
