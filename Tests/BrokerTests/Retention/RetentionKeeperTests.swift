import CommitLog
import Model
import NIOCore
import TestSupport
import Testing
import Wire

@testable import Broker

/// Retention in a running broker: rounds of its own, rounds on demand, and what it says about them.
struct RetentionKeeperTests {
    private static let start: Int64 = 1_700_000_000_000
    private static let interval: Int64 = 300_000
    private static let retention: Int64 = 3_600_000

    /// A broker with a topic of small segments, two records to each.
    private func broker(_ configs: [String: String] = [:]) throws -> (TestBroker, FakeConnection) {
        let broker = try TestBroker()
        let connection = broker.connect()
        var settings = ["retention.ms": "\(Self.retention)", "internal.segment.bytes": "200"]
        settings.merge(configs) { $1 }
        try connection.createTopic("events", configs: settings)
        return (broker, connection)
    }

    private func logStart(_ broker: TestBroker) throws -> Int64 {
        let topic = try #require(broker.broker.topics.snapshot["events"])
        return try topic.partitions[0].log().offsets.logStart.rawValue
    }

    private func lines(_ broker: TestBroker) -> [String] {
        broker.log.lines.filter { $0.contains("retention removed") }
    }

    @Test func oneJumpOfTheClockDeletesNothing() throws {
        let (broker, connection) = try broker()
        broker.advance(milliseconds: Self.interval)
        for _ in 0..<6 { try connection.append(Batch(), to: "events") }
        _ = broker.broker.retention.check()
        broker.time.set(milliseconds: Self.start + 315_360_000_000)
        _ = broker.broker.retention.check()
        #expect(try logStart(broker) == 0)
        #expect(broker.log.lines.contains { $0.hasPrefix("warning") && $0.contains("the wall clock has jumped") })
        // It is put right within an interval, and nothing was lost.
        broker.time.set(milliseconds: Self.start + Self.interval)
        broker.advance(milliseconds: Self.interval - 1)
        for _ in 0..<3 {
            _ = broker.broker.retention.check()
            broker.advance(milliseconds: Self.interval)
        }
        #expect(try logStart(broker) == 0)
        #expect(lines(broker) == [])
    }

    @Test func anOrderDoesNotDeleteByAClockThatJustJumpedEither() throws {
        let (broker, connection) = try broker()
        for _ in 0..<6 { try connection.append(Batch(), to: "events") }
        broker.time.set(milliseconds: Self.start + 315_360_000_000)
        var request = ApplyRetentionRequest()
        request.topics = ["events"]
        let response = try connection.send(request)
        #expect(response.topics.first?.partitions.first?.segments == [])
        #expect(try explain(connection).allSatisfy { $0.reason == "clock" || $0.isActive })
        #expect(try logStart(broker) == 0)
    }

    @Test func clocksThatWereWrongForLongDoNotBlockRetention() throws {
        let (broker, connection) = try broker(["message.timestamp.type": "LogAppendTime"])
        broker.time.set(milliseconds: Self.start + 315_360_000_000)
        for _ in 0..<6 { try connection.append(Batch(), to: "events") }
        broker.time.set(milliseconds: Self.start)
        broker.advance(milliseconds: Self.retention + 1)
        _ = broker.broker.retention.check()
        #expect(try logStart(broker) == 6)
    }

    @Test func topicsThatAreNotThereAndPartitionsThatAreDamagedAreNamed() throws {
        let (broker, connection) = try broker()
        defer { withExtendedLifetime(broker) {} }
        var explain = ExplainTopicRequest()
        explain.topics = ["nothing", "events"]
        #expect(try connection.send(explain).topics.map(\.errorCode) == [.unknownTopicOrPartition, .none])
        var apply = ApplyRetentionRequest()
        apply.topics = ["events", "nothing"]
        #expect(try connection.send(apply).topics.map(\.errorCode) == [.none, .unknownTopicOrPartition])
    }

    @Test func aFailureIsLoggedAndTheOthersGoOn() throws {
        let (broker, connection) = try broker()
        try connection.createTopic("others", configs: ["retention.ms": "1000"])
        for _ in 0..<4 { try connection.append(Batch(), to: "events") }
        try connection.append(Batch(), to: "others")
        broker.advance(milliseconds: Self.retention + 1)
        broker.fileSystem.inject { operation, path in operation == .rename && path.contains("/events-0/") ? 5 : nil }
        _ = broker.broker.retention.check()
        #expect(broker.log.lines.contains { $0.hasPrefix("error") && $0.contains("retention of events-0 failed") })
        #expect(lines(broker).contains { $0.contains("others-0") })
        broker.fileSystem.inject(nil)
    }

    @Test func whatIsTooOldGoesWithOneLineThatSaysWhy() throws {
        let (broker, connection) = try broker(["file.delete.delay.ms": "1000"])
        for _ in 0..<6 { try connection.append(Batch(), to: "events") }
        broker.advance(milliseconds: Self.retention)
        // They go when they are older than that.
        #expect(broker.broker.retention.check() == .milliseconds(LogConfig.minimumSpanMilliseconds))
        #expect(try logStart(broker) == 0)
        broker.advance(milliseconds: 1)
        #expect(broker.broker.retention.check() == .milliseconds(1000))
        #expect(try logStart(broker) == 6)
        let line = try #require(lines(broker).first)
        #expect(lines(broker).count == 1)
        #expect(line.contains("of events-0") && line.contains("past retention.ms=\(Self.retention)"))
        #expect(line.contains("offsets 0 to 5") && line.hasSuffix("it begins at 6 now"))
        broker.advance(milliseconds: 1000)
        #expect(broker.broker.retention.check() > .milliseconds(1000))
        let left = try broker.fileSystem.list("\(TestBroker.directory)/events-0").filter { $0.hasSuffix(".deleted") }
        #expect(left == [])
    }

    /// The thread's rounds, with records that come all the time.
    @Test(arguments: [1000, 1500, 20_000, 3_600_000] as [Int64])
    func noRecordOutlivesItsRetentionByMoreThanATenth(_ retention: Int64) throws {
        let (broker, connection) = try broker(["retention.ms": "\(retention)", "internal.segment.bytes": "1000000"])
        let step = max(10, retention / 500)
        var appended: [Int64] = []
        var next = broker.time.now.milliseconds
        while appended.count < 1200 {
            let now = broker.time.now.milliseconds
            try connection.append(Batch(timestamp: now), to: "events")
            appended.append(now)
            if now >= next {
                let pause = broker.broker.retention.check()
                next = now + pause.components.seconds * 1000 + pause.components.attoseconds / 1_000_000_000_000_000
            }
            let first = Int(try logStart(broker))
            if first < appended.count { #expect(now - appended[first] <= retention * 11 / 10, "at \(now)") }
            #expect(first == 0 || now - appended[first - 1] > retention, "at \(now)")
            broker.advance(milliseconds: step)
        }
        #expect(try logStart(broker) > 0)
    }

    /// What lies in one segment that is written no more goes when its last record is too old, not a round later.
    @Test func theNextRoundIsWhenSomethingExpires() throws {
        let (broker, connection) = try broker()
        try connection.append(Batch(), to: "events")
        broker.advance(milliseconds: Self.retention - 5000)
        #expect(broker.broker.retention.check() == .milliseconds(5001))
        broker.advance(milliseconds: 5001)
        _ = broker.broker.retention.check()
        #expect(try logStart(broker) > 0)
    }

    @Test func whatWentDoesNotComeBackAfterAKill() throws {
        let (broker, connection) = try broker()
        for _ in 0..<6 { try connection.append(Batch(), to: "events") }
        broker.advance(milliseconds: Self.retention + 1)
        _ = broker.broker.retention.check()
        try broker.restart(.kill)
        #expect(try logStart(broker) == 6)
    }

    @Test func topicsWithoutThePolicyKeepEverything() throws {
        for policy in ["", "compact"] {
            let (broker, connection) = try broker(["cleanup.policy": policy, "retention.bytes": "1"])
            for _ in 0..<6 { try connection.append(Batch(), to: "events") }
            broker.advance(milliseconds: 100 * Self.retention)
            _ = broker.broker.retention.check()
            #expect(try logStart(broker) == 0)
            #expect(try explain(connection).allSatisfy { $0.expiresAt == -1 && !$0.isExpired })
        }
    }

    @Test func aDryRunSaysWhatAnOrderThenDoes() throws {
        let (broker, connection) = try broker(["retention.bytes": "300", "retention.ms": "-1"])
        for _ in 0..<10 { try connection.append(Batch(), to: "events") }
        var request = ApplyRetentionRequest()
        request.topics = ["events"]
        request.dryRun = true
        let promised = try connection.send(request)
        #expect(try logStart(broker) == 0)
        request.dryRun = false
        let done = try connection.send(request)
        #expect(done == promised)
        let partition = try #require(done.topics.first?.partitions.first)
        #expect(partition.segments.map(\.reason).allSatisfy { $0 == "size" } && !partition.segments.isEmpty)
        #expect(try logStart(broker) == partition.logStart)
        #expect(partition.segments.last?.endOffset == partition.logStart)
        let left = try explain(connection)
        #expect(left.first?.baseOffset == partition.logStart)
        #expect(left.reduce(0) { $0 + $1.sizeInBytes } >= 300)
        request.dryRun = true
        #expect(try connection.send(request).topics.first?.partitions.first?.segments == [])
    }

    @Test func everySegmentSaysWhenItGoes() throws {
        let (broker, connection) = try broker()
        for number in 0..<4 {
            try connection.append(Batch(timestamp: Self.start + Int64(number) * 1000), to: "events")
        }
        let segments = try explain(connection)
        #expect(segments.count > 1)
        for segment in segments {
            #expect(segment.expiresAt == segment.lastAppendTime + Self.retention)
            #expect(segment.reason == "age" && segment.explanation.contains("retention.ms=\(Self.retention)"))
        }
        #expect(segments.map(\.isActive) == segments.indices.map { $0 == segments.count - 1 })
        withExtendedLifetime(broker) {}
    }

    private func explain(_ connection: FakeConnection) throws -> [ExplainTopicResponse.Segment] {
        var request = ExplainTopicRequest()
        request.topics = ["events"]
        return try #require(try connection.send(request).topics.first?.partitions.first?.segments)
    }
}
