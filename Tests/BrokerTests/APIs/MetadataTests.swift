import Model
import TestSupport
import Testing
import Wire

@testable import Broker

/// Metadata: what is told about which topics, and which are created by asking for them.
struct MetadataTests {
    private let broker: TestBroker
    private let connection: FakeConnection
    private let topicID: TopicID

    init() throws {
        broker = try TestBroker(["num.partitions": "2"])
        connection = broker.connect()
        topicID = try connection.createTopic("events", partitions: 3)
    }

    private func named(_ names: String..., creates: Bool = false) -> MetadataRequest {
        var request = MetadataRequest()
        request.allowAutoTopicCreation = creates
        request.topics = names.map { name in
            var topic = MetadataRequest.Topic()
            topic.name = name
            return topic
        }
        return request
    }

    private func identified(_ ids: TopicID...) -> MetadataRequest {
        var request = MetadataRequest()
        request.allowAutoTopicCreation = false
        request.topics = ids.map { id in
            var topic = MetadataRequest.Topic()
            topic.topicID = id
            return topic
        }
        return request
    }

    // MARK: What is not there

    @Test func aTopicThatIsNotThereIsAnErrorOfItsOwn() throws {
        for version in MetadataRequest.api.versions where version >= 4 {
            let topics = try connection.send(named("missing", "events"), version: version).topics
            #expect(topics.map(\.name) == ["missing", "events"])
            #expect(topics.map(\.errorCode) == [.unknownTopicOrPartition, .none])
            #expect(topics[0].partitions.isEmpty)
        }
        #expect(broker.broker.counts.topics == 1)
    }

    @Test func aTopicIDThatIsNotThereIsAnErrorOfItsOwn() throws {
        let unknown = TopicID(high: 1, low: 1)
        for version: Int16 in 12...13 {
            let topics = try connection.send(identified(unknown, topicID), version: version).topics
            #expect(topics.map(\.errorCode) == [.unknownTopicId, .none])
            #expect(topics.map(\.name) == [nil, "events"])
            #expect(topics.map(\.topicID) == [unknown, topicID])
        }
        // A name must be told before version 12.
        #expect(try connection.send(identified(unknown), version: 11).topics.map(\.name) == [""])
    }

    @Test(arguments: ["", ".", "..", "a b", "ü", "a/b", String(repeating: "x", count: 250)])
    func aNameThatIsNoNameIsInvalidAndNeverCreated(name: String) throws {
        for version in MetadataRequest.api.versions {
            let topics = try connection.send(named(name, creates: true), version: version).topics
            #expect(topics.map(\.errorCode) == [.invalidTopicException])
            #expect(topics.map(\.name) == [name])
        }
        #expect(broker.broker.counts.topics == 1)
    }

    @Test func theBrokersOwnTopicIsNeitherShownNorCreated() throws {
        let name = EmbeddedCatalogue.topicName
        #expect(try connection.send(named(name)).topics.map(\.errorCode) == [.unknownTopicOrPartition])
        #expect(try connection.send(named(name, creates: true)).topics.map(\.errorCode) == [.invalidTopicException])
        #expect(try connection.send(MetadataRequest()).topics.map(\.name) == ["events"])
    }

    // MARK: Which topics

    @Test func everythingIsToldToWhoAsksForEverything() throws {
        try connection.createTopic("another")
        for version in MetadataRequest.api.versions {
            var request = MetadataRequest()
            request.topics = version == 0 ? [] : nil
            #expect(try connection.send(request, version: version).topics.map(\.name) == ["another", "events"])
        }
    }

    @Test func nothingIsToldToWhoAsksForNothing() throws {
        for version in MetadataRequest.api.versions where version >= 1 {
            var request = MetadataRequest()
            request.topics = []
            let response = try connection.send(request, version: version)
            #expect(response.topics.isEmpty)
            #expect(response.brokers.map(\.nodeID) == [1])
        }
    }

    /// Else a request of a megabyte could ask for a response of many gigabytes.
    @Test func aTopicThatIsNamedTwiceIsToldOnce() throws {
        let topics = try connection.send(named("events", "missing", "events", "missing")).topics
        #expect(topics.map(\.name) == ["events", "missing"])
        #expect(try connection.send(identified(topicID, topicID), version: 12).topics.map(\.name) == ["events"])
    }

    @Test func partitionsHaveTheBrokerAsLeaderAndOnlyReplica() throws {
        let topic = try connection.metadata(of: "events")
        #expect(topic.topicID == topicID)
        #expect(!topic.isInternal)
        #expect(topic.partitions.map(\.index) == [0, 1, 2])
        for partition in topic.partitions {
            #expect(partition.errorCode == .none)
            #expect(partition.leaderID == 1)
            #expect(partition.leaderEpoch == 0)
            #expect(partition.replicaNodes == [1] && partition.isrNodes == [1] && partition.offlineReplicas == [])
        }
    }

    /// A client that has seen a later state of the log must be able to notice.
    @Test func theLeaderEpochGrowsWithEveryKill() throws {
        for epoch: Int32 in 1...3 {
            try broker.restart(.kill)
            #expect(try broker.connect().metadata(of: "events").partitions.map(\.leaderEpoch) == [epoch, epoch, epoch])
        }
        try broker.restart()
        #expect(try broker.connect().metadata(of: "events").partitions.map(\.leaderEpoch) == [3, 3, 3])
    }

    @Test func operationsAreToldToWhoAsksForThem() throws {
        var request = named("events")
        #expect(try connection.send(request, version: 10).topics[0].topicAuthorizedOperations == .min)
        #expect(try connection.send(request, version: 10).clusterAuthorizedOperations == .min)
        request.includeTopicAuthorizedOperations = true
        request.includeClusterAuthorizedOperations = true
        let response = try connection.send(request, version: 10)
        // Numbered by AclOperation: read 3, write 4, create 5, delete 6, alter 7, describe 8, configs 10 and 11.
        #expect(response.topics[0].topicAuthorizedOperations == 0b1101_1111_1000)
        #expect(response.clusterAuthorizedOperations == 0b1_1111_1010_0000)
    }

    // MARK: The broker

    @Test func clientsAreToldTheAddressTheyHaveUsed() throws {
        for (host, port) in [("10.0.0.7", 9092), ("::1", 19_092)] as [(String, UInt16)] {
            let connection = broker.connect(localAddress: Endpoint(host: host, port: port))
            let response = try connection.send(MetadataRequest())
            #expect(response.brokers.map(\.host) == [host])
            #expect(response.brokers.map(\.port) == [Int32(port)])
            #expect(response.controllerID == 1)
            #expect(response.clusterID == broker.broker.clusterID)
            let cluster = try connection.send(DescribeClusterRequest())
            #expect(cluster.brokers.map(\.host) == [host])
            var coordinator = FindCoordinatorRequest()
            coordinator.coordinatorKeys = ["group"]
            #expect(try connection.send(coordinator).coordinators.map(\.host) == [host])
        }
    }

    @Test func clientsOfAListenerThatIsAdvertisedAreToldThatAddress() throws {
        let broker = try TestBroker([
            "listeners": "PLAINTEXT://0.0.0.0:9092,OUTSIDE://0.0.0.0:9093",
            "listener.security.protocol.map": "OUTSIDE:PLAINTEXT",
            "advertised.listeners": "OUTSIDE://broker.example.org:443",
            "node.id": "7", "broker.rack": "r1",
        ])
        let local = Endpoint(host: "10.0.0.7", port: 9093)
        let outside = try broker.connect(listener: "OUTSIDE", localAddress: local).send(MetadataRequest())
        #expect(outside.brokers.map(\.host) == ["broker.example.org"])
        #expect(outside.brokers.map(\.port) == [443])
        #expect(outside.brokers.map(\.nodeID) == [7])
        #expect(outside.brokers.map(\.rack) == ["r1"])
        let inside = try broker.connect(localAddress: local).send(MetadataRequest())
        #expect(inside.brokers.map(\.host) == ["10.0.0.7"])
    }

    // MARK: Topics that come into being

    @Test(arguments: MetadataRequest.api.versions)
    func aTopicThatIsAskedForIsCreatedWithTheBrokersDefaults(version: Int16) throws {
        let topics = try connection.send(named("new", "events", creates: true), version: version).topics
        #expect(topics.map(\.name) == ["new", "events"])
        #expect(topics.map(\.errorCode) == [.none, .none])
        #expect(topics.map(\.partitions.count) == [2, 3])
        #expect(try connection.append(to: "new", 1) == 0)
    }

    @Test func aTopicIsNotCreatedWhereTheClientDoesNotWantThat() throws {
        for version: Int16 in [4, 13] {
            #expect(try connection.send(named("new"), version: version).topics[0].errorCode == .unknownTopicOrPartition)
        }
        // Before version 4 a client cannot say so.
        #expect(try connection.send(named("new"), version: 3).topics[0].errorCode == .none)
    }

    @Test func aTopicIsNotCreatedWhereTheBrokerDoesNotWantThat() throws {
        try broker.restart(.clean, ["auto.create.topics.enable": "false"])
        for version: Int16 in [0, 4, 13] {
            let topics = try broker.connect().send(named("new", creates: true), version: version).topics
            #expect(topics.map(\.errorCode) == [.unknownTopicOrPartition])
        }
        #expect(broker.broker.counts.topics == 1)
    }

    @Test func whatCannotBeCreatedIsAnErrorAndTheOthersAreCreated() throws {
        try connection.createTopic("a.b")
        let topics = try connection.send(named("a_b", "new", "new", "c", creates: true)).topics
        #expect(topics.map(\.name) == ["a_b", "new", "c"])
        #expect(topics.map(\.errorCode) == [.invalidTopicException, .none, .none])
    }

    @Test func manyClientsThatAskForTheSameTopicGetTheSameOne() throws {
        let pending = try (0..<10).map { _ in
            let connection = broker.connect()
            return (connection, try connection.begin(named("new", creates: true)))
        }
        let ids = try pending.map { connection, request in try connection.finish(request).topics[0].topicID }
        #expect(Set(ids).count == 1)
        #expect(broker.broker.counts.topics == 2)
    }
}
