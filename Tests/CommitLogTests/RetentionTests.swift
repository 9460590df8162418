import Model
import TestSupport
import Testing

@testable import CommitLog

/// Retention on a log: rolling early, removing, and what is left on the disk.
@Suite struct RetentionTests {
    private static let hour: Int64 = 3_600_000

    private func fixture(
        _ fileSystem: SimulatedFileSystem = SimulatedFileSystem(),
        _ change: (inout LogConfig) -> Void = { _ in }
    ) throws -> LogFixture {
        var config = LogConfig()
        config.retentionMilliseconds = 20 * Self.hour
        config.segmentBytes = 10_000
        change(&config)
        return try LogFixture(config: config, on: fileSystem)
    }

    private func steady(_ fixture: LogFixture) -> WitnessedTime { WitnessedTime(now: fixture.time.now, isSteady: true) }

    private func files(_ fixture: LogFixture, _ suffix: String) throws -> [String] {
        try fixture.environment.fileSystem.list(fixture.directory).filter { $0.hasSuffix(suffix) }.sorted()
    }

    @Test func anAppendBetweenTheDecisionAndTheDeedIsKept() throws {
        let fixture = try fixture()
        try fixture.append()
        fixture.time.advance(milliseconds: 21 * Self.hour)
        let outcome = try fixture.log.explainRetention(at: steady(fixture))
        #expect(outcome.removed.count == 1)
        try fixture.append()
        #expect(try fixture.log.deleteSegments(upTo: outcome.logStart) == Offset(1))
        #expect(try fixture.allValues().count == 1)
    }

    @Test func aWrongTimeIndexDeletesNothing() throws {
        let fileSystem = SimulatedFileSystem()
        let fixture = try fixture(fileSystem)
        try fixture.append()
        fixture.time.advance(milliseconds: 2 * Self.hour)
        try fixture.append()
        try fixture.reopen(clean: true)
        #expect(fixture.log.segmentCount == 2)
        // One flipped bit makes the newest record of the first segment 35 years older.
        let path = fixture.path(0, ".timeindex")
        var bytes = try fixture.contents(of: path)
        try #require(bytes.count == 12)
        bytes[2] ^= 1
        try fixture.overwrite(path, with: bytes)
        try fixture.reopenAsIs(clean: true)
        #expect(try fixture.log.applyRetention(at: steady(fixture)).removed.isEmpty)
        #expect(try fixture.allValues().count == 2)
    }

    @Test func filesOfRemovedSegmentsGoAfterTheDelay() throws {
        let fixture = try fixture { $0.fileDeleteDelayMilliseconds = 60_000 }
        try fixture.append()
        fixture.time.advance(milliseconds: 21 * Self.hour)
        #expect(try fixture.log.applyRetention(at: steady(fixture)).logStart == Offset(1))
        #expect(try files(fixture, ".log").count == 1)
        #expect(try files(fixture, ".deleted") == ["00000000000000000000.log.deleted"])
        fixture.time.advance(milliseconds: 59_999)
        #expect(try fixture.log.removeDueFiles() != nil)
        #expect(try files(fixture, ".deleted").count == 1)
        fixture.time.advance(milliseconds: 1)
        #expect(try fixture.log.removeDueFiles() == nil)
        #expect(try files(fixture, ".deleted").isEmpty)
    }

    @Test(arguments: [true, false])
    func filesThatWaitForTheirRemovalAreRemovedAtTheNextStart(isClean: Bool) throws {
        let fixture = try fixture()
        try fixture.append()
        fixture.time.advance(milliseconds: 21 * Self.hour)
        _ = try fixture.log.applyRetention(at: steady(fixture))
        try fixture.append()
        try fixture.reopen(clean: isClean)
        #expect(try files(fixture, ".deleted").isEmpty)
        #expect(fixture.log.offsets.logStart == Offset(1))
        #expect(try fixture.allValues().count == 1)
    }

    @Test func withoutADelayFilesGoAtOnce() throws {
        let fixture = try fixture { $0.fileDeleteDelayMilliseconds = 0 }
        try fixture.append()
        fixture.time.advance(milliseconds: 21 * Self.hour)
        _ = try fixture.log.applyRetention(at: steady(fixture))
        #expect(try files(fixture, ".deleted").isEmpty)
        #expect(try files(fixture, ".log") == ["00000000000000000001.log"])
    }

    @Test func segmentsThatCameBackBelowTheStartGoAgain() throws {
        let fixture = try fixture()
        for _ in 0..<3 {
            try fixture.append()
            fixture.time.advance(milliseconds: 2 * Self.hour)
        }
        try fixture.reopen(clean: true, hints: OpeningHints(logStart: Offset(2)))
        #expect(fixture.log.segmentCount == 3)
        let outcome = try fixture.log.applyRetention(at: steady(fixture))
        #expect(outcome.removed.map(\.reason) == [.belowLogStart, .belowLogStart])
        #expect(fixture.log.segmentCount == 1)
        #expect(fixture.log.offsets.logStart == Offset(2))
    }

    /// Records in a trickle: each is kept for at least the retention, and at most a tenth longer.
    @Test(arguments: [60_000, 3_600_000, 604_800_000] as [Int64])
    func noRecordStaysForMoreThanATenthLonger(retention: Int64) throws {
        let fixture = try fixture { config in
            config.retentionMilliseconds = retention
            config.fileDeleteDelayMilliseconds = 0
        }
        var appended: [Int64] = []
        let step = max(1, retention / 200)
        for _ in 0..<600 {
            try fixture.append()
            appended.append(fixture.time.now.milliseconds)
            fixture.time.advance(milliseconds: step)
            // As often as the broker looks.
            let outcome = try fixture.log.applyRetention(at: steady(fixture))
            let start = Int(outcome.logStart.rawValue)
            let now = fixture.time.now.milliseconds
            if start > 0 { #expect(now - appended[start - 1] >= retention) }
            if start < appended.count { #expect(now - appended[start] <= retention + retention / 10) }
        }
        #expect(fixture.log.segmentCount <= 30)
    }

    @Test func recordsOfTheFutureDoNotStopRollingAndExpiring() throws {
        let fixture = try fixture { config in
            config.timestampAfterMaxMilliseconds = .max
            config.retentionMilliseconds = 100_000
        }
        try fixture.append(TestBatch(timestamps: [.max]))
        for _ in 0..<30 {
            fixture.time.advance(milliseconds: 10_000)
            try fixture.append(TestBatch(timestamps: [.max]))
        }
        let outcome = try fixture.log.applyRetention(at: steady(fixture))
        #expect(outcome.logStart > Offset(15))
        #expect(outcome.logStart < Offset(31))
    }

    @Test func oldRecordsDoNotComeInCountlessSegments() throws {
        let fixture = try fixture { $0.segmentMilliseconds = .max }
        let now = fixture.time.now.milliseconds
        for day in stride(from: Int64(1000), to: 0, by: -1) {
            try fixture.append(TestBatch(timestamps: [now - day * 86_400_000]))
        }
        #expect(fixture.log.segmentCount < 15)
    }

    @Test func withoutThePolicyDeleteSegmentsEndBySegmentMilliseconds() throws {
        let fixture = try fixture { $0.cleanupPolicy = .compact }
        try fixture.append()
        fixture.time.advance(milliseconds: 6 * 86_400_000)
        try fixture.append()
        #expect(fixture.log.segmentCount == 1)
    }

    @Test func afterARestartTheFileSaysWhenRecordsWithoutTimestampsCame() throws {
        var config = LogConfig()
        config.retentionMilliseconds = 1000
        let fixture = try LogFixture(config: config)
        fixture.time.set(milliseconds: SystemTime().now.milliseconds)
        try fixture.append(TestBatch(timestamps: [-1]))
        try fixture.reopen(clean: true)
        fixture.time.set(milliseconds: SystemTime().now.milliseconds + 60_000)
        #expect(try fixture.log.explainRetention(at: steady(fixture)).removed.count == 1)
        fixture.time.set(milliseconds: SystemTime().now.milliseconds - 60_000)
        #expect(try fixture.log.explainRetention(at: steady(fixture)).removed.isEmpty)
    }
}
