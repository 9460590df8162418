import CommitLog
import Model
import TestSupport
import Testing
import Wire

@testable import Broker

/// Where partitions are on disk, and what becomes of files that belong to nobody.
struct TopicStorageTests {
    private func directories(of broker: TestBroker, _ topic: String) throws -> [String: String] {
        let paths = try ["/data/a", "/data/b"].flatMap { path in
            try broker.fileSystem.list(path).filter { $0.hasPrefix("\(topic)-") }.map { ($0, path) }
        }
        return Dictionary(paths, uniquingKeysWith: { "\($0) and \($1)" })
    }

    // MARK: Strays

    /// A broker whose topic has disappeared from the catalogue while its files have not.
    private func brokerWithStray() throws -> (TestBroker, TopicID) {
        let broker = try TestBroker()
        let connection = broker.connect()
        let id = try connection.createTopic("events", partitions: 2)
        try connection.append(Batch(["precious"]), to: "events")
        _ = try broker.broker.catalogue.commit(
            [CatalogueChange(key: CatalogueKey.topic("events"), value: nil)],
            ifUnchanged: []
        )
        try broker.restart()
        return (broker, id)
    }

    @Test func filesThatBelongToNoTopicAreLeftAloneAndNamed() throws {
        let (broker, id) = try brokerWithStray()
        #expect(broker.broker.counts.topics == 0)
        #expect(broker.logged("/data/events-0 belongs to no topic here (id \(id))") == 1)
        #expect(broker.logged("/data/events-1 belongs to no topic here (id \(id))") == 1)
        #expect(try broker.files().contains { $0.hasPrefix("/data/events-0/") })
    }

    @Test func aTopicInThePlaceOfStrayFilesIsOfflineAndItsDeletionLeavesThemAlone() throws {
        let (broker, _) = try brokerWithStray()
        let connection = broker.connect()
        let before = try broker.files().filter { $0.contains("/events-") }
        try connection.createTopic("events", partitions: 3)
        let errors = try connection.metadata(of: "events").partitions.map(\.errorCode)
        #expect(errors == [.leaderNotAvailable, .leaderNotAvailable, .none])
        let produced = try connection.produce(.single("events", 0, Batch().bytes))
        #expect(produced.topics[0].partitions[0].errorCode == .inconsistentTopicId)
        try connection.deleteTopic("events")
        broker.stop()
        #expect(try broker.files().filter { $0.contains("/events-") } == before)
    }

    @Test func aDirectoryThatCannotBeUnderstoodIsNamed() throws {
        let broker = try TestBroker()
        try broker.connect().createTopic("events")
        try broker.restart(preparing: { files in
            try files.makeUnreadable("/data/events-0/partition.metadata")
        })
        #expect(broker.logged("/data/events-0 is not used") == 1)
        #expect(broker.logged("events-0 is offline") == 1)
    }

    @Test func aDirectoryWhoseIdIsDamagedIsTheOneThatTheCatalogueKnows() throws {
        let broker = try TestBroker()
        try broker.connect().createTopic("events")
        try broker.connect().append(Batch(["kept"]), to: "events", 0)
        let path = "/data/events-0/partition.metadata"
        try broker.restart(preparing: { files in try files.open(path, .existing).truncate(to: 5) })
        #expect(broker.logged("made anew what was damaged: \(path)") == 1)
        #expect(broker.logged("is offline") == 0)
        try broker.connect().append(Batch(["next"]), to: "events", 0)
        #expect(try broker.files().contains { $0.hasPrefix("/data/events-0/") })
    }

    // MARK: Several directories

    private static let two = ["log.dirs": "/data/a,/data/b"]

    @Test func partitionsAreSpreadOverTheDirectoriesAndFoundAgain() throws {
        let broker = try TestBroker(Self.two)
        try broker.connect().createTopic("events", partitions: 6)
        for partition: Int32 in 0..<6 {
            try broker.connect().append(Batch(["\(partition)"]), to: "events", partition)
        }
        let before = try directories(of: broker, "events")
        #expect(before.count == 6)
        // The catalogue counts as a partition of the first.
        #expect(Dictionary(grouping: before.values) { $0 }.mapValues(\.count) == ["/data/a": 3, "/data/b": 3])
        for ending in [TestBroker.Ending.clean, .kill] {
            try broker.restart(ending)
            #expect(try directories(of: broker, "events") == before)
            let values = try broker.connect().fetch(.wanting(0, 1, 2, 3, 4, 5)).allValues
            #expect(values == (0..<6).map { "\($0)" })
        }
        try broker.connect().deleteTopic("events")
        broker.stop()
        #expect(try directories(of: broker, "events").isEmpty)
    }

    /// The old topic's directory comes first, the new one's is elsewhere: each must be told by its id.
    @Test func whatIsLeftOfADeletedTopicIsNotTakenForTheNewOne() throws {
        let broker = try TestBroker(Self.two)
        let connection = broker.connect()
        try connection.createTopic("filler", partitions: 1)
        try connection.createTopic("events", partitions: 1)
        let old = try #require(try directories(of: broker, "events")["events-0"])
        try connection.append(Batch(["old"]), to: "events")
        broker.fileSystem.inject { operation, path in
            operation == .rename && path.contains("/events-") ? 5 : nil
        }
        try connection.deleteTopic("events")
        broker.fileSystem.inject(nil)
        // Until the new topic comes to the other directory.
        var attempts = 0
        repeat {
            attempts += 1
            try connection.createTopic("filler\(attempts)", partitions: 1)
            try connection.createTopic("events", partitions: 1)
            if try connection.metadata(of: "events").partitions[0].errorCode == .none { break }
            try connection.deleteTopic("events")
        } while attempts < 10
        try connection.append(Batch(["new"]), to: "events")
        #expect(try directories(of: broker, "events")["events-0"] == "/data/a and /data/b")
        for _ in 0..<2 {
            try broker.restart()
            #expect(try broker.connect().fetch(.wanting(0)).allValues == ["new"])
            let place = try directories(of: broker, "events").filter { !$0.key.hasSuffix("-delete") }
            #expect(place.count == 1 && place.values.first != old)
        }
    }

    @Test func directoriesOfDifferentClustersDoNotMix() throws {
        let other = try TestBroker(["log.dirs": "/other"])
        other.stop()
        let own = try TestBroker(["log.dirs": "/data/a"], on: other.fileSystem.copy())
        own.stop()
        #expect(throws: LogError.self) {
            try TestBroker(["log.dirs": "/data/a,/other"], on: own.fileSystem.copy())
        }
    }

    @Test func aDirectoryOfAnotherNodeIsRefused() throws {
        let broker = try TestBroker()
        broker.stop()
        #expect(throws: LogError.self) { try TestBroker(["node.id": "2"], on: broker.fileSystem.copy()) }
    }

    @Test func aDirectoryInUseIsRefused() throws {
        let broker = try TestBroker()
        #expect(throws: LogError.self) { try TestBroker(on: broker.fileSystem) }
        withExtendedLifetime(broker) {}
    }
}
