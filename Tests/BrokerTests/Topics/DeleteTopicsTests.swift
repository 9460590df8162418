import CommitLog
import Model
import TestSupport
import Testing
import Wire

@testable import Broker

/// DeleteTopics: what is refused, and that nothing of a deleted topic is left.
struct DeleteTopicsTests {
    private typealias Topic = DeleteTopicsRequest.Topic

    private let broker: TestBroker
    private let connection: FakeConnection
    private let topicID: TopicID

    init() throws {
        broker = try TestBroker()
        connection = broker.connect()
        topicID = try connection.createTopic("events", partitions: 3)
    }

    private func asked(_ name: String? = nil, _ id: TopicID = .zero) -> Topic {
        var topic = Topic()
        topic.name = name
        topic.topicID = id
        return topic
    }

    private func delete(_ topics: Topic..., version: Int16 = 6) throws -> [DeleteTopicsResponse.Topic] {
        var request = DeleteTopicsRequest()
        if version >= 6 { request.topics = topics } else { request.topicNames = topics.compactMap(\.name) }
        return try connection.send(request, version: version).topics
    }

    private func files(of topic: String) throws -> [String] {
        try broker.files().filter { $0.contains("/\(topic)-") }
    }

    // MARK: What is refused

    @Test(arguments: DeleteTopicsRequest.api.versions)
    func aNameThatIsNotThereIsUnknown(version: Int16) throws {
        let names = ["missing", "", "a/b", EmbeddedCatalogue.topicName]
        for name in names {
            let result = try delete(asked(name), version: version)[0]
            #expect(result.name == name)
            #expect(result.errorCode == .unknownTopicOrPartition)
            #expect(version < 5 || result.errorMessage?.isEmpty == false)
        }
    }

    @Test func anIDThatIsNotThereIsUnknown() throws {
        let unknown = TopicID(high: 1, low: 1)
        let result = try delete(asked(nil, unknown))[0]
        #expect(result.errorCode == .unknownTopicId)
        #expect(result.topicID == unknown && result.name == nil)
    }

    @Test func aTopicIsGivenByNameOrByID() throws {
        #expect(try delete(asked("events", topicID))[0].errorCode == .invalidRequest)
        #expect(try delete(asked(nil, .zero))[0].errorCode == .invalidRequest)
        #expect(broker.broker.counts.topics == 1)
    }

    @Test func nothingIsDeletedWhereThatIsDisabled() throws {
        try broker.restart(.clean, ["delete.topic.enable": "false"])
        let connection = broker.connect()
        var request = DeleteTopicsRequest()
        request.topics = [asked("events")]
        request.topicNames = ["events"]
        for version: Int16 in [3, 6] {
            #expect(try connection.send(request, version: version).topics[0].errorCode == .topicDeletionDisabled)
        }
        // The error is not known before version 3.
        for version: Int16 in [1, 2] {
            #expect(try connection.send(request, version: version).topics[0].errorCode == .invalidRequest)
        }
        #expect(broker.broker.counts.topics == 1)
    }

    @Test func theSecondOfTwoDeletionsFindsNothing() throws {
        let results = try delete(asked("events"), asked("missing"), asked("events"), asked(nil, topicID))
        #expect(
            results.map(\.errorCode) == [.none, .unknownTopicOrPartition, .unknownTopicOrPartition, .unknownTopicId]
        )
    }

    // MARK: Success

    @Test(arguments: DeleteTopicsRequest.api.versions)
    func aTopicIsDeletedByItsName(version: Int16) throws {
        try connection.append(to: "events", 1)
        let result = try delete(asked("events"), version: version)[0]
        #expect(result.errorCode == .none)
        #expect(result.name == "events")
        #expect(version < 6 || result.topicID == topicID)
        #expect(try connection.metadata(of: "events").errorCode == .unknownTopicOrPartition)
        broker.stop()
        #expect(try files(of: "events") == [])
    }

    @Test func aTopicIsDeletedByItsID() throws {
        let result = try delete(asked(nil, topicID))[0]
        #expect(result.errorCode == .none)
        #expect(result.name == "events" && result.topicID == topicID)
        #expect(broker.broker.counts.topics == 0)
        broker.stop()
        #expect(try files(of: "events") == [])
    }

    @Test(arguments: [TestBroker.Ending.clean, .kill, .powerCut])
    func whatIsDeletedStaysDeleted(ending: TestBroker.Ending) throws {
        try connection.append(to: "events")
        try connection.deleteTopic("events")
        try broker.restart(ending)
        #expect(broker.broker.counts.topics == 0)
        #expect(broker.logged("belongs to no topic") == 0)
        broker.stop()
        #expect(try files(of: "events") == [])
    }

    @Test(arguments: [TestBroker.Ending.clean, .kill, .powerCut])
    func aTopicOfTheSameNameIsAnother(ending: TestBroker.Ending) throws {
        try connection.append(Batch(["old"]), to: "events")
        try connection.deleteTopic("events")
        let newID = try connection.createTopic("events", partitions: 2)
        #expect(newID != topicID)
        try connection.append(Batch(["new"]), to: "events")
        _ = try broker.partitionLog("events").flush()
        try broker.restart(ending)
        let connection = broker.connect()
        #expect(try connection.metadata(of: "events").topicID == newID)
        #expect(try connection.fetch(.wanting(0)).allValues == ["new"])
        var old = try ProduceRequest.single("", 0, Batch().bytes)
        old.topics[0].topicID = topicID
        #expect(try connection.send(old).topics[0].partitions[0].errorCode == .unknownTopicId)
    }

    // MARK: The disk

    private func failRenames() {
        broker.fileSystem.inject { operation, path in
            operation == .rename && path.contains("/events-") ? 5 : nil
        }
    }

    @Test func filesThatCannotBeRemovedNowAreRemovedAtTheNextStart() throws {
        try connection.append(Batch(["old"]), to: "events")
        failRenames()
        #expect(try delete(asked("events"))[0].errorCode == .none)
        #expect(broker.broker.counts.topics == 0)
        #expect(try !files(of: "events").isEmpty)
        try broker.restart()
        #expect(broker.broker.counts.topics == 0)
        #expect(broker.logged("belongs to no topic") == 0)
        broker.stop()
        #expect(try files(of: "events") == [])
        // And the note that they are to be removed is gone as well.
        try broker.restart()
        let keys = try broker.broker.catalogue.load().entries.keys
        #expect(keys.filter { $0.hasPrefix(CatalogueKey.deletedTopicPrefix) } == [])
    }

    /// The old files are in the new topic's way until the next start, and no longer.
    @Test func filesThatCannotBeRemovedDoNotBecomeThoseOfATopicOfTheSameName() throws {
        try connection.append(Batch(["old"]), to: "events")
        failRenames()
        try connection.deleteTopic("events")
        try connection.createTopic("events", partitions: 1)
        let offline = try connection.metadata(of: "events").partitions
        #expect(offline.map(\.errorCode) == [.leaderNotAvailable])
        try broker.restart()
        let connection = broker.connect()
        #expect(try connection.metadata(of: "events").partitions.map(\.errorCode) == [.none])
        #expect(try connection.fetch(.wanting(0)).allValues == [])
        #expect(try connection.append(Batch(["new"]), to: "events") == 0)
        try broker.restart()
        #expect(try broker.connect().fetch(.wanting(0)).allValues == ["new"])
    }
}
