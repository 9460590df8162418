import Model
import TestSupport
import Testing
import Wire

@testable import Broker

/// CreateTopics: what is refused, what is only checked, and what is there afterwards.
struct CreateTopicsTests {
    private typealias Topic = CreateTopicsRequest.Topic

    private let broker: TestBroker
    private let connection: FakeConnection

    init() throws {
        broker = try TestBroker(["num.partitions": "2", "node.id": "5"])
        connection = broker.connect()
    }

    private func topic(_ name: String, partitions: Int32 = 1, factor: Int16 = 1) -> Topic {
        var topic = Topic()
        topic.name = name
        topic.partitionCount = partitions
        topic.replicationFactor = factor
        return topic
    }

    private func assigned(_ name: String, _ assignments: [(Int32, [Int32])]) -> Topic {
        var topic = topic(name, partitions: -1, factor: -1)
        topic.assignments = assignments.map { index, brokers in
            var assignment = CreateTopicsRequest.Assignment()
            assignment.index = index
            assignment.brokerIDs = brokers
            return assignment
        }
        return topic
    }

    private func configured(_ name: String, _ configs: [(String, String?)]) -> Topic {
        var topic = topic(name)
        topic.configs = configs.map { name, value in
            var config = CreateTopicsRequest.Config()
            config.name = name
            config.value = value
            return config
        }
        return topic
    }

    private func create(
        _ topics: Topic...,
        validateOnly: Bool = false,
        version: Int16 = 7
    ) throws -> [CreateTopicsResponse.Topic] {
        var request = CreateTopicsRequest()
        request.topics = topics
        request.validateOnly = validateOnly
        return try connection.send(request, version: version).topics
    }

    /// Refused in the same way whether it is only checked or really wanted, and nothing is left behind.
    private func expectRefusal(
        of topic: Topic,
        _ code: ErrorCode,
        at location: SourceLocation = #_sourceLocation
    ) throws {
        let before = broker.broker.counts.topics
        for version in CreateTopicsRequest.api.versions {
            for validateOnly in [true, false] {
                let result = try #require(try create(topic, validateOnly: validateOnly, version: version).first)
                #expect(result.errorCode == code, "\(result.errorMessage ?? "")", sourceLocation: location)
                #expect(result.errorMessage?.isEmpty == false, sourceLocation: location)
                #expect(result.name == topic.name && result.topicID == .zero, sourceLocation: location)
            }
        }
        #expect(broker.broker.counts.topics == before, sourceLocation: location)
    }

    // MARK: Names

    @Test(arguments: ["", ".", "..", "a b", "ü", "a/b", "../x", "a\u{0}", String(repeating: "x", count: 250)])
    func aNameThatIsNoNameIsInvalid(name: String) throws {
        try expectRefusal(of: topic(name), .invalidTopicException)
    }

    @Test func theBrokersOwnNameIsTaken() throws {
        try expectRefusal(of: topic(EmbeddedCatalogue.topicName), .invalidTopicException)
    }

    @Test func aTopicThatIsThereIsNotCreatedAgain() throws {
        let id = try connection.createTopic("events", partitions: 3)
        try expectRefusal(of: topic("events"), .topicAlreadyExists)
        #expect(try connection.metadata(of: "events").topicID == id)
    }

    @Test func namesThatDifferInDotsAndUnderscoresCollide() throws {
        try connection.createTopic("a.b_c")
        for name in ["a_b_c", "a.b.c", "a_b.c"] { try expectRefusal(of: topic(name), .invalidTopicException) }
        try connection.createTopic("a-b-c")
        try connection.createTopic("abc")
        try connection.createTopic("a.b_d")
        let results = try create(topic("x.y"), topic("x_y"))
        #expect(results.map(\.errorCode) == [.none, .invalidTopicException])
    }

    @Test func theLongestNameIsFine() throws {
        let name = String(repeating: "x", count: TopicName.maximumLength)
        try connection.createTopic(name)
        try connection.append(to: name)
    }

    @Test func aNameThatIsGivenTwiceIsCreatedNeitherTime() throws {
        let results = try create(topic("twice"), topic("once"), topic("twice", partitions: 2))
        #expect(results.map(\.errorCode) == [.invalidRequest, .none, .invalidRequest])
        #expect(broker.broker.topics.snapshot.sorted.map(\.name) == ["once"])
    }

    // MARK: Numbers

    @Test(arguments: [0, -2, .min] as [Int32])
    func thereIsAtLeastOnePartition(count: Int32) throws {
        try expectRefusal(of: topic("events", partitions: count), .invalidPartitions)
    }

    @Test func thePartitionsOfAllTopicsAreLimitedByTheMemory() throws {
        let limit = Int32(clamping: broker.broker.maximumPartitions)
        try expectRefusal(of: topic("events", partitions: .max), .invalidPartitions)
        try expectRefusal(of: topic("events", partitions: limit + 1), .invalidPartitions)
        try connection.createTopic("small", partitions: 2)
        try expectRefusal(of: topic("events", partitions: limit - 1), .invalidPartitions)
        #expect(try create(topic("events", partitions: limit - 2), validateOnly: true)[0].errorCode == .none)
        #expect(
            try create(topic("events", partitions: limit), validateOnly: true)[0].errorMessage?.contains("memory")
                == true
        )
    }

    @Test(arguments: [0, -2, 2, 3, .max, .min] as [Int16])
    func thereIsOneReplicaOnOneBroker(factor: Int16) throws {
        try expectRefusal(of: topic("events", factor: factor), .invalidReplicationFactor)
    }

    // MARK: Assignments

    @Test func assignmentsAndNumbersExcludeOneAnother() throws {
        for (partitions, factor) in [(1, -1), (-1, 1), (1, 1)] as [(Int32, Int16)] {
            var topic = assigned("events", [(0, [5])])
            (topic.partitionCount, topic.replicationFactor) = (partitions, factor)
            try expectRefusal(of: topic, .invalidRequest)
        }
    }

    @Test func assignmentsNumberThePartitionsWithoutGaps() throws {
        for indexes in [[1], [0, 2], [0, 0], [-1, 0], [0, .max]] as [[Int32]] {
            try expectRefusal(of: assigned("events", indexes.map { ($0, [5]) }), .invalidReplicaAssignment)
        }
    }

    @Test func replicasAreOnThisBroker() throws {
        for brokers in [[], [1], [5, 5], [5, 1], [-1]] as [[Int32]] {
            try expectRefusal(of: assigned("events", [(0, [5]), (1, brokers)]), .invalidReplicaAssignment)
        }
    }

    @Test func assignmentsInAnyOrderMakeTheirPartitions() throws {
        let result = try create(assigned("events", [(2, [5]), (0, [5]), (1, [5])]))[0]
        #expect(result.errorCode == .none)
        #expect(result.partitionCount == 3 && result.replicationFactor == 1)
        #expect(try connection.metadata(of: "events").partitions.map(\.replicaNodes) == [[5], [5], [5]])
    }

    // MARK: Configurations

    @Test func configurationsThatAreNoneAreRefused() throws {
        try expectRefusal(of: configured("events", [("retention.millis", "1")]), .invalidConfig)
        try expectRefusal(of: configured("events", [("retention.ms", "long")]), .invalidConfig)
        try expectRefusal(of: configured("events", [("cleanup.policy", "shred")]), .invalidConfig)
        try expectRefusal(
            of: configured("events", [("min.compaction.lag.ms", "2"), ("max.compaction.lag.ms", "1")]),
            .invalidConfig
        )
        try expectRefusal(of: configured("events", [("retention.ms", nil)]), .invalidRequest)
        try expectRefusal(of: configured("events", [("retention.ms", "1"), ("retention.ms", "2")]), .invalidRequest)
        let suggestion = try create(configured("events", [("retention.millis", "1")]))[0].errorMessage
        #expect(suggestion?.contains("retention.ms") == true)
    }

    @Test func aBadTopicDoesNotHarmItsNeighbours() throws {
        let results = try create(topic("a"), topic("a b"), topic("c", partitions: 0), topic("d"))
        #expect(results.map(\.name) == ["a", "a b", "c", "d"])
        #expect(results.map(\.errorCode) == [.none, .invalidTopicException, .invalidPartitions, .none])
        #expect(broker.broker.topics.snapshot.sorted.map(\.name) == ["a", "d"])
    }

    // MARK: Success

    @Test(arguments: CreateTopicsRequest.api.versions)
    func theResponseTellsWhatTheTopicIsLike(version: Int16) throws {
        var wanted = configured("events", [("retention.ms", "1000")])
        wanted.partitionCount = 3
        let result = try create(wanted, version: version)[0]
        #expect(result.errorCode == .none)
        guard version >= 5 else { return }
        #expect(result.partitionCount == 3 && result.replicationFactor == 1)
        let configs = try #require(result.configs)
        let own = try #require(configs.first { $0.name == "retention.ms" })
        #expect(own.value == "1000" && own.source == ConfigSource.dynamicTopic.rawValue)
        let inherited = try #require(configs.first { $0.name == "segment.bytes" })
        #expect(inherited.value == "1073741824" && inherited.source == ConfigSource.default.rawValue)
        if version >= 7 { #expect(try result.topicID == connection.metadata(of: "events").topicID) }
    }

    @Test func whatIsOnlyCheckedIsNotThere() throws {
        let result = try create(topic("events", partitions: -1, factor: -1), validateOnly: true)[0]
        #expect(result.errorCode == .none)
        #expect(result.topicID == .zero)
        #expect(result.partitionCount == 2)
        #expect(result.configs?.isEmpty == false)
        #expect(broker.broker.counts.topics == 0)
        #expect(try !broker.files().contains { $0.contains("events") })
    }

    @Test func anEmptyRequestIsAnsweredWithNothing() throws {
        #expect(try create().isEmpty)
    }

    // MARK: The disk

    @Test func aTopicThatCannotBeNotedDownIsNotThere() throws {
        broker.fileSystem.inject { operation, path in
            operation == .sync && path.contains(EmbeddedCatalogue.topicName) ? 5 : nil
        }
        #expect(try create(topic("events"))[0].errorCode == .kafkaStorageError)
        #expect(broker.broker.counts.topics == 0)
        try broker.restart()
        try broker.connect().createTopic("others")
        try broker.connect().append(to: "others")
    }

    @Test func aPartitionWithoutADirectoryIsOfflineUntilTheNextStart() throws {
        broker.fileSystem.inject { operation, path in
            operation == .createDirectory && path.hasSuffix("/events-1") ? 28 : nil
        }
        #expect(try create(topic("events", partitions: 3))[0].errorCode == .none)
        let errors = try connection.metadata(of: "events").partitions.map(\.errorCode)
        #expect(errors == [.none, .leaderNotAvailable, .none])
        #expect(broker.logged("events-1 is offline") == 1)
        try connection.append(to: "events", 2)
        try broker.restart()
        let connection = broker.connect()
        #expect(try connection.metadata(of: "events").partitions.map(\.errorCode) == [.none, .none, .none])
        #expect(try connection.append(to: "events", 1) == 0)
        #expect(try connection.append(to: "events", 2) == 1)
    }
}
