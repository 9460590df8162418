import Groups
import Model
import NIOCore

/// The log of the group coordinator as it is read at the start: any number of records, each a key and a value behind their
/// lengths of two bytes; the highest bit of the value's says that there is none.
///
/// What can be read can be written, and is the same when it is read again. Whatever groups come of it go on, also with a
/// member that says of itself, and is assigned, what the first value is.
enum GroupsTarget: FuzzTarget {
    private static let noValue = 0x8000
    private static let now = Timestamp(milliseconds: 1_700_000_000_000)

    static func run(_ input: UnsafeRawBufferPointer) {
        var rest = ByteBuffer(bytes: input)
        var replay = GroupReplay()
        var offsets = OffsetRecordReader()
        var said: [UInt8]?
        while case .some(let key?) = field(&rest), case .some(let value) = field(&rest) {
            said = said ?? value.map { Array($0.readableBytesView) }
            let short = value.flatMap { offsets.read(key: key, value: $0) }
            guard let record = try? GroupRecordFormat.decode(key: key, value: value) else {
                invariant(short == nil, "the short way reads what the format refuses")
                continue
            }
            invariant(short == nil || short == record, "the short way reads something else than the format says")
            check(record)
            replay.apply(record)
        }
        for var group in replay.groups(now: now).values { drive(&group) }
        var group = Group(id: GroupID("g"), now: now)
        drive(&group, said ?? [])
    }

    /// What stands behind its length, or nothing if the length says so; nil at the end.
    private static func field(_ rest: inout ByteBuffer) -> ByteBuffer?? {
        guard let length = rest.readInteger(as: UInt16.self) else { return nil }
        if Int(length) & noValue != 0 { return .some(nil) }
        return .some(rest.readSlice(length: min(Int(length), rest.readableBytes)))
    }

    private static func check(_ record: GroupRecord) {
        guard let (key, value) = try? GroupRecordFormat.encode(record) else { return }
        do {
            let again = try GroupRecordFormat.decode(key: key, value: value)
            invariant(again == record, "a record changes when it is written and read again")
        } catch {
            invariant(false, "a record was read and written but cannot be read again: \(error)")
        }
    }

    private static func drive(_ group: inout Group) {
        var step = GroupStep(now: EventTime(timestamp: now, instant: Instant(nanoseconds: 0)))
        let rules = GroupRules(classic: ClassicGroupSettings(), consumer: ConsumerGroupSettings(), topics: NoTopics())
        group.resume(rules, &step)
        let classic = group.membership.classic?.description.members.first?.id
        let member =
            classic ?? group.membership.consumer?.description(rules.consumer).members.first?.member.id ?? .unknown
        let generation = group.membership.classic?.generation ?? .initial
        group.heartbeat(member, nil, generation, ReplyToken(rawValue: 1), rules, &step)
        var heartbeat = ConsumerHeartbeat()
        heartbeat.memberID = member
        heartbeat.rebalanceTimeoutMilliseconds = 1
        heartbeat.topics = ["t"]
        heartbeat.owned = PartitionSet()
        group.consumerHeartbeat(heartbeat, ReplyToken(rawValue: 4), rules, &step)
        group.deleteOffsets(of: Array(group.offsets.committed.keys), ReplyToken(rawValue: 2), &step)
        group.expired(.session(member), rules, &step)
        group.expire(OffsetSettings(), isValid: { _, _ in false }, &step)
        group.expired(.join, rules, &step)
        group.delete(ReplyToken(rawValue: 3), &step)
    }

    /// A group in which a member says what may be anything: alone, then in a group that changes its protocol, and back.
    private static func drive(_ group: inout Group, _ said: [UInt8]) {
        let rules = GroupRules(classic: ClassicGroupSettings(), consumer: ConsumerGroupSettings(), topics: OneTopic())
        let member = MemberID("hostile")
        var join = JoinRequest()
        join.requiresKnownMemberID = false
        join.freshMemberID = member
        join.protocolType = "consumer"
        join.protocols = [JoinProtocol(name: "range", metadata: said)]
        join.sessionTimeoutMilliseconds = 10_000
        perform(&group, rules) { $0.join(join, ReplyToken(rawValue: 1), rules, &$1) }
        perform(&group, rules) { $0.expired(.join, rules, &$1) }
        join.memberID = member
        var sync = SyncRequest()
        sync.memberID = member
        sync.generation = group.membership.classic?.generation ?? .initial
        sync.assignments = [(member, said)]
        perform(&group, rules) { $0.sync(sync, ReplyToken(rawValue: 2), rules, &$1) }
        var heartbeat = ConsumerHeartbeat()
        heartbeat.memberID = MemberID("other")
        heartbeat.rebalanceTimeoutMilliseconds = 1
        heartbeat.topics = ["t"]
        heartbeat.owned = PartitionSet()
        perform(&group, rules) { $0.consumerHeartbeat(heartbeat, ReplyToken(rawValue: 3), rules, &$1) }
        perform(&group, rules) { $0.join(join, ReplyToken(rawValue: 4), rules, &$1) }
        perform(&group, rules) { $0.deleteOffsets(of: [TopicPartition("t", 0)], ReplyToken(rawValue: 5), &$1) }
        heartbeat.epoch = .leaving
        perform(&group, rules) { $0.consumerHeartbeat(heartbeat, ReplyToken(rawValue: 6), rules, &$1) }
        perform(&group, rules) { $0.join(join, ReplyToken(rawValue: 7), rules, &$1) }
        perform(&group, rules) { $0.expired(.session(member), rules, &$1) }
    }

    /// Hands an event to the group, and says that what it has written is stored.
    private static func perform(
        _ group: inout Group,
        _ rules: GroupRules,
        _ event: (inout Group, inout GroupStep) -> Void
    ) {
        var step = GroupStep(now: EventTime(timestamp: now, instant: Instant(nanoseconds: 0)))
        event(&group, &step)
        var stored = GroupStep(now: step.now)
        for case .append(let records, let purpose) in step.effects {
            records.forEach(check)
            group.appended(purpose, failure: nil, rules, &stored)
        }
    }

    static func seeds() -> [[UInt8]] {
        var member = ClassicGroupValue.Member()
        member.id = MemberID("m")
        member.instanceID = InstanceID("i")
        member.sessionTimeoutMilliseconds = 10_000
        member.subscription = [0, 1, 0, 0, 0, 1, 0, 1, 116]
        member.assignment = [0, 1, 0, 0, 0, 1, 0, 1, 116, 0, 0, 0, 1, 0, 0, 0, 0]
        var value = ClassicGroupValue()
        value.protocolType = "consumer"
        value.generation = Generation(1)
        value.protocolName = "range"
        value.leader = member.id
        value.members = [member]
        let offset = CommittedOffset(offset: Offset(1), metadata: "note", committed: now)
        let brief = CommittedOffset(offset: Offset(1), committed: now, expires: now)
        let id = GroupID("g")
        let records: [GroupRecord] =
            [
                .classicGroup(id, value), .offset(id, TopicPartition("t", 0), offset),
                .offset(id, TopicPartition("t", 1), brief),
                .offset(id, TopicPartition("t", 0), nil), .classicGroup(id, nil),
            ] + consumerRecords.map { .consumerGroup(id, $0) }
        let each = records.compactMap { bytes($0) }
        let said = [member.subscription, member.assignment].map { said in [0, 0, 0, UInt8(said.count)] + said }
        return each + [each.flatMap { $0 }] + said
    }

    private static var consumerRecords: [ConsumerGroupRecord] {
        let member = MemberID("c")
        let partition = PartitionID(TopicID(high: 1, low: 2), 0)
        var subscription = ConsumerMemberSubscription()
        subscription.topics = ["t"]
        subscription.pattern = "t.*"
        subscription.classic = ConsumerMemberSubscription.ClassicTraits()
        var current = CurrentAssignment()
        current.epoch = MemberEpoch(1)
        current.assigned[partition] = MemberEpoch(1)
        return [
            .member(member, subscription),
            .pattern("t.*", ResolvedPattern(topics: ["t"], revision: 1, resolved: now)),
            .group(ConsumerGroupValue(epoch: MemberEpoch(1), metadataHash: 1)),
            .target(member, PartitionSet([partition])),
            .assignmentEpoch(ConsumerAssignmentValue(epoch: MemberEpoch(1), assigned: now)),
            .current(member, current),
        ]
    }

    private static func bytes(_ record: GroupRecord) -> [UInt8]? {
        guard let (key, value) = try? GroupRecordFormat.encode(record) else { return nil }
        var output = ByteBuffer()
        for part in [key, value] {
            output.writeInteger(UInt16(part?.readableBytes ?? noValue))
            if let part { output.writeImmutableBuffer(part) }
        }
        return Array(output.readableBytesView)
    }
}

/// A broker with one topic.
private struct OneTopic: ConsumerTopics {
    private static let topic = ConsumerTopic(name: "t", id: TopicID(high: 1, low: 1), partitions: 3)

    let revision: UInt64 = 1

    func topic(named name: String) -> ConsumerTopic? { name == Self.topic.name ? Self.topic : nil }

    func topic(_ id: TopicID) -> ConsumerTopic? { id == Self.topic.id ? Self.topic : nil }

    func names(matching pattern: String) -> [String]? { [Self.topic.name] }
}

/// A broker without topics.
private struct NoTopics: ConsumerTopics {
    let revision: UInt64 = 1

    func topic(named name: String) -> ConsumerTopic? { nil }

    func topic(_ id: TopicID) -> ConsumerTopic? { nil }

    func names(matching pattern: String) -> [String]? { [] }
}
