import Model
import Testing

@testable import CommitLog

/// When a log is compacted next, from what is known of it.
struct CompactionOutlookTests {
    private let now = Timestamp(milliseconds: 1_000_000_000)

    private func config(_ change: (inout LogConfig) -> Void = { _ in }) -> LogConfig {
        var config = LogConfig.compacted()
        change(&config)
        return config
    }

    private func facts(_ range: Range<Int64>, size: Int, age: Int64 = 1000) -> SegmentFacts {
        let time = now.advanced(milliseconds: -age)
        return SegmentFacts(
            baseOffset: Offset(range.lowerBound),
            endOffset: Offset(range.upperBound),
            size: size,
            largestTimestamp: time,
            firstTimestamp: time
        )
    }

    /// Of two closed segments, the second dirty, and the one that is written.
    private func outlook(
        _ config: LogConfig,
        clean: Int = 0,
        dirty: Int = 0,
        active: Int = 0,
        age: Int64 = 1000,
        idle: Int64 = 0,
        tombstonesExpire: Timestamp = .none
    ) -> CompactionOutlook {
        let survey = CompactionSurvey(
            [facts(0..<10, size: clean, age: age), facts(10..<20, size: dirty, age: age)],
            active: active > 0 ? facts(20..<30, size: active, age: age) : nil,
            compactedTo: Offset(10),
            logStart: .zero,
            bound: Offset(20),
            tombstonesExpire: tombstonesExpire,
            config: config,
            now: now
        )
        return survey.outlook(config, QuietRules(quietMilliseconds: 600_000, idleMilliseconds: idle), now: now)
    }

    @Test func withoutTheTimeBeingRipeItSaysWhenItIs() {
        let found = outlook(config(), clean: 100, dirty: 50, idle: 1000)
        #expect(found.urgency == .later && found.reason == "clean")
        #expect(found.at == now.advanced(milliseconds: 599_000))
    }

    @Test func theLagComesBeforeTheSilence() {
        let found = outlook(config { $0.maxCompactionLagMilliseconds = 5000 }, clean: 100, dirty: 50, age: 2000)
        #expect(found.urgency == .later && found.reason == "lag")
        #expect(found.at == now.advanced(milliseconds: 3000))
        let late = outlook(config { $0.maxCompactionLagMilliseconds = 5000 }, clean: 100, dirty: 50, age: 6000)
        #expect(late.urgency == .due && late.reason == "overdue")
    }

    @Test func dirtIsDue() {
        let found = outlook(config(), clean: 100, dirty: 101)
        #expect(found.urgency == .due && found.reason == "dirty" && found.at == now)
        #expect(outlook(config(), clean: 100, dirty: 100).urgency == .later)
    }

    @Test func aQuietLogIsIdleWorkHoweverLittleIsNew() {
        #expect(outlook(config(), clean: 1000, dirty: 1, idle: 599_999).urgency == .later)
        #expect(outlook(config(), clean: 1000, dirty: 1, idle: 600_000).urgency == .idleWork)
        #expect(outlook(config(), clean: 1000, active: 1, idle: 600_000).reason == "quiet")
        #expect(outlook(config(), clean: 1000, idle: 600_000).reason == "nothing")
    }

    @Test func aLargeLogMustBeQuietForLonger() {
        // 100 seconds for each gigabyte.
        let large = 10_000_000_000
        #expect(outlook(config(), clean: large, active: 1, idle: 999_999).urgency == .later)
        #expect(outlook(config(), clean: large, active: 1, idle: 1_000_000).urgency == .idleWork)
    }

    @Test func whatIsTooYoungIsNotWaitedForByAQuietLog() {
        let young = config { $0.minCompactionLagMilliseconds = 3_600_000 }
        let found = outlook(young, clean: 100, dirty: 50, active: 50, idle: 600_000)
        #expect(found.urgency == .later && found.reason == "young" && found.at == nil)
    }

    @Test func tombstonesOfAQuietLogGoWhenTheirTimeHasCome() {
        let expiry = now.advanced(milliseconds: 700_000)
        let found = outlook(config(), clean: 100, idle: 0, tombstonesExpire: expiry)
        #expect(found.urgency == .later && found.reason == "tombstones" && found.at == expiry)
        #expect(outlook(config(), clean: 100, idle: 600_000, tombstonesExpire: now).urgency == .idleWork)
        #expect(outlook(config(), idle: 600_000, tombstonesExpire: now).reason == "nothing", "they are gone already")
    }
}
