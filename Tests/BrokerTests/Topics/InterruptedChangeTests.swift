import CommitLog
import Model
import NIOCore
import TestSupport
import Testing
import Wire

@testable import Broker

/// Changes of topics of which a crash has left the catalogue's half only: the next start does the rest.
struct InterruptedChangeTests {
    private let broker: TestBroker

    init() throws { broker = try TestBroker() }

    private func commit(_ changes: [(String, ByteBuffer?)]) throws {
        _ = try broker.broker.catalogue.commit(
            changes.map { CatalogueChange(key: $0, value: $1) },
            ifUnchanged: []
        )
    }

    private func record(partitions: Int, configs: [StoredConfig] = []) -> TopicRecord {
        var record = TopicRecord()
        record.id = TopicID(high: 0x1111_2222_3333_4444, low: 0x8555_6666_7777_8888)
        record.partitions = (0..<partitions).map { _ in PartitionRecord(replicas: [1]) }
        record.configs = configs
        return record
    }

    private var pendingDeletions: [String] {
        get throws {
            try broker.broker.catalogue.load().entries.keys.filter { $0.hasPrefix(CatalogueKey.deletedTopicPrefix) }
        }
    }

    @Test(arguments: [TestBroker.Ending.clean, .kill, .powerCut])
    func aTopicWithoutDirectoriesGetsThem(ending: TestBroker.Ending) throws {
        let record = record(partitions: 3, configs: [StoredConfig(name: "retention.ms", value: "1000")])
        try commit([(CatalogueKey.topic("events"), try record.encoded())])
        #expect(broker.broker.counts.topics == 0)
        try broker.restart(ending)
        let connection = broker.connect()
        let topic = try connection.metadata(of: "events")
        #expect(topic.topicID == record.id)
        #expect(topic.partitions.map(\.errorCode) == [.none, .none, .none])
        #expect(try connection.append(to: "events", 2) == 0)
        #expect(try broker.partitionLog("events").config.retentionMilliseconds == 1000)
    }

    @Test func partitionsWithoutDirectoriesGetThem() throws {
        try broker.connect().createTopic("events", partitions: 1)
        try broker.connect().append(Batch(["old"]), to: "events")
        var record = try #require(broker.broker.topics.snapshot["events"]).record
        record.partitions.append(PartitionRecord(replicas: [1]))
        try commit([(CatalogueKey.topic("events"), try record.encoded())])
        try broker.restart(.kill)
        let connection = broker.connect()
        #expect(try connection.append(Batch(["new"]), to: "events", 1) == 0)
        #expect(try connection.fetch(.wanting(0)).allValues == ["old"])
        #expect(try connection.fetch(.wanting(1)).allValues == ["new"])
    }

    @Test(arguments: [TestBroker.Ending.clean, .kill, .powerCut])
    func aDeletedTopicWithDirectoriesLosesThem(ending: TestBroker.Ending) throws {
        let id = try broker.connect().createTopic("events", partitions: 2)
        try broker.connect().createTopic("others")
        try commit([
            (CatalogueKey.topic("events"), nil), (CatalogueKey.deletedTopic(id), ByteBuffer(string: "events")),
        ])
        // The system may write directories to the disk when it likes, and the files in them not.
        try broker.fileSystem.syncDirectory(TestBroker.directory)
        try broker.restart(ending)
        #expect(broker.broker.topics.snapshot.sorted.map(\.name) == ["others"])
        #expect(broker.logged("belongs to no topic") == 0)
        #expect(try pendingDeletions == [])
        broker.stop()
        let left = try broker.files().filter { $0.contains("/events-") }
        #expect(left == [])
        #expect(try broker.files().contains { $0.contains("/others-0/") })
    }

    @Test func aDeletionThatWasNotNotedAsDoneIsNotedAtTheNextStart() throws {
        let id = try broker.connect().createTopic("events")
        try broker.connect().deleteTopic("events")
        try commit([(CatalogueKey.deletedTopic(id), ByteBuffer(string: "events"))])
        try broker.connect().createTopic("events")
        try broker.connect().append(Batch(["new"]), to: "events")
        try broker.restart()
        #expect(try pendingDeletions == [])
        #expect(try broker.connect().fetch(.wanting(0)).allValues == ["new"])
    }

    @Test func aDeletionNoteThatIsNoIDIsLeftAlone() throws {
        try commit([(CatalogueKey.deletedTopicPrefix + "x", ByteBuffer(string: "events"))])
        try broker.restart()
        #expect(try pendingDeletions == [CatalogueKey.deletedTopicPrefix + "x"])
    }

    /// What one version has stored, another may not know any more.
    @Test func aTopicWhoseConfigurationIsNotKnownRunsWithTheBrokers() throws {
        let configs = [
            StoredConfig(name: "retention.ms", value: "1000"), StoredConfig(name: "of.the.future", value: "1"),
        ]
        try commit([(CatalogueKey.topic("events"), try record(partitions: 1, configs: configs).encoded())])
        try broker.restart()
        #expect(broker.logged("topic events runs with the broker's configuration") == 1)
        #expect(try broker.connect().append(to: "events") == 0)
        #expect(try broker.partitionLog("events").config.retentionMilliseconds == 604_800_000)
    }

    @Test func aDynamicConfigurationThatIsNotKnownIsNotUsed() throws {
        var record = ConfigRecord()
        record.configs = [StoredConfig(name: "of.the.future", value: "1")]
        try commit([(CatalogueKey.brokerConfig("default"), try record.encoded())])
        try broker.restart()
        #expect(broker.logged("the dynamic configuration is not used") == 1)
    }

    @Test func aTopicOfAFutureFormatStopsTheStart() throws {
        var value = try record(partitions: 1).encoded()
        value.setInteger(Int16(1), at: value.readerIndex)
        try commit([(CatalogueKey.topic("events"), value)])
        let error = #expect(throws: CatalogueError.self) { try broker.restart() }
        #expect(error.map { "\($0)".contains("'topic/events' has format 1") } == true)
    }
}
