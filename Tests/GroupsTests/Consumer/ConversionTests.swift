import Groups
import Model
import Testing

/// A group with members of both protocols; what is written is stored at once. Owned by one test.
private struct ConversionHost {
    static let id = GroupID("g")

    var rules = GroupRules(
        classic: ClassicGroupSettings(),
        consumer: ConsumerGroupSettings(),
        topics: ConversionHost.topics
    )
    private(set) var group = Group(id: id, now: Timestamp(milliseconds: 0))
    private(set) var replay = GroupReplay()
    private(set) var timers: Set<GroupTimer> = []
    private var replies: [ReplyToken: GroupReply] = [:]
    private var tokens: UInt64 = 0
    /// Why the log takes nothing now; nil if it does.
    var refusal: ErrorCode?

    private static var topics: FakeTopics {
        var topics = FakeTopics()
        topics.set("t", partitions: 4)
        return topics
    }

    init() { rules.classic.initialRebalanceDelay = .zero }

    @discardableResult
    mutating func handle(_ event: (inout Group, ReplyToken, GroupRules, inout GroupStep) -> Void) -> GroupReply? {
        tokens += 1
        let token = ReplyToken(rawValue: tokens)
        var step = GroupStep(now: EventTime(timestamp: Timestamp(milliseconds: 5), instant: Instant(nanoseconds: 5)))
        event(&group, token, rules, &step)
        for effect in step.effects {
            switch effect {
            case .reply(let token, let reply): replies[token] = reply
            case .append(let records, let purpose):
                let failure = refusal
                if failure == nil { for record in records { replay.apply(record) } }
                handle { group, _, rules, step in group.appended(purpose, failure: failure, rules, &step) }
            case .setTimer(let timer, _): timers.insert(timer)
            case .cancelTimer(let timer): timers.remove(timer)
            case .note: break
            }
        }
        return replies.removeValue(forKey: token)
    }

    /// The group as the log has it.
    var stored: Group? { replay.groups(now: Timestamp(milliseconds: 5))[Self.id] }

    // MARK: Clients

    mutating func consumer(
        _ name: String,
        epoch: Int32 = 0,
        holds: [Int32]? = [],
        instance: String? = nil
    ) -> ConsumerHeartbeatReply? {
        var request = ConsumerHeartbeat()
        request.memberID = MemberID(name)
        request.epoch = MemberEpoch(epoch)
        request.instanceID = instance.map { InstanceID($0) }
        request.owned = holds.map { PartitionSet(partitions($0)) }
        if epoch == 0 {
            request.topics = ["t"]
            request.rebalanceTimeoutMilliseconds = 1000
        }
        let reply = handle { group, token, rules, step in group.consumerHeartbeat(request, token, rules, &step) }
        guard case .consumerHeartbeat(let answer)? = reply else { return nil }
        return answer
    }

    func partitions(_ indexes: [Int32]) -> [PartitionID] {
        guard let topic = rules.topics.topic(named: "t") else { return [] }
        return indexes.map { PartitionID(topic.id, $0) }
    }

    /// A consumer of the classic protocol that joins, cooperatively, with what it holds.
    mutating func join(_ name: String, holds: [UInt8] = [], type: String = "consumer") -> JoinReply? {
        var request = JoinRequest()
        request.memberID = MemberID(name)
        request.client = ClientIdentity(id: name, host: "h")
        request.sessionTimeoutMilliseconds = 10_000
        request.rebalanceTimeoutMilliseconds = 1000
        request.protocolType = type
        let owned: [UInt8] =
            holds.isEmpty
            ? [0, 0, 0, 0] : [0, 0, 0, 1, 0, 1, 0x74, 0, 0, 0, UInt8(holds.count)] + holds.flatMap { [0, 0, 0, $0] }
        let metadata = [0, 1, 0, 0, 0, 1, 0, 1, 0x74, 0xff, 0xff, 0xff, 0xff] + owned
        request.protocols = [JoinProtocol(name: "cooperative-sticky", metadata: metadata)]
        request.requiresKnownMemberID = false
        request.freshMemberID = MemberID("\(name)x")
        if name.isEmpty { request.memberID = .unknown }
        let reply = handle { group, token, rules, step in group.join(request, token, rules, &step) }
        guard case .join(let answer)? = reply else { return nil }
        return answer
    }

    mutating func sync(_ name: String, _ generation: Int32, assigns: [(String, [UInt8])] = []) -> SyncReply? {
        var request = SyncRequest()
        request.memberID = MemberID(name)
        request.generation = Generation(generation)
        request.assignments = assigns.map { (MemberID($0.0), Self.assignment($0.1)) }
        let reply = handle { group, token, rules, step in group.sync(request, token, rules, &step) }
        guard case .sync(let answer)? = reply else { return nil }
        return answer
    }

    mutating func heartbeat(_ name: String, _ generation: Int32) -> ErrorCode? {
        let reply = handle { group, token, rules, step in
            group.heartbeat(MemberID(name), nil, Generation(generation), token, rules, &step)
        }
        guard case .heartbeat(let error)? = reply else { return nil }
        return error
    }

    static func assignment(_ partitions: [UInt8]) -> [UInt8] {
        [0, 0, 0, 0, 0, 1, 0, 1, 0x74, 0, 0, 0, UInt8(partitions.count)] + partitions.flatMap { [0, 0, 0, $0] }
            + [0xff, 0xff, 0xff, 0xff]
    }

    mutating func leave(_ name: String) {
        var leaving = LeaveRequest()
        var member = LeaveRequest.Member()
        member.id = MemberID(name)
        leaving.members = [member]
        handle { group, token, rules, step in group.leave(leaving, token, rules, &step) }
    }

    /// A stable classic group of one consumer, which holds all four partitions.
    mutating func makeClassic() {
        let joined = join("")
        #expect(joined?.error == ErrorCode.none)
        #expect(sync("x", 1, assigns: [("x", [0, 1, 2, 3])])?.assignment == Self.assignment([0, 1, 2, 3]))
    }
}

@Test func aClassicGroupBecomesAConsumerGroupWithItsFirstNewMember() {
    var host = ConversionHost()
    host.makeClassic()
    let joined = host.consumer("new")
    #expect(joined?.error == ErrorCode.none)
    #expect(joined?.epoch == MemberEpoch(2))
    #expect(joined?.assignment == PartitionSet())
    #expect(host.group.membership.summary.type == .consumer)
    #expect(host.stored?.membership.summary == host.group.membership.summary)
    // The classic member is told to join again, and then which part it keeps.
    #expect(host.heartbeat("x", 1) == .rebalanceInProgress)
    #expect(host.join("x", holds: [0, 1, 2, 3])?.generation == Generation(1))
    #expect(host.sync("x", 1)?.assignment == ConversionHost.assignment([0, 1]))
    // It has given the rest back when it joins without it.
    #expect(host.heartbeat("x", 1) == .rebalanceInProgress)
    #expect(host.join("x", holds: [0, 1])?.generation == Generation(2))
    #expect(host.sync("x", 2)?.assignment == ConversionHost.assignment([0, 1]))
    #expect(host.heartbeat("x", 2) == ErrorCode.none)
    #expect(host.consumer("new", epoch: 2)?.assignment == PartitionSet(host.partitions([2, 3])))
    #expect(host.group.membership.summary.state == .stable)
}

@Test func aGroupBecomesClassicAgainWhenItsLastNewMemberLeaves() {
    var host = ConversionHost()
    host.makeClassic()
    _ = host.consumer("new")
    #expect(host.join("x", holds: [])?.generation == Generation(2))
    #expect(host.sync("x", 2)?.assignment == ConversionHost.assignment([0, 1]))
    #expect(host.consumer("new", epoch: -1, holds: nil)?.error == ErrorCode.none)
    #expect(host.group.membership.summary.type == .classic)
    #expect(host.group.membership.classic?.generation == Generation(3))
    #expect(host.stored?.membership.summary.type == .classic)
    #expect(host.timers.contains(.session(MemberID("x"))))
    #expect(!host.timers.contains(.session(MemberID("new"))))
    // And goes on as ever.
    let joined = host.join("x")
    #expect(joined?.leader == MemberID("x"))
    #expect(
        host.sync("x", joined?.generation.rawValue ?? 0, assigns: [("x", [3])])?.assignment
            == ConversionHost.assignment([3])
    )
}

@Test func aClassicMemberJoinsAConsumerGroup() {
    var host = ConversionHost()
    #expect(host.consumer("new")?.assignment?.count == 4)
    let joined = host.join("")
    #expect(joined?.generation == Generation(2))
    #expect(joined?.leader == MemberID.unknown)
    #expect(host.sync("x", 2)?.assignment == [0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff])
    #expect(host.consumer("new", epoch: 1, holds: [0, 1, 2, 3])?.assignment?.count == 2)
    #expect(host.heartbeat("x", 2) == ErrorCode.none)
    #expect(host.consumer("new", epoch: 1, holds: [0, 1])?.epoch == MemberEpoch(2))
    #expect(host.heartbeat("x", 2) == .rebalanceInProgress)
    #expect(host.join("x")?.generation == Generation(2))
    #expect(host.sync("x", 2)?.assignment == ConversionHost.assignment([2, 3]))
}

@Test func aMemberThatIsNoConsumerStaysAmongItsOwn() {
    var host = ConversionHost()
    _ = host.join("", type: "connect")
    #expect(host.consumer("new")?.error == .groupIdNotFound)
    #expect(host.group.membership.summary.type == .classic)
    var other = ConversionHost()
    _ = other.consumer("new")
    #expect(other.join("", type: "connect")?.error == .inconsistentGroupProtocol)
    #expect(other.heartbeat("new", 1) == .unknownMemberId)
    #expect(other.sync("new", 1)?.error == .unknownMemberId)
}

@Test func policyKeepsProtocolsApart() {
    var host = ConversionHost()
    host.rules.consumer.migration = .downgrade
    host.makeClassic()
    #expect(host.consumer("new")?.error == .groupIdNotFound)
    #expect(host.heartbeat("x", 1) == ErrorCode.none)
}

@Test func anEmptyGroupIsOfWhateverComes() {
    var host = ConversionHost()
    _ = host.consumer("new")
    #expect(host.consumer("new", epoch: -1, holds: nil)?.error == ErrorCode.none)
    host.makeClassic()
    #expect(host.stored?.membership.summary.type == .classic)
    host.leave("x")
    #expect(host.consumer("new", epoch: 3)?.error == .unknownMemberId)
    #expect(host.group.membership.summary.type == .classic)
    #expect(host.consumer("new")?.assignment?.count == 4)
    #expect(host.stored?.membership.summary.type == .consumer)
}

@Test func theHistoryOfAGroupGoesOnWhenItsProtocolChanges() {
    var host = ConversionHost()
    host.makeClassic()
    // From a group with members to the other protocol and back, and from an empty one.
    _ = host.consumer("new")
    #expect(host.join("x", holds: [])?.generation == Generation(2))
    _ = host.sync("x", 2)
    _ = host.consumer("new", epoch: 2, holds: [])
    _ = host.consumer("new", epoch: -1, holds: nil)
    #expect(host.group.membership.summary.type == .classic)
    let joined = host.join("x")
    _ = host.sync("x", joined?.generation.rawValue ?? 0, assigns: [("x", [0])])
    host.leave("x")
    _ = host.consumer("new")
    _ = host.consumer("new", epoch: -1, holds: nil)
    host.makeClassic()
    let reasons = host.group.membership.rebalances.map { "\($0.reason.member) \($0.reason.cause.rawValue)" }
    #expect(reasons == ["x joined", "new joined", "new left", "x left", "new joined", "new left", "x joined"])
}

@Test func aRefusedChangeOfProtocolLeavesTheGroupAsItWas() {
    var host = ConversionHost()
    host.makeClassic()
    host.refusal = .coordinatorNotAvailable
    #expect(host.consumer("new")?.error == .coordinatorNotAvailable)
    host.refusal = nil
    #expect(host.consumer("new")?.error == ErrorCode.none)
    #expect(host.stored?.membership.summary == host.group.membership.summary)
    #expect(host.join("x", holds: [0, 1, 2, 3])?.error == ErrorCode.none)
    #expect(host.sync("x", 1)?.assignment == ConversionHost.assignment([0, 1]))
}

@Test func aDeletedConsumerGroupLeavesNothing() {
    var host = ConversionHost()
    _ = host.consumer("new")
    let refused = host.handle { group, token, _, step in group.delete(token, &step) }
    #expect(refused == .delete(.nonEmptyGroup))
    _ = host.consumer("new", epoch: -1, holds: nil)
    #expect(host.handle { group, token, _, step in group.delete(token, &step) } == .delete(.none))
    #expect(host.stored == nil)
    #expect(host.group.isForgettable)
}

@Test func aClassicMemberThatDoesNotRejoinIsPutOut() {
    var host = ConversionHost()
    host.makeClassic()
    _ = host.consumer("new")
    #expect(host.heartbeat("x", 1) == .rebalanceInProgress)
    #expect(host.timers.contains(.rejoin(MemberID("x"))))
    host.handle { group, _, rules, step in group.expired(.rejoin(MemberID("x")), rules, &step) }
    #expect(host.consumer("new", epoch: 2)?.assignment?.count == 4)
    #expect(host.heartbeat("x", 1) == .unknownMemberId)
}
