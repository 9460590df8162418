import CommitLog
import Model
import TestSupport
import Testing
import Wire

@testable import Broker

/// What clients and operators notice of a disk that fills up.
struct SpaceKeeperTests {
    private let broker: TestBroker
    private let connection: FakeConnection

    init() throws {
        broker = try TestBroker(["log.reserve.bytes": "10000"])
        connection = broker.connect()
        try connection.createTopic("events", configs: ["durability": "page-cache"])
        try connection.createTopic("old", configs: ["durability": "page-cache"])
    }

    private func setFree(_ bytes: Int) {
        broker.fileSystem.limit(freeBytes: bytes, totalBytes: 1_000_000)
        broker.broker.space.check()
    }

    private func produce(acks: Int16 = -1) throws -> ProduceResponse.Partition {
        let request = try ProduceRequest.single("events", 0, Batch().bytes, acks: acks)
        return try #require(try connection.produce(request).topics.first?.partitions.first)
    }

    @Test func producersAreToldToTryAgainAndEverythingElseGoesOn() throws {
        try connection.append(to: "events")
        setFree(9_999)
        for acks in [-1, 1] as [Int16] {
            let refused = try produce(acks: acks)
            #expect(refused.errorCode == .kafkaStorageError)
            #expect(refused.errorMessage?.contains("log.reserve.bytes") == true)
        }
        let fetched = try connection.fetch(FetchRequest.wanting(0, wait: 0))
        #expect(try values(in: try #require(fetched.topics.first?.partitions.first).records) == ["value"])
        #expect(try connection.metadata(of: "events").partitions.allSatisfy { !$0.errorCode.isError })
        try connection.createTopic("new")
        try connection.deleteTopic("old")
    }

    @Test func writingResumesByItselfWhenThereIsRoom() throws {
        setFree(9_999)
        #expect(try produce().errorCode == .kafkaStorageError)
        setFree(20_000)
        #expect(try produce().errorCode == .none)
    }

    @Test func healthSaysSoAndTakesItBack() throws {
        setFree(5_000)
        let condition = try #require(broker.broker.health.conditions.first)
        #expect(condition.kind == .spaceLow)
        #expect(condition.subject == TestBroker.directory)
        #expect(condition.reason.hasPrefix("5.00 kB of 1.00 MB are free, the reserve is 10.0 kB (log.reserve.bytes)"))
        setFree(4_000)
        setFree(1_000)
        #expect(broker.broker.health.conditions.count == 1)
        #expect(broker.logged("is full") == 1)
        setFree(20_000)
        #expect(broker.broker.health.conditions.isEmpty)
        #expect(broker.logged("has room again") == 1)
        // Refusals are no failures of the log.
        #expect(broker.logged("append to") == 0)
    }

    @Test func aWriteThatRunsOutOfSpaceIsNoFaultOfTheDirectory() throws {
        broker.fileSystem.limit(freeBytes: 10)
        #expect(try produce().errorCode == .kafkaStorageError)
        broker.fileSystem.limit(freeBytes: nil)
        broker.broker.space.check()
        #expect(broker.broker.health.conditions.map(\.kind) == [.spaceLow])
        broker.broker.space.check()
        #expect(broker.broker.health.conditions.isEmpty)
        #expect(try produce().errorCode == .none)
        #expect(try broker.partitionLog("events").offsets.logEnd == Offset(1))
    }

    @Test func aBrokerThatStartsOnAFullDiskServesWhatItHas() throws {
        try connection.append(to: "events")
        try broker.restart { fileSystem in fileSystem.limit(freeBytes: 9_000, totalBytes: 1_000_000) }
        let connection = broker.connect()
        #expect(broker.broker.health.conditions.map(\.kind) == [.spaceLow])
        let fetched = try connection.fetch(FetchRequest.wanting(0, wait: 0))
        #expect(try values(in: try #require(fetched.topics.first?.partitions.first).records) == ["value"])
    }
}
