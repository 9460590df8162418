import Groups
import Model
import Testing

/// A group with its log, for tests of what is beside the members: appends wait until the test settles them.
private struct OffsetsHost {
    static let id = GroupID("g")

    var group = Group(id: id, now: Timestamp(milliseconds: 0))
    var settings = OffsetSettings()
    var now: Int64 = 0
    private(set) var appends: [(records: [GroupRecord], purpose: GroupAppend)] = []
    private(set) var log: [GroupRecord] = []
    private(set) var replies: [GroupReply] = []
    private var tokens: UInt64 = 0

    mutating func handle(_ event: (inout Group, ReplyToken, OffsetSettings, inout GroupStep) -> Void) {
        tokens += 1
        let time = EventTime(
            timestamp: Timestamp(milliseconds: now),
            instant: Instant(nanoseconds: now * 1_000_000)
        )
        var step = GroupStep(now: time)
        event(&group, ReplyToken(rawValue: tokens), settings, &step)
        for effect in step.effects {
            if case .reply(_, let reply) = effect { replies.append(reply) }
            if case .append(let records, let purpose) = effect { appends.append((records, purpose)) }
        }
    }

    mutating func settle(failure: ErrorCode? = nil) {
        let (records, purpose) = appends.removeFirst()
        if failure == nil { log += records }
        handle { group, _, _, step in group.appended(purpose, failure: failure, rules, &step) }
    }

    mutating func commit(_ offsets: [(TopicPartition, Int64)], metadata: String = "", retention: Int64? = nil) {
        var request = CommitRequest()
        request.retentionMilliseconds = retention
        request.positions = offsets.map { partition, offset in
            CommitRequest.Position(partition, offset: Offset(offset), metadata: metadata)
        }
        handle { group, token, settings, step in group.commit(request, token, settings, rules.topics, &step) }
    }

    mutating func takeReplies() -> [GroupReply] {
        defer { replies = [] }
        return replies
    }

    /// The group that a coordinator makes of the log.
    var reloaded: Group? {
        var replay = GroupReplay()
        for record in log { replay.apply(record) }
        return replay.groups(now: Timestamp(milliseconds: now))[Self.id]
    }
}

private let rules = GroupRules(
    classic: ClassicGroupSettings(),
    consumer: ConsumerGroupSettings(),
    topics: FakeTopics()
)
private let t0 = TopicPartition("t", 0)
private let t1 = TopicPartition("t", 1)
private let u0 = TopicPartition("u", 0)

@Test func aCommitThatIsNotStoredIsNeitherAnsweredNorSeen() {
    var host = OffsetsHost()
    host.commit([(t0, 5)])
    #expect(host.takeReplies().isEmpty)
    #expect(host.group.offsets[t0] == nil)
    #expect(!host.group.isForgettable)
    host.settle(failure: .coordinatorNotAvailable)
    #expect(host.takeReplies() == [.commit([.coordinatorNotAvailable])])
    #expect(host.group.offsets[t0] == nil)
    #expect(host.group.isForgettable)
}

@Test func aStoredCommitIsAnsweredSeenAndThereAfterARestart() {
    var host = OffsetsHost()
    host.commit([(t0, 5), (u0, 7)], metadata: "note")
    host.settle()
    #expect(host.takeReplies() == [.commit([.none, .none])])
    #expect(host.group.offsets[t0]?.offset == Offset(5))
    #expect(host.group.offsets[u0]?.metadata == "note")
    #expect(host.reloaded?.offsets == host.group.offsets)
}

@Test func commitsAreSeenInTheOrderOfTheLog() {
    var host = OffsetsHost()
    host.commit([(t0, 5)])
    host.commit([(t0, 6)])
    host.settle()
    #expect(host.group.offsets[t0]?.offset == Offset(5))
    host.settle()
    #expect(host.group.offsets[t0]?.offset == Offset(6))
}

@Test func aNoteThatIsTooLongFailsAloneAndTheRestIsKept() {
    var host = OffsetsHost()
    host.settings.maximumMetadataBytes = 3
    var request = CommitRequest()
    request.positions = [
        CommitRequest.Position(t0, offset: Offset(1), metadata: "long"),
        CommitRequest.Position(t1, offset: Offset(2), metadata: "abc"),
    ]
    host.handle { group, token, settings, step in group.commit(request, token, settings, rules.topics, &step) }
    host.settle()
    #expect(host.takeReplies() == [.commit([.offsetMetadataTooLarge, .none])])
    #expect(host.group.offsets[t0] == nil)
    #expect(host.group.offsets[t1]?.offset == Offset(2))
}

@Test func aMemberThatIsNotThereCannotCommit() {
    var host = OffsetsHost()
    var request = CommitRequest()
    request.memberID = MemberID("m")
    request.generation = Generation(3)
    request.positions = [CommitRequest.Position(t0, offset: Offset(1))]
    host.handle { group, token, settings, step in group.commit(request, token, settings, rules.topics, &step) }
    #expect(host.takeReplies() == [.commit([.unknownMemberId])])
    #expect(host.appends.isEmpty)
}

@Test func aDeletedGroupTakesWithItWhatWasOnItsWay() {
    var host = OffsetsHost()
    host.commit([(t0, 5)])
    host.settle()
    host.commit([(t1, 6)])
    host.handle { group, token, _, step in group.delete(token, &step) }
    host.settle()
    host.settle()
    #expect(host.takeReplies() == [.commit([.none]), .commit([.none]), .delete(.none)])
    #expect(host.group.isForgettable)
    #expect(host.reloaded == nil)
}

@Test func deletingWhatIsNotThereIsAnError() {
    var host = OffsetsHost()
    host.handle { group, token, _, step in group.delete(token, &step) }
    #expect(host.takeReplies() == [.delete(.groupIdNotFound)])
}

@Test func deletedOffsetsAreGoneOnceThatIsStored() {
    var host = OffsetsHost()
    host.commit([(t0, 5), (u0, 7)])
    host.settle()
    _ = host.takeReplies()
    host.handle { group, token, _, step in group.deleteOffsets(of: [t0, t1], token, &step) }
    #expect(host.group.offsets[t0] != nil)
    host.settle()
    #expect(host.takeReplies() == [.deleteOffsets([.none, .none])])
    #expect(host.group.offsets[t0] == nil)
    #expect(host.reloaded?.offsets == host.group.offsets)
}

@Test func anOffsetThatItsTopicStillHoldsOutlivesItsRetention() {
    var host = OffsetsHost()
    host.settings.retention = .seconds(60)
    host.commit([(t0, 5), (t1, 5)])
    host.settle()
    host.now = 59_999
    let expire = { (host: inout OffsetsHost) in
        host.handle { group, _, settings, step in
            group.expire(settings, isValid: { partition, _ in partition == t0 }, &step)
        }
    }
    expire(&host)
    #expect(host.appends.isEmpty)
    host.now = 60_000
    expire(&host)
    host.settle()
    #expect(host.group.offsets.committed.keys.sorted() == [t0])
    host.settings.keepsValidPositions = false
    expire(&host)
    host.settle()
    #expect(host.group.isForgettable)
    #expect(host.reloaded == nil)
}

@Test func anOldClientsRetentionTimeGoesBeforeTheBrokers() {
    var host = OffsetsHost()
    host.settings.keepsValidPositions = false
    host.commit([(t0, 5)], retention: 1000)
    host.settle()
    host.now = 1000
    host.handle { group, _, settings, step in group.expire(settings, isValid: { _, _ in true }, &step) }
    host.settle()
    #expect(host.group.isForgettable)
}

@Test func offsetsOfADeletedTopicAreForgotten() {
    var host = OffsetsHost()
    host.commit([(t0, 5), (t1, 5), (u0, 7)])
    host.settle()
    host.handle { group, _, _, step in group.forgetTopics({ $0 == "t" }, &step) }
    host.settle()
    #expect(host.group.offsets.committed.keys.sorted() == [u0])
    #expect(host.reloaded?.offsets == host.group.offsets)
}

/// Metadata of a consumer that reads a topic, as clients write it: version, topics, no user data.
private func subscription(_ topic: String) -> [UInt8] {
    [0, 0, 0, 0, 0, 1, 0, UInt8(topic.utf8.count)] + Array(topic.utf8) + [0xff, 0xff, 0xff, 0xff]
}

@Test(arguments: [
    (subscription("t"), GroupReply.deleteOffsets([.groupSubscribedToTopic, .none])),
    ([0, 0, 0x7f, 0xff, 0xff, 0xff], GroupReply.deleteOffsets([.nonEmptyGroup, .nonEmptyGroup])),
    ([0], GroupReply.deleteOffsets([.nonEmptyGroup, .nonEmptyGroup])),
])
func offsetsThatAMemberReadsAreNotDeleted(metadata: [UInt8], expected: GroupReply) {
    var host = OffsetsHost()
    host.commit([(t0, 5), (u0, 7)])
    host.settle()
    var join = JoinRequest()
    join.sessionTimeoutMilliseconds = 10_000
    join.protocolType = "consumer"
    join.protocols = [JoinProtocol(name: "range", metadata: metadata)]
    join.requiresKnownMemberID = false
    join.freshMemberID = MemberID("m")
    host.handle { group, token, _, step in group.join(join, token, rules, &step) }
    _ = host.takeReplies()
    host.handle { group, token, _, step in group.deleteOffsets(of: [t0, u0], token, &step) }
    if !host.appends.isEmpty { host.settle() }
    #expect(host.takeReplies() == [expected])
}
