import CommitLog
import Model
import TestSupport
import Testing
import Wire

@testable import Broker

/// The search for damage in a running broker, and what it says of what it finds.
struct ScrubberTests {
    private static let day: Int64 = 86_400_000

    private func broker() throws -> (TestBroker, FakeConnection) {
        let broker = try TestBroker(["log.scrub.interval.ms": String(7 * Self.day)])
        let connection = broker.connect()
        try connection.createTopic("events", configs: ["internal.segment.bytes": "200"])
        for _ in 0..<6 { try connection.append(Batch(), to: "events") }
        return (broker, connection)
    }

    private func partition(_ broker: TestBroker) throws -> PartitionLog {
        try #require(broker.broker.topics.snapshot["events"]).partitions[0].log()
    }

    private func flip(_ byte: Int, of base: Int, in broker: TestBroker) throws {
        let number = String(base)
        let name = String(repeating: "0", count: 20 - number.count) + number + ".log"
        let file = try broker.fileSystem.open("\(TestBroker.directory)/events-0/\(name)", .existing)
        var bytes: [UInt8] = [0]
        _ = try bytes.withUnsafeMutableBytes { try file.read(into: $0, at: FilePosition(byte)) }
        bytes[0] ^= 1
        try bytes.withUnsafeBytes {
            try file.write($0, UnsafeRawBufferPointer(start: nil, count: 0), at: FilePosition(byte))
        }
    }

    private func lines(_ broker: TestBroker) -> [String] { broker.log.lines.filter { $0.contains("is damaged") } }

    @Test func soundLogsAreLookedAtOnceInTheInterval() throws {
        let (broker, _) = try broker()
        let log = try partition(broker)
        broker.broker.scrubber.checkDue()
        #expect(log.lastScrub == nil)
        broker.advance(milliseconds: Self.day)
        broker.broker.scrubber.checkDue()
        let first = try #require(log.lastScrub)
        broker.advance(milliseconds: 6 * Self.day)
        broker.broker.scrubber.checkDue()
        #expect(log.lastScrub == first)
        broker.advance(milliseconds: Self.day)
        broker.broker.scrubber.checkDue()
        #expect(log.lastScrub == broker.time.now)
        #expect(lines(broker) == [])
        #expect(broker.broker.health.conditions.isEmpty)
    }

    /// Closed segments are summed up soon, so that a change of any byte is found, and it is told once: in the log and to
    /// health, and again after a restart.
    @Test func damageIsFoundAndTold() throws {
        let (broker, _) = try broker()
        broker.broker.scrubber.checkDue()
        let base = try partition(broker).segmentsToScrub(onlyNew: false)[1]
        // A leader epoch, which no batch's checksum covers.
        try flip(13, of: Int(base.rawValue), in: broker)
        broker.broker.scrubber.checkAll()
        broker.broker.scrubber.checkAll()
        #expect(lines(broker).count == 1)
        #expect(lines(broker).first?.contains("events-0 is damaged: offsets \(base)") == true)
        let condition = try #require(broker.broker.health.conditions.first)
        #expect(condition.kind == .recordsDamaged && condition.subject == "events-0")
        #expect(condition.reason.contains("offsets \(base)"))
        try broker.restart()
        #expect(broker.broker.health.conditions.map(\.kind) == [.recordsDamaged])
        // Put right, it is well again.
        try flip(13, of: Int(base.rawValue), in: broker)
        broker.broker.scrubber.checkAll()
        #expect(broker.broker.health.conditions.isEmpty)
    }

    @Test func aFetchOfDamageIsRefusedAndItsNeighboursAreServed() throws {
        let (broker, _) = try broker()
        let connection = broker.connect()
        broker.broker.scrubber.checkDue()
        let log = try partition(broker)
        let base = try log.segmentsToScrub(onlyNew: false)[1]
        try flip(70, of: Int(base.rawValue), in: broker)
        broker.broker.scrubber.checkAll()
        let range = try #require(log.quarantined.first?.offsets)
        func fetch(from offset: Offset) throws -> FetchResponse.Partition {
            let request = FetchRequest.wanting([Wanted(topic: "events", offset: offset.rawValue)])
            return try #require(try connection.fetch(request).topics.first?.partitions.first)
        }
        #expect(try fetch(from: range.lowerBound).errorCode == .corruptMessage)
        let before = try fetch(from: range.lowerBound + -1)
        #expect(before.errorCode == .none && before.records.length > 0)
        let behind = try fetch(from: range.upperBound)
        #expect(behind.errorCode == .none && behind.records.length > 0)
    }
}
