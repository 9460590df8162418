import Groups
import Model
import TestSupport
import Testing
import Wire

@testable import Broker

/// Consumer groups through the broker's APIs, with a log, but without sockets.
struct ConsumerCoordinatorTests {
    private let broker: TestBroker
    private let connection: FakeConnection

    init() throws {
        broker = try TestBroker(["offsets.topic.num.partitions": "3"])
        connection = broker.connect()
        try createTopic("t")
    }

    private func createTopic(_ name: String) throws {
        var topic = CreateTopicsRequest.Topic()
        topic.name = name
        topic.partitionCount = 2
        topic.replicationFactor = 1
        var request = CreateTopicsRequest()
        request.topics = [topic]
        #expect(try connection.send(request).topics.first?.errorCode == ErrorCode.none)
    }

    private func heartbeat(_ member: String, epoch: Int32 = 0, pattern: String? = nil) -> ConsumerGroupHeartbeatRequest
    {
        var request = ConsumerGroupHeartbeatRequest()
        request.groupID = "g"
        request.memberID = member
        request.memberEpoch = epoch
        guard epoch == 0 else { return request }
        request.rebalanceTimeoutMilliseconds = 10_000
        request.subscribedTopicNames = pattern == nil ? ["t"] : nil
        request.subscribedTopicRegex = pattern
        request.topicPartitions = []
        return request
    }

    private func describe(_ connection: FakeConnection) throws -> ConsumerGroupDescribeResponse.Group {
        var request = ConsumerGroupDescribeRequest()
        request.groupIDs = ["g"]
        return try #require(try connection.send(request).groups.first)
    }

    private func commit(epoch: Int32, member: String = "m", version: Int16 = 9) throws -> ErrorCode? {
        var place = OffsetCommitRequest.Partition()
        place.committedOffset = 1
        var named = OffsetCommitRequest.Topic()
        named.name = "t"
        named.partitions = [place]
        var request = OffsetCommitRequest()
        request.groupID = "g"
        request.memberID = member
        request.generationIDOrMemberEpoch = epoch
        request.topics = [named]
        return try connection.send(request, version: version).topics.first?.partitions.first?.errorCode
    }

    private func fetch(_ member: String?, epoch: Int32) throws -> ErrorCode? {
        var group = OffsetFetchRequest.Group()
        group.groupID = "g"
        group.memberID = member
        group.memberEpoch = epoch
        group.topics = nil
        var request = OffsetFetchRequest()
        request.groups = [group]
        return try connection.send(request, version: 9).groups.first?.errorCode
    }

    // MARK: What is refused

    @Test func whatIsWrongWithAHeartbeatIsSaid() throws {
        var request = heartbeat("m")
        request.groupID = ""
        #expect(try connection.send(request).errorCode == .invalidGroupId)
        #expect(try connection.send(heartbeat("")).errorCode == .invalidRequest)
        #expect(try connection.send(heartbeat("m", epoch: 3)).errorCode == .unknownMemberId)
        #expect(try connection.send(heartbeat("m", epoch: -3)).errorCode == .invalidRequest)
        let refused = try connection.send(heartbeat("m", pattern: "("))
        #expect(refused.errorCode == .invalidRegularExpression)
        #expect(refused.errorMessage?.contains("missing )") == true, "\(refused.errorMessage ?? "")")
        let long = heartbeat("m", pattern: String(repeating: "a", count: GroupLimits.patternBytes + 1))
        #expect(try connection.send(long).errorCode == .invalidRegularExpression)
        #expect(try describe(connection).errorCode == .groupIdNotFound)
    }

    @Test func whoDoesNotKnowItsEpochCanNeitherCommitNorFetch() throws {
        #expect(try connection.send(heartbeat("m")).memberEpoch == 1)
        #expect(try commit(epoch: 2) == .staleMemberEpoch)
        #expect(try commit(epoch: -1) == .staleMemberEpoch)
        #expect(try commit(epoch: 1, member: "x") == .unknownMemberId)
        #expect(try commit(epoch: 1, version: 8) == .unsupportedVersion)
        #expect(try commit(epoch: 1) == ErrorCode.none)
        #expect(try fetch("m", epoch: 2) == .staleMemberEpoch)
        #expect(try fetch("x", epoch: 1) == .unknownMemberId)
        #expect(try fetch("m", epoch: 1) == ErrorCode.none)
        #expect(try fetch(nil, epoch: -1) == ErrorCode.none)
    }

    // MARK: A member's life

    @Test func aMemberJoinsIsDescribedAndLeaves() throws {
        let joined = try connection.send(heartbeat("m"))
        #expect(joined.errorCode == ErrorCode.none)
        #expect(joined.memberID == "m")
        #expect(joined.heartbeatIntervalMilliseconds == 100)
        #expect(joined.assignment?.topicPartitions.map(\.partitions) == [[0, 1]])
        let described = try describe(connection)
        #expect(described.groupState == "Stable")
        #expect(described.assignorName == "uniform")
        #expect(described.members.map(\.memberID) == ["m"])
        #expect(described.members.first?.targetAssignment.topicPartitions.map(\.topicName) == ["t"])
        #expect(described.members.first?.memberType == 1)
        var filter = ListGroupsRequest()
        filter.typesFilter = ["Consumer"]
        #expect(try connection.send(filter).groups.map(\.groupState) == ["Stable"])
        filter.typesFilter = ["classic"]
        #expect(try connection.send(filter).groups.isEmpty)
        #expect(try connection.send(heartbeat("m", epoch: -1)).memberEpoch == -1)
        #expect(try describe(connection).groupState == "Empty")
    }

    @Test func aRegularExpressionFollowsTopicsButNotTheBrokersOwn() throws {
        let joined = try connection.send(heartbeat("m", pattern: ".*"))
        #expect(joined.assignment?.topicPartitions.count == 1)
        try createTopic("u")
        #expect(try connection.send(heartbeat("m", epoch: 1)).assignment?.topicPartitions.count == 2)
    }

    @Test func aMemberThatIsNotHeardOfIsOut() throws {
        #expect(try connection.send(heartbeat("m")).memberEpoch == 1)
        broker.advance(milliseconds: 44_000)
        #expect(try connection.send(heartbeat("m", epoch: 1)).errorCode == ErrorCode.none)
        broker.advance(milliseconds: 45_000)
        #expect(try connection.send(heartbeat("m", epoch: 1)).errorCode == .unknownMemberId)
    }

    @Test(arguments: [TestBroker.Ending.clean, .kill, .powerCut])
    func aGroupGoesOnAfterARestart(ending: TestBroker.Ending) throws {
        #expect(try connection.send(heartbeat("m", pattern: "t|u")).memberEpoch == 1)
        #expect(try connection.send(heartbeat("n")).memberEpoch == 2)
        let before = try describe(connection)
        try broker.restart(ending)
        let connection = broker.connect()
        #expect(try describe(connection).members == before.members)
        #expect(try connection.send(heartbeat("m", epoch: 1)).errorCode == ErrorCode.none)
    }

    // MARK: Announcements

    @Test func theProtocolIsAnnouncedAsAFeature() throws {
        var request = ApiVersionsRequest()
        request.clientSoftwareName = "test"
        request.clientSoftwareVersion = "1"
        let response = try connection.send(request, version: 4)
        #expect(response.finalizedFeatures.map(\.name) == ["group.version"])
        #expect(response.finalizedFeatures.first?.maximumVersionLevel == 1)
        #expect(response.supportedFeatures.first?.maximumVersion == 1)
        // Whose lowest level is 0, which older clients take for a mistake.
        #expect(try connection.send(request, version: 3).supportedFeatures.isEmpty)
    }
}

@Test func topicsOfARegularExpressionAreLookedUpAnewWhenTheListHasChanged() {
    let patterns = TopicPatterns()
    let registry = TopicRegistry()
    #expect(patterns.names(matching: "t.*", of: registry.snapshot) == [])
    registry.publish {
        $0.put(
            HostedTopic(name: "t1", record: TopicRecord(), partitions: [], revision: CatalogueRevision(1))
        )
    }
    #expect(patterns.names(matching: "t.*", of: registry.snapshot) == ["t1"])
    #expect(patterns.names(matching: "(", of: registry.snapshot) == nil)
    for number in 0...TopicPatterns.capacity { _ = patterns.names(matching: "x\(number)", of: registry.snapshot) }
    #expect(patterns.names(matching: "t.*", of: registry.snapshot) == ["t1"])
}
