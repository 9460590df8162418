import CommitLog
import Glibc
import Logging
import Model
import TestSupport
import Testing
import Wire

@testable import Broker

/// What a broker knows of its own failures, and tells.
struct HealthTests {
    private let time = ManualTime()

    @Test func aReportIsNewsOnceUntilItsReasonChanges() {
        let health = Health(time: time)
        #expect(health.report(.spaceLow, "/data", reason: "10 bytes are free"))
        time.advance(milliseconds: 5)
        #expect(!health.report(.spaceLow, "/data", reason: "10 bytes are free"))
        #expect(health.report(.spaceLow, "/data", reason: "9 bytes are free"))
        let conditions = health.conditions
        #expect(conditions.count == 1)
        #expect(conditions.first?.occurrences == 3)
        #expect(conditions.first?.reason == "9 bytes are free")
        #expect(conditions.first.map { $0.lastSeen.milliseconds - $0.since.milliseconds } == 5)
    }

    @Test func whatIsTakenBackIsGoneAndTheWorstComesFirst() {
        let health = Health(time: time)
        health.report(.compactionFailing, "a-0", reason: "x")
        health.report(.spaceLow, "/data", reason: "y")
        #expect(health.conditions.map(\.kind) == [.spaceLow, .compactionFailing])
        #expect(Health.status(of: health.conditions) == .failing)
        #expect(health.clear(.spaceLow, "/data"))
        #expect(!health.clear(.spaceLow, "/data"))
        #expect(Health.status(of: health.conditions) == .degraded)
        #expect(health.clear(.compactionFailing, "a-0"))
        #expect(Health.status(of: health.conditions) == .healthy)
    }

    /// What puts a whole directory out of use is reported as that, and not as a checkpoint that fails as well.
    @Test func aCheckpointThatFailsIsReportedWhileItsDirectoryIsInUse() throws {
        let health = Health(time: time)
        let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let fileSystem = SimulatedFileSystem()
        var environment = LogEnvironment(fileSystem: fileSystem, time: time)
        environment.commitsInBackground = false
        let directory = try LogDirectory.open("/data", nodeID: 1, environment: environment)
        let id = TopicID(high: 1 << 12, low: 1 << 63)
        let partition = try directory.openPartition(TopicPartition("a", 0), topicID: id, config: LogConfig())
        let full = LogError.storage(FileError("write", "/data/x", code: ENOSPC))
        TopicStorage.note(full, checkpointOf: directory, health, log)
        #expect(health.conditions.map(\.kind) == [.checkpointFailing])
        TopicStorage.note(nil, checkpointOf: directory, health, log)
        #expect(health.conditions.isEmpty)
        TopicStorage.note(full, checkpointOf: directory, health, log)
        fileSystem.inject { operation, _ in operation == .write ? EIO : nil }
        #expect(throws: LogError.self) { _ = try partition.append(Batch(["x"]).bytes) }
        let failure = try #require(directory.failure)
        TopicStorage.note(failure, checkpointOf: directory, health, log)
        #expect(health.conditions.isEmpty)
        TopicStorage.note(failure, checkpointOf: directory, health, log)
        #expect(health.conditions.isEmpty)
    }

    @Test func aTopicThatIsGoneLeavesNothingBehind() {
        let health = Health(time: time)
        health.report(.compactionFailing, "a-0", partition: TopicPartition("a", 0), reason: "x")
        health.report(.compactionFailing, "b-0", partition: TopicPartition("b", 0), reason: "x")
        health.report(.spaceLow, "/data", reason: "y")
        health.forget(topic: "a")
        #expect(health.conditions.map(\.subject) == ["/data", "b-0"])
    }

    @Test func theListIsBounded() {
        let health = Health(time: time)
        for number in 0..<(Health.maximumConditions + 10) {
            #expect(health.report(.recordsDamaged, "a-\(number)", reason: "x"))
        }
        #expect(health.conditions.count == Health.maximumConditions)
    }

    @Test func anUntilNeverRetriedIsSaturated() {
        let health = Health(time: time)
        health.report(.retentionFailing, "a-0", reason: "x", nextTryIn: .nanoseconds(Int64.max))
        #expect(health.conditions.first?.nextTry.map { $0 > time.now } == true)
    }

    @Test func aPartitionThatCannotBeOpenedIsToldUntilItsTopicIsDeleted() throws {
        let broker = try TestBroker()
        let connection = broker.connect()
        try connection.createTopic("events")
        try connection.createTopic("others")
        #expect(try ask(connection, nil).status == 0)
        try broker.restart(preparing: { files in
            try files.makeUnreadable("\(TestBroker.directory)/events-0/partition.metadata")
        })
        let again = broker.connect()
        let all = try ask(again, nil)
        #expect(all.status == 2 && all.topicCount == 2 && all.offlinePartitionCount == 1)
        let condition = try #require(all.conditions.first)
        #expect(condition.kind == "partition-offline" && condition.subject == "events-0")
        #expect(condition.topic == "events" && condition.partition == 0)
        #expect(condition.reason.contains("partition.metadata") && !condition.remedy.isEmpty)
        #expect(try ask(again, ["others"]).conditions.isEmpty)
        #expect(try ask(again, ["events"]).conditions.count == 1)
        #expect(try ask(again, ["others"]).partitionCount == 1)
        try again.deleteTopic("events")
        #expect(try ask(again, nil).status == 0)
    }

    private func ask(_ connection: FakeConnection, _ topics: [String]?) throws -> DescribeHealthResponse {
        var request = DescribeHealthRequest()
        request.topics = topics
        return try connection.send(request)
    }
}
