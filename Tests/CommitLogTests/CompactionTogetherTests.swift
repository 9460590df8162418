import CommitLog
import Model
import NIOCore
import Records
import TestSupport
import Testing

/// Compaction beside everything else that changes a log, and what it must leave alone.
struct CompactionTogetherTests {
    /// Forty records of five keys in many segments.
    private func fixture(_ policy: CleanupPolicy = .compact) throws -> LogFixture {
        var config = LogConfig.compacted(segmentBytes: 300)
        config.cleanupPolicy = policy
        config.retentionMilliseconds = 10_000
        config.fileDeleteDelayMilliseconds = 0
        let fixture = try LogFixture(config: config, on: SimulatedFileSystem())
        for number in 0..<40 {
            try fixture.append([("\(number % 5)", "value \(number)")])
            fixture.time.advance(milliseconds: 100)
        }
        return fixture
    }

    /// Runs `change` at the step of that number; false if there are not so many.
    private func compact(_ fixture: LogFixture, step: Int, _ change: @escaping @Sendable () -> Void) throws -> Bool {
        let calls = Locked(0)
        let probe = CompactionProbe { _ in
            let number = calls.withLock { count in
                count += 1
                return count
            }
            if number == step { change() }
            return true
        }
        try fixture.compactAll(control: probe)
        return calls.withLock { $0 } >= step
    }

    private func lastOfEach(_ records: [KeyedRecord]) -> [KeyedRecord] {
        var last: [String: KeyedRecord] = [:]
        for record in records { last[record.key ?? ""] = record }
        return last.values.sorted { $0.offset < $1.offset }
    }

    @Test func aBatchThatGrowsTooLargeIsNotTouched() throws {
        let fixture = try LogFixture(config: .compacted(segmentBytes: 2000), on: SimulatedFileSystem())
        try fixture.append([("a", String(repeating: "x", count: 5000))], compression: .zstd)
        try fixture.append([("a", "new")])
        fixture.environment.maximumDecompressedBytes = 1000
        try fixture.reopen(clean: true)
        let before = try fixture.allRecords()
        #expect(throws: LogError.self) { try fixture.compactAll() }
        #expect(try fixture.allRecords() == before)
    }

    @Test func recordsDeletedMeanwhileStayDeletedAndTheOthersStay() throws {
        for step in 1..<100 {
            let fixture = try fixture()
            let log = fixture.log
            let isReached = try compact(fixture, step: step) {
                do { _ = try log.deleteRecords(before: Offset(17)) } catch { Issue.record(error) }
            }
            while try log.compactionSurvey().cleanableBytes > 0 { try log.compact(control: CompactionProbe()) }
            let start = log.offsets.logStart.rawValue
            #expect(start == (isReached ? 17 : 0), "step \(step)")
            #expect(try fixture.allRecords().map(\.offset) == [35, 36, 37, 38, 39], "step \(step)")
            try fixture.reopen(clean: false)
            #expect(try fixture.allRecords().map(\.offset) == [35, 36, 37, 38, 39], "step \(step)")
            if !isReached { return #expect(step > 5) }
        }
    }

    @Test func retentionGoesOnInTheMiddleOfACompaction() throws {
        for step in 1..<100 {
            let fixture = try fixture([.compact, .delete])
            let (log, time) = (fixture.log, fixture.time)
            let isReached = try compact(fixture, step: step) {
                time.advance(milliseconds: 8000)
                do { _ = try log.applyRetention(at: WitnessedTime(now: time.now, isSteady: true)) } catch {
                    Issue.record(error)
                }
            }
            while try log.compactionSurvey().cleanableBytes > 0 { try log.compact(control: CompactionProbe()) }
            #expect(try fixture.allRecords().map(\.offset) == [35, 36, 37, 38, 39], "step \(step)")
            time.advance(milliseconds: 20_000)
            _ = try log.applyRetention(at: WitnessedTime(now: time.now, isSteady: true))
            #expect(try fixture.allRecords().isEmpty && log.offsets.logEnd == Offset(40), "step \(step)")
            if !isReached { return #expect(step > 5) }
        }
    }

    @Test func whatIsAppendedMeanwhileIsThere() throws {
        for step in 1..<100 {
            let fixture = try fixture()
            let log = fixture.log
            let new = try (0..<5).map { try fixture.batch([("\($0)", "new")]) }
            let isReached = try compact(fixture, step: step) {
                do { for batch in new { _ = try log.append(batch) } } catch { Issue.record(error) }
            }
            let records = try fixture.allRecords()
            #expect(lastOfEach(records).map(\.offset) == (isReached ? 40..<45 : 35..<40).map { $0 }, "step \(step)")
            try fixture.compactAll()
            #expect(try fixture.allRecords() == lastOfEach(records), "step \(step)")
            if !isReached { return #expect(step > 5) }
        }
    }

    @Test func howFarEachLogIsCompactedStandsInKafkasFile() throws {
        let fileSystem = SimulatedFileSystem()
        let environment = LogEnvironment(fileSystem: fileSystem, time: ManualTime())
        let directory = try LogDirectory.open("/data", clusterID: nil, nodeID: 1, environment: environment)
        let path = "/data/cleaner-offset-checkpoint"
        let partition = TopicPartition("table", 3)
        let topicID = TopicID(high: 1, low: 2)
        let log = try directory.openPartition(partition, topicID: topicID, config: .compacted())
        try directory.saveLogStarts()
        #expect(try !fileSystem.exists(path), "nothing is compacted")
        for number in 0..<20 {
            var builder = BatchBuilder()
            try builder.append(
                key: ByteBuffer(string: "key"),
                value: ByteBuffer(string: "\(number)"),
                timestamp: Timestamp(milliseconds: 1)
            )
            _ = try log.append(try builder.finish())
        }
        try log.rollIfAged(always: true)
        try log.compact(control: CompactionProbe())
        try directory.saveLogStarts()
        #expect(try contents(of: path, fileSystem).hasPrefix("0\n1\ntable 3 20"), "and a checksum")
        try directory.delete(partition)
        try directory.saveLogStarts()
        #expect(try contents(of: path, fileSystem) == "0\n0\n")
        try directory.close()
    }

    private func contents(of path: String, _ fileSystem: SimulatedFileSystem) throws -> String {
        let file = try fileSystem.open(path, .existing)
        var bytes = [UInt8](repeating: 0, count: try file.size())
        try bytes.withUnsafeMutableBytes { _ = try file.read(into: $0, at: .zero) }
        return String(decoding: bytes, as: UTF8.self)
    }
}
