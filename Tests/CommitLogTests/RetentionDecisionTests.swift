import Model
import Testing

@testable import CommitLog

/// What retention decides, by value: no clock, no file.
@Suite struct RetentionDecisionTests {
    private let now: Int64 = 1_700_000_000_000
    private let hour: Int64 = 3_600_000

    private func decide(
        _ segments: [SegmentDescription],
        isSteady: Bool = true,
        logStart: Int64 = 0,
        bound: Int64 = .max,
        _ change: (inout LogConfig) -> Void = { _ in }
    ) -> [SegmentFate] {
        var config = LogConfig()
        config.retentionMilliseconds = 10 * hour
        change(&config)
        let decision = RetentionDecision(
            config: config,
            logStart: Offset(logStart),
            bound: Offset(bound),
            time: WitnessedTime(now: Timestamp(milliseconds: now), isSteady: isSteady)
        )
        return decision.fates(of: segments)
    }

    /// Ten records to a segment; `ages` in hours, oldest first, the last one active.
    private func segments(_ ages: [Int64], bytes: Int = 100) -> [SegmentDescription] {
        ages.enumerated().map { number, age in
            SegmentDescription(
                baseOffset: Offset(Int64(number) * 10),
                endOffset: Offset(Int64(number) * 10 + 10),
                sizeInBytes: bytes,
                largestTimestamp: Timestamp(milliseconds: now - age * hour),
                isActive: number == ages.count - 1
            )
        }
    }

    private func one(
        largest: Int64?,
        appended: Int64? = nil,
        knownFor: Int64 = 0,
        isActive: Bool = false
    ) -> [SegmentDescription] {
        [
            SegmentDescription(
                baseOffset: .zero,
                endOffset: Offset(10),
                sizeInBytes: 100,
                largestTimestamp: largest.map { Timestamp(milliseconds: $0) },
                isActive: isActive,
                lastAppend: appended.map { Timestamp(milliseconds: $0) },
                knownForMilliseconds: knownFor
            )
        ]
    }

    private func isRemoved(_ fates: [SegmentFate]) -> [Bool] {
        fates.map { if case .remove = $0 { true } else { false } }
    }

    @Test func aClockThatJumpedDeletesNothing() {
        let fates = decide(segments([90_000, 80_000, 0]), isSteady: false)
        #expect(fates == [.keep(.clock, until: nil), .keep(.clock, until: nil), .keep(.young(0), until: nil)])
    }

    @Test func whatThisProcessHasSeenForLongEnoughGoesWhateverTheClockSays() {
        let limit = 10 * hour
        let future = one(largest: .max, appended: .max, knownFor: limit + 1)
        #expect(decide(future, isSteady: false) == [.remove(.age(limit + 1))])
        #expect(isRemoved(decide(one(largest: .max, appended: .max, knownFor: limit))) == [false])
    }

    @Test func timestampsInTheFutureCountAsTheTimeOfTheAppend() {
        #expect(isRemoved(decide(one(largest: .max, appended: now - 11 * hour))) == [true])
        #expect(
            decide(one(largest: .max, appended: now - 9 * hour))
                == [.keep(.young(9 * hour), until: Timestamp(milliseconds: now + hour))]
        )
        // Appended while the clock was ahead: then nothing is known but how long we have known it.
        let ahead = one(largest: .max, appended: now + 1000 * hour, knownFor: 4 * hour)
        #expect(decide(ahead) == [.keep(.young(4 * hour), until: Timestamp(milliseconds: now + 6 * hour))])
    }

    @Test func wildNumbersDoNotOverflow() {
        for largest in [Int64.min, -2, 0, .max] {
            for appended in [nil, Int64.min, .max] {
                for limit in [0, 1, Int64.max] {
                    _ = decide(one(largest: largest, appended: appended, knownFor: .max)) {
                        $0.retentionMilliseconds = limit
                    }
                }
            }
        }
        let young = decide(one(largest: now)) { $0.retentionMilliseconds = .max }
        #expect(young == [.keep(.young(0), until: Timestamp(milliseconds: .max))])
    }

    @Test func nothingGoesThatMayNotBeSeenYet() {
        let fates = decide(segments([20, 20, 20]), bound: 15)
        #expect(isRemoved(fates) == [true, false, false])
        #expect(fates[1] == .keep(.unstable, until: nil))
    }

    @Test func anEmptyActiveSegmentStays() {
        var last = segments([20, 20])
        last[1] = SegmentDescription(
            baseOffset: Offset(10),
            endOffset: Offset(10),
            sizeInBytes: 0,
            largestTimestamp: nil,
            isActive: true
        )
        #expect(decide(last)[1] == .keep(.empty, until: nil))
    }

    @Test func withoutThePolicyNothingGoesByAgeOrSize() {
        let old = segments([1000, 1000, 1000])
        for (policy, reason) in [(CleanupPolicy.compact, SegmentFate.Keeping.compacted), ([], .noPolicy)] {
            let fates = decide(old) { config in
                config.cleanupPolicy = policy
                config.retentionBytes = 0
            }
            #expect(fates == Array(repeating: .keep(reason, until: nil), count: 3))
        }
        #expect(isRemoved(decide(old) { $0.cleanupPolicy = [.compact, .delete] }) == [true, true, true])
    }

    @Test func whatWasDeletedBeforeGoesUnderAnyPolicy() {
        let fates = decide(segments([0, 0, 0]), isSteady: false, logStart: 15) { $0.cleanupPolicy = [] }
        #expect(fates[0] == .remove(.belowLogStart))
        #expect(isRemoved(fates) == [true, false, false])
    }

    @Test func ageIsThatOfTheNewestRecordAndMustBeExceeded() {
        let fates = decide(segments([12, 11, 10, 9]))
        #expect(isRemoved(fates) == [true, true, false, false])
        #expect(fates[0] == .remove(.age(12 * hour)))
        #expect(fates[2] == .keep(.young(10 * hour), until: Timestamp(milliseconds: now)))
        #expect(fates[3] == .keep(.young(9 * hour), until: Timestamp(milliseconds: now + hour)))
    }

    @Test func anOlderSegmentThatStaysKeepsTheRest() {
        let fates = decide(segments([2, 20, 1]))
        let first = Timestamp(milliseconds: now + 8 * hour)
        #expect(fates[0] == .keep(.young(2 * hour), until: first))
        #expect(fates[1] == .keep(.behindOlder, until: first))
        #expect(fates[2] == .keep(.young(hour), until: Timestamp(milliseconds: now + 9 * hour)))
    }

    @Test func theActiveSegmentGoesTooWhenAllOfItIsTooOld() {
        #expect(isRemoved(decide(segments([20, 11]))) == [true, true])
    }

    @Test func sizeTakesTheOldestAsLongAsEnoughIsLeft() {
        let log = segments([0, 0, 0, 0])
        func removed(_ limit: Int64?) -> Int {
            isRemoved(decide(log) { $0.retentionBytes = limit }).filter { $0 }.count
        }
        #expect([nil, 401, 400, 301, 300, 299, 200, 100, 1, 0].map(removed) == [0, 0, 0, 0, 1, 1, 2, 3, 3, 4])
        let fates = decide(log) { config in
            config.retentionBytes = 250
            config.retentionMilliseconds = nil
        }
        #expect(fates[0] == .remove(.size(400)))
        #expect(fates[1] == .keep(.size(300), until: nil))
    }

    @Test func withoutLimitsEverythingStays() {
        let fates = decide(segments([90_000, 0])) { $0.retentionMilliseconds = nil }
        #expect(fates == Array(repeating: .keep(.noLimit, until: nil), count: 2))
    }

    @Test func everyFateIsExplained() {
        let config = LogConfig()
        #expect(
            SegmentFate.Removal.age(36_000_000).explanation(config)
                == "its newest record is 10.0 h old, retention.ms=604800000"
        )
        for reason in [SegmentFate.Removal.belowLogStart, .size(5)] { #expect(!reason.explanation(config).isEmpty) }
        for reason in [
            SegmentFate.Keeping.noPolicy, .compacted, .noLimit, .young(90_061_001), .size(1), .clock, .behindOlder,
            .unstable, .empty,
        ] {
            #expect(!reason.explanation(config).isEmpty)
            #expect(!reason.name.isEmpty)
        }
        #expect("\(Span(999)) \(Span(1500)) \(Span(90_000)) \(Span(86_400_000))" == "999 ms 1.5 s 1.5 min 1.0 d")
    }
}
