import CommitLog
import Logging
import Model
import TestSupport
import Testing
import Wire

@testable import Broker

/// A start that takes its time, and what is served meanwhile.
struct PartitionOpenerTests {
    private let time = ManualTime()
    private let log = RecordedLog()

    /// A broker on data that a kill has left, of topics with one record in each partition.
    private func restart(
        _ topics: [(name: String, partitions: Int32)],
        threads: Int = 1,
        on prepare: (CountingFileSystem) -> Void
    ) throws -> Broker {
        let first = try TestBroker()
        let connection = first.connect()
        for topic in topics {
            try connection.createTopic(topic.name, partitions: topic.partitions)
            for number in 0..<topic.partitions { try connection.append(to: topic.name, number) }
        }
        let fileSystem = CountingFileSystem(first.fileSystem.copy())
        first.stop()
        prepare(fileSystem)
        let settings = ["log.dirs": TestBroker.directory, "num.recovery.threads.per.data.dir": "\(threads)"]
        let configuration = try BrokerConfiguration.load(overrides: settings.map { ConfigOverride($0.key, $0.value) })
        return try Broker.open(configuration, fileSystem: fileSystem, time: time, log: log.logger, waits: false)
    }

    private func connect(_ broker: Broker) -> FakeConnection {
        FakeConnection(
            broker: broker,
            loop: ManualReactor(time: time),
            listener: "PLAINTEXT",
            localAddress: Endpoint(host: "broker.example", port: 9092)
        )
    }

    /// Waits, without a clock, for what other threads do.
    private func wait(until condition: () -> Bool) {
        while !condition() { _ = Semaphore().wait(atMost: .milliseconds(1)) }
    }

    @Test func whileOnePartitionIsBeingOpenedOthersAreServed() throws {
        let gate = Semaphore()
        let broker = try restart([("slow", 1), ("swift", 1)], threads: 2) { fileSystem in
            fileSystem.watch { if $0.hasSuffix("slow-0/leader-epoch-checkpoint") { gate.wait() } }
        }
        defer { broker.stop() }
        let swift = try #require(broker.topics.snapshot["swift"]?.partition(0))
        wait { swift.openLog != nil }
        let connection = connect(broker)
        #expect(try connection.metadata(of: "swift").partitions.map(\.errorCode) == [.none])
        #expect(try connection.append(to: "swift") == 1)

        let described = try connection.metadata(of: "slow").partitions
        #expect(described.map(\.errorCode) == [.leaderNotAvailable])
        #expect(described.map(\.leaderID) == [-1])
        #expect(described.map(\.offlineReplicas) == [[]])
        let slow = try #require(broker.topics.snapshot["slow"]?.partition(0))
        #expect { try slow.log() } throws: { ($0 as? LogError)?.errorCode == .notLeaderOrFollower }
        #expect(!slow.isOffline)
        #expect(broker.unopenedPartitions == 1)
        #expect(!broker.waitUntilOpen(atMost: .zero))

        for _ in 0..<10 { gate.signal() }
        #expect(broker.waitUntilOpen())
        #expect(try slow.log().offsets.logEnd == Offset(1))
        #expect(try connection.append(to: "slow") == 1)
        #expect(log.lines.contains { $0.contains("all 2 partitions are open") })
    }

    @Test func whoeverWaitsForTheOpeningIsTold() throws {
        let gate = Semaphore()
        let broker = try restart([("slow", 1)]) { fileSystem in
            fileSystem.watch { if $0.hasSuffix("slow-0/leader-epoch-checkpoint") { gate.wait() } }
        }
        defer { broker.stop() }
        let waiting = (0..<3).map { number in
            NamedThread("waiting-\(number)") {
                broker.waitUntilOpen(atMost: number == 0 ? .seconds(3600) : nil)
            }
        }
        for _ in 0..<10 { gate.signal() }
        for thread in waiting { thread.join() }
        #expect(broker.unopenedPartitions == 0)
    }

    @Test func aConfigurationThatChangesMeanwhileCountsOnceThePartitionIsOpen() throws {
        let gate = Semaphore()
        let broker = try restart([("a", 1), ("b", 1)]) { fileSystem in
            fileSystem.watch { if $0.hasSuffix("a-0/leader-epoch-checkpoint") { gate.wait() } }
        }
        defer { broker.stop() }
        for name in ["a", "b"] {
            try broker.administration.alterConfigs(
                name,
                [ConfigChange("retention.ms", .set, "12345")],
                validateOnly: false
            )
        }
        for _ in 0..<10 { gate.signal() }
        broker.waitUntilOpen()
        for name in ["a", "b"] {
            let log = try #require(try broker.topics.snapshot[name]?.partition(0)?.log())
            #expect(log.config.retentionMilliseconds == 12345)
        }
    }

    @Test func aTopicThatIsDeletedMeanwhileStaysDeletedAndItsNameCanBeUsedAgain() throws {
        let gate = Semaphore()
        let broker = try restart([("a", 1), ("b", 2)]) { fileSystem in
            fileSystem.watch { if $0.hasSuffix("a-0/leader-epoch-checkpoint") { gate.wait() } }
        }
        defer { broker.stop() }
        let old = try #require(broker.topics.snapshot["b"])
        try broker.administration.delete(old)
        let connection = connect(broker)
        try connection.createTopic("b", partitions: 1)
        #expect(try connection.append(to: "b") == 0)
        for _ in 0..<10 { gate.signal() }
        broker.waitUntilOpen()
        #expect(broker.topics.snapshot["b"]?.partitions.count == 1)
        #expect(broker.storage.directories[0].log(for: TopicPartition("b", 1)) == nil)
        #expect(try connection.append(to: "b") == 1)
        #expect(!log.lines.contains { $0.contains("offline") })
    }

    @Test func withoutDescriptorsAPartitionWaitsAndIsNotOffline() throws {
        let starved = Locked<CountingFileSystem?>(nil)
        let broker = try restart([("events", 3)]) { fileSystem in
            starved.withLock { $0 = fileSystem }
            fileSystem.watch { path in
                if path.hasSuffix("events-0/leader-epoch-checkpoint") { starved.withLock { $0?.limit = 0 } }
            }
        }
        defer { broker.stop() }
        #expect(!broker.waitUntilOpen(atMost: .milliseconds(200)))
        #expect(!log.lines.contains { $0.contains("offline") })
        starved.withLock { $0 }?.watch(nil)
        starved.withLock { $0 }?.limit = nil
        broker.waitUntilOpen()
        for number in 0..<3 {
            #expect(try broker.topics.snapshot["events"]?.partition(Int32(number))?.log().offsets.logEnd == Offset(1))
        }
    }

    @Test func aStopInTheMiddleLeavesTheRestToTheNextStart() throws {
        let gate = Semaphore()
        let held = Locked<CountingFileSystem?>(nil)
        let broker = try restart([("a", 1), ("b", 5)]) { fileSystem in
            held.withLock { $0 = fileSystem }
            fileSystem.watch { if $0.hasSuffix("a-0/leader-epoch-checkpoint") { gate.wait() } }
        }
        let stopping = NamedThread("stopping") { broker.stop() }
        wait { broker.opener.withLock { $0 }?.isStopping ?? false }
        for _ in 0..<10 { gate.signal() }
        stopping.join()
        let fileSystem = try #require(held.withLock { $0 })
        fileSystem.watch(nil)
        let configuration = try BrokerConfiguration.load(overrides: [ConfigOverride("log.dirs", TestBroker.directory)])
        let again = try Broker.open(configuration, fileSystem: fileSystem, time: time, log: log.logger)
        defer { again.stop() }
        for number in 0..<5 {
            #expect(try again.topics.snapshot["b"]?.partition(Int32(number))?.log().offsets.logEnd == Offset(1))
        }
    }
}
