import Groups
import Model
import NIOCore
import TestSupport
import Testing
import Wire

@testable import Broker

/// Groups through the broker's APIs, with a log, but without sockets.
struct GroupCoordinatorTests {
    private let broker: TestBroker
    private let connection: FakeConnection

    init() throws {
        broker = try TestBroker(["offsets.topic.num.partitions": "3"])
        connection = broker.connect()
        try createTopic("t", on: connection)
    }

    private func createTopic(_ name: String, on connection: FakeConnection) throws {
        var topic = CreateTopicsRequest.Topic()
        topic.name = name
        topic.partitionCount = 2
        topic.replicationFactor = 1
        var request = CreateTopicsRequest()
        request.topics = [topic]
        #expect(try connection.send(request).topics.first?.errorCode == ErrorCode.none)
    }

    private func join(_ memberID: String = "", session: Int32 = 10_000) -> JoinGroupRequest {
        var offered = JoinGroupRequest.GroupProtocol()
        offered.name = "range"
        offered.metadata = ByteBuffer(string: "m")
        var request = JoinGroupRequest()
        request.groupID = "g"
        request.memberID = memberID
        request.sessionTimeoutMilliseconds = session
        request.rebalanceTimeoutMilliseconds = 20_000
        request.protocolType = "consumer"
        request.protocols = [offered]
        return request
    }

    /// Joins as the only member, and lets the first wait pass.
    private func joinAlone() throws -> JoinGroupResponse {
        let told = try connection.send(join())
        #expect(told.errorCode == .memberIdRequired)
        let pending = try connection.begin(join(told.memberID))
        #expect(!connection.isAnswered(pending))
        broker.advance(milliseconds: 50)
        return try connection.finish(pending)
    }

    private func commit(
        _ offset: Int64,
        _ member: JoinGroupResponse? = nil,
        generation: Int32? = nil,
        topic: String = "t",
        partition: Int32 = 0
    ) throws -> ErrorCode? {
        var place = OffsetCommitRequest.Partition()
        place.index = partition
        place.committedOffset = offset
        place.committedMetadata = "note"
        var named = OffsetCommitRequest.Topic()
        named.name = topic
        named.partitions = [place]
        var request = OffsetCommitRequest()
        request.groupID = "g"
        request.memberID = member?.memberID ?? ""
        request.generationIDOrMemberEpoch = generation ?? member?.generationID ?? -1
        request.topics = [named]
        return try connection.send(request, version: 9).topics.first?.partitions.first?.errorCode
    }

    private func committed(on connection: FakeConnection) throws -> [String: Int64] {
        var group = OffsetFetchRequest.Group()
        group.groupID = "g"
        group.topics = nil
        var request = OffsetFetchRequest()
        request.groups = [group]
        let response = try connection.send(request, version: 9)
        var offsets: [String: Int64] = [:]
        for topic in response.groups.flatMap(\.topics) {
            for partition in topic.partitions {
                offsets["\(topic.name)-\(partition.index)"] = partition.committedOffset
            }
        }
        return offsets
    }

    private func sync(
        _ member: JoinGroupResponse,
        assignment: ByteBuffer = ByteBuffer(string: "work"),
        on connection: FakeConnection? = nil
    ) throws -> SyncGroupResponse {
        var assigned = SyncGroupRequest.Assignment()
        assigned.memberID = member.memberID
        assigned.assignment = assignment
        var request = SyncGroupRequest()
        request.groupID = "g"
        request.memberID = member.memberID
        request.generationID = member.generationID
        request.protocolType = "consumer"
        request.protocolName = "range"
        request.assignments = [assigned]
        return try (connection ?? self.connection).send(request)
    }

    private func heartbeat(_ member: JoinGroupResponse, on connection: FakeConnection) throws -> ErrorCode {
        var request = HeartbeatRequest()
        request.groupID = "g"
        request.memberID = member.memberID
        request.generationID = member.generationID
        return try connection.send(request).errorCode
    }

    private func state(on connection: FakeConnection) throws -> String? {
        var request = DescribeGroupsRequest()
        request.groups = ["g"]
        return try connection.send(request).groups.first?.groupState
    }

    // MARK: What is refused

    @Test func whatDoesNotExistCannotBeCommitted() throws {
        #expect(try commit(1, topic: "no-such-topic") == .unknownTopicOrPartition)
        #expect(try commit(1, partition: 2) == .unknownTopicOrPartition)
        #expect(try committed(on: connection) == [:])
    }

    @Test func aGroupNeedsAName() throws {
        var request = join()
        request.groupID = ""
        #expect(try connection.send(request).errorCode == .invalidGroupId)
        request.groupID = String(repeating: "g", count: GroupLimits.nameBytes + 1)
        #expect(try connection.send(request).errorCode == .invalidGroupId)
    }

    @Test func withoutGroupsNothingIsMadeByAsking() throws {
        #expect(try connection.send(ListGroupsRequest()).groups.isEmpty)
        #expect(try state(on: connection) == "Dead")
        #expect(try committed(on: connection) == [:])
        #expect(broker.broker.topics.snapshot[GroupCoordinator.topicName] == nil)
    }

    @Test func nobodyProducesToTheBrokersOwnTopic() throws {
        #expect(try commit(1) == ErrorCode.none)
        var partition = ProduceRequest.Partition()
        partition.records = .bytes(ByteBuffer(string: "anything"))
        var topic = ProduceRequest.Topic()
        topic.name = GroupCoordinator.topicName
        topic.partitions = [partition]
        var request = ProduceRequest()
        request.acks = 1
        request.topics = [topic]
        let outcome = try connection.send(request, version: 9).topics.first?.partitions.first
        #expect(outcome?.errorCode == .invalidTopicException)
    }

    // MARK: A member's life

    @Test func aMemberJoinsWorksCommitsAndLeaves() throws {
        let member = try joinAlone()
        #expect(member.errorCode == ErrorCode.none)
        #expect(member.leader == member.memberID)
        #expect(member.members.count == 1)
        #expect(try sync(member).assignment == ByteBuffer(string: "work"))
        #expect(try heartbeat(member, on: connection) == ErrorCode.none)
        #expect(try state(on: connection) == "Stable")
        #expect(try commit(5, member) == ErrorCode.none)
        #expect(try commit(6, member, generation: member.generationID + 1) == .illegalGeneration)
        #expect(try commit(7) == .unknownMemberId)
        #expect(try committed(on: connection) == ["t-0": 5])
        var leaving = LeaveGroupRequest.Member()
        leaving.memberID = member.memberID
        var leave = LeaveGroupRequest()
        leave.groupID = "g"
        leave.members = [leaving]
        #expect(try connection.send(leave).members.map(\.errorCode) == [ErrorCode.none])
        #expect(try heartbeat(member, on: connection) != ErrorCode.none)
        #expect(try state(on: connection) == "Empty")
    }

    @Test func aMemberThatIsNotHeardOfIsOut() throws {
        let member = try joinAlone()
        _ = try sync(member)
        broker.advance(milliseconds: 9_999)
        #expect(try heartbeat(member, on: connection) == ErrorCode.none)
        broker.advance(milliseconds: 10_000)
        #expect(try state(on: connection) == "Empty")
    }

    @Test func whoWaitsForOthersIsSentAwayWhenTheBrokerStops() throws {
        let told = try connection.send(join())
        let pending = try connection.begin(join(told.memberID))
        #expect(!connection.isAnswered(pending))
        connection.drain()
        #expect(try connection.finish(pending).errorCode == .notCoordinator)
    }

    // MARK: What stays

    @Test(arguments: [TestBroker.Ending.clean, .kill, .powerCut])
    func membersAndOffsetsSurviveTheBroker(ending: TestBroker.Ending) throws {
        let member = try joinAlone()
        _ = try sync(member)
        #expect(try commit(5, member) == ErrorCode.none)
        try broker.restart(ending)
        let connection = broker.connect()
        #expect(try committed(on: connection) == ["t-0": 5])
        #expect(try heartbeat(member, on: connection) == ErrorCode.none)
        #expect(try state(on: connection) == "Stable")
        // Its session has begun anew with the broker.
        broker.advance(milliseconds: 10_000)
        #expect(try state(on: connection) == "Empty")
    }

    @Test func aDeletedGroupStaysDeleted() throws {
        #expect(try commit(5) == ErrorCode.none)
        var request = DeleteGroupsRequest()
        request.groupsNames = ["g", "no-such-group"]
        let results = try connection.send(request).results
        #expect(results.map(\.errorCode) == [ErrorCode.none, .groupIdNotFound])
        #expect(try committed(on: connection) == [:])
        try broker.restart(.kill)
        #expect(try committed(on: broker.connect()) == [:])
    }

    @Test func aNewTopicOfAnOldNameHasNoOffsets() throws {
        #expect(try commit(5) == ErrorCode.none)
        var request = DeleteTopicsRequest()
        request.topicNames = ["t"]
        _ = try connection.send(request, version: 5)
        try createTopic("t", on: connection)
        #expect(try commit(1, partition: 1) == ErrorCode.none)
        #expect(try committed(on: connection) == ["t-1": 1])
    }

    @Test func offsetsAreForgottenWhenTheirTimeIsOver() throws {
        #expect(try commit(0) == ErrorCode.none)
        let week: Int64 = 7 * 86_400_000
        broker.time.advance(milliseconds: week)
        broker.broker.groups.expire()
        // The topic still holds that position.
        #expect(try commit(0, partition: 1) == ErrorCode.none)
        #expect(try committed(on: connection) == ["t-0": 0, "t-1": 0])
        try broker.restart(.clean, ["offsets.topic.num.partitions": "3", "offsets.retention.policy": "time"])
        let connection = broker.connect()
        #expect(try committed(on: connection).count == 2)
        broker.broker.groups.expire()
        broker.time.advance(milliseconds: week)
        broker.broker.groups.expire()
        try broker.restart(.kill)
        #expect(try committed(on: broker.connect()) == [:])
    }

    @Test func groupsAreListedByStateAndType() throws {
        #expect(try commit(5) == ErrorCode.none)
        func names(_ change: (inout ListGroupsRequest) -> Void) throws -> [String] {
            var request = ListGroupsRequest()
            change(&request)
            return try connection.send(request).groups.map(\.groupID)
        }
        #expect(try names { _ in } == ["g"])
        #expect(try names { $0.statesFilter = ["empty"] } == ["g"])
        #expect(try names { $0.statesFilter = ["Stable"] } == [])
        #expect(try names { $0.typesFilter = ["Classic"] } == ["g"])
        #expect(try names { $0.typesFilter = ["consumer"] } == [])
    }

    @Test func offsetsAreCommittedAndFetchedByTopicID() throws {
        let id = try #require(broker.broker.topics.snapshot["t"]?.id)
        func commit(_ id: TopicID) throws -> ErrorCode? {
            var place = OffsetCommitRequest.Partition()
            place.committedOffset = 5
            var topic = OffsetCommitRequest.Topic()
            topic.topicID = id
            topic.partitions = [place]
            var request = OffsetCommitRequest()
            request.groupID = "g"
            request.generationIDOrMemberEpoch = -1
            request.topics = [topic]
            return try connection.send(request, version: 10).topics.first?.partitions.first?.errorCode
        }
        let strange = TopicID(high: 1, low: 2)
        #expect(try commit(strange) == .unknownTopicId)
        #expect(try commit(id) == ErrorCode.none)

        func asked(_ group: String, _ id: TopicID) -> OffsetFetchRequest.Group {
            var topic = OffsetFetchRequest.Topic()
            topic.topicID = id
            topic.partitionIndexes = [0, 1]
            var asked = OffsetFetchRequest.Group()
            asked.groupID = group
            asked.topics = [topic]
            return asked
        }
        var request = OffsetFetchRequest()
        request.requireStable = true
        request.groups = [asked("g", id), asked("g", strange), asked("no-such-group", id)]
        let groups = try connection.send(request, version: 10).groups
        let partitions = groups.map { $0.topics.flatMap(\.partitions) }
        #expect(groups.map(\.groupID) == ["g", "g", "no-such-group"])
        #expect(partitions.map { $0.map(\.committedOffset) } == [[5, -1], [-1, -1], [-1, -1]])
        #expect(partitions[1].map(\.errorCode) == [.unknownTopicId, .unknownTopicId])
    }

    // MARK: Bounds

    @Test func assignmentsThatDoNotFitIntoTheLogAreRefused() throws {
        let broker = try TestBroker(["offsets.topic.segment.bytes": "1048576", "group.initial.rebalance.delay.ms": "0"])
        let connection = broker.connect()
        let member = try connection.send(join(try connection.send(join()).memberID))
        let large = ByteBuffer(repeating: 0, count: 1 << 20)
        #expect(try sync(member, assignment: large, on: connection).errorCode == .unknownServerError)
        // The group goes on without.
        let again = try connection.send(join(member.memberID))
        #expect(again.generationID == member.generationID + 1)
        #expect(try sync(again, on: connection).errorCode == ErrorCode.none)
    }

    @Test func groupsThatAreNothingButPromisesAreForgottenForNewerOnes() throws {
        let broker = try TestBroker(["offsets.topic.num.partitions": "1"])
        let connection = broker.connect()
        func promise(_ group: String) throws -> String {
            var request = join()
            request.groupID = group
            let told = try connection.send(request)
            #expect(told.errorCode == .memberIdRequired)
            return told.memberID
        }
        let first = try promise("first")
        let second = try promise("second")
        for number in 1..<GroupLimits.promisedGroups { _ = try promise("fresh-\(number)") }
        var request = join(first)
        request.groupID = "first"
        #expect(try connection.send(request).errorCode == .unknownMemberId)
        request = join(second)
        request.groupID = "second"
        let pending = try connection.begin(request)
        broker.advance(milliseconds: 50)
        #expect(try connection.finish(pending).errorCode == ErrorCode.none)
    }

    // MARK: History

    private func history(_ groups: [String] = ["g"]) throws -> [GroupHistoryResponse.Group] {
        var request = GroupHistoryRequest()
        request.groupIDs = groups
        return try connection.send(request).groups
    }

    @Test func theHistoryTellsWhoRebalancedWhyAndForHowLong() throws {
        #expect(try history().map(\.errorCode) == [.groupIdNotFound])
        let member = try joinAlone()
        let underWay = try #require(try history().first)
        #expect(underWay.isRebalancing && !underWay.isInStorm)
        #expect(underWay.rebalances.map(\.generation) == [-1])
        _ = try sync(member)
        let groups = try history(["g", "no-such-group"])
        #expect(groups.map(\.errorCode) == [.none, .groupIdNotFound])
        let rebalance = try #require(groups.first?.rebalances.first)
        #expect(rebalance.memberID == member.memberID)
        #expect(rebalance.clientID == "test")
        #expect(rebalance.cause == "joined")
        #expect(rebalance.generation == 1)
        #expect(rebalance.durationMicroseconds == 50_000)
        #expect([rebalance.membersBefore, rebalance.membersAfter] == [0, 1])
        // The assignment is not a consumer's.
        #expect(rebalance.partitionsMoved == -1)
        #expect(groups.first?.isRebalancing == false)
    }

    @Test func aStormIsWarnedAboutOnceAndShownUntilItIsOver() throws {
        func storm() throws {
            for _ in 0..<GroupLimits.stormRebalances + 3 {
                let member = try joinAlone()
                _ = try sync(member)
                var leaving = LeaveGroupRequest.Member()
                leaving.memberID = member.memberID
                var leave = LeaveGroupRequest()
                leave.groupID = "g"
                leave.members = [leaving]
                _ = try connection.send(leave)
            }
        }
        func warnings() -> Int { broker.log.lines.count { $0.contains("again and again") } }
        try storm()
        #expect(broker.broker.health.conditions.map(\.kind) == [.groupStorm])
        #expect(warnings() == 1)
        #expect(try history().first?.isInStorm == true)
        broker.advance(milliseconds: 61_000)
        #expect(broker.broker.health.conditions.isEmpty)
        #expect(try history().first?.isInStorm == false)
        try storm()
        #expect(broker.broker.health.conditions.map(\.kind) == [.groupStorm])
        #expect(warnings() == 1, "not again so soon")
    }
}
