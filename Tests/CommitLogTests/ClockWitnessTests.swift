import Model
import Testing

@testable import CommitLog

/// Jumps of the wall clock, and how long they are held against it.
@Suite struct ClockWitnessTests {
    private static let start: Int64 = 1_700_000_000_000
    private static let interval: Int64 = 300_000

    /// A witness and the clocks it looks at.
    private struct Watch {
        var wall = ClockWitnessTests.start
        var passed: Int64 = 0
        var witness = ClockWitness(
            interval: .milliseconds(ClockWitnessTests.interval),
            now: Timestamp(milliseconds: ClockWitnessTests.start),
            instant: Instant(nanoseconds: 0)
        )

        /// Lets time pass, on the wall clock a little more or less.
        mutating func read(
            after milliseconds: Int64,
            jump: Int64 = 0,
            isOrdered: Bool = false
        ) -> (time: WitnessedTime, jump: Int64?) {
            passed += milliseconds
            wall =
                Timestamp(milliseconds: wall).advanced(milliseconds: milliseconds).advanced(milliseconds: jump)
                .milliseconds
            return witness.read(
                now: Timestamp(milliseconds: wall),
                instant: Instant(nanoseconds: passed * 1_000_000),
                isOrdered: isOrdered
            )
        }
    }

    @Test(arguments: [Int64(10_000), -10_000, 3_600_000, 315_360_000_000, -315_360_000_000, .min])
    func aJumpIsHeldAgainstTheClockForOneInterval(jump: Int64) {
        var watch = Watch()
        let reading = watch.read(after: 1000, jump: jump)
        #expect(reading.time.isSteady == false)
        #expect(reading.jump != nil)
        #expect(watch.read(after: Self.interval - 1, isOrdered: true).time.isSteady == false)
        #expect(watch.read(after: 1).time.isSteady)
    }

    @Test func aSecondJumpBeginsTheWaitAnew() {
        var watch = Watch()
        _ = watch.read(after: 1000, jump: 100_000)
        #expect(watch.read(after: Self.interval, jump: -100_000).jump == -100_000)
        #expect(watch.read(after: Self.interval / 2).time.isSteady == false)
        #expect(watch.read(after: Self.interval / 2).time.isSteady)
    }

    @Test func aClockThatStrobesIsNeverSteady() {
        var watch = Watch()
        for round in 0..<20 {
            #expect(watch.read(after: Self.interval, jump: round % 2 == 0 ? 60_000 : -60_000).time.isSteady == false)
        }
    }

    @Test func aClockMustBeWatchedForAnIntervalUnlessAPersonOrdersTheRound() {
        var watch = Watch()
        #expect(watch.read(after: Self.interval - 2).time.isSteady == false)
        #expect(watch.read(after: 1, isOrdered: true).time.isSteady)
        #expect(watch.read(after: 1).time.isSteady)
    }

    @Test func aClockThatIsKeptRightIsSteady() {
        var watch = Watch()
        for correction: Int64 in [1000, -1000, 4000, -4000] {
            let reading = watch.read(after: Self.interval, jump: correction)
            #expect(reading.time == WitnessedTime(now: Timestamp(milliseconds: watch.wall), isSteady: true))
            #expect(reading.jump == nil)
        }
    }
}
