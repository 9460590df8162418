package import Model

/// A reading of the wall clock together with what can be said about it. Immutable.
package struct WitnessedTime: Equatable, Sendable {
    package let now: Timestamp
    /// Whether the wall clock has gone along with the monotonic one for long enough to delete records by it.
    package let isSteady: Bool

    package init(now: Timestamp, isSteady: Bool) {
        self.now = now
        self.isSteady = isSteady
    }
}

/// Watches the wall clock for jumps, so that none of them deletes records by itself. A value.
///
/// Records go by the wall clock only if it was watched for a whole check interval. Two readings agree if as much time has
/// passed between them on the wall as on the monotonic clock. After two that do not agree the clock counts as unsteady
/// until readings have agreed for a whole check interval: long enough for whoever set it wrongly, or lets something set
/// it, to put it right.
package struct ClockWitness: Sendable {
    /// What two readings may differ by and still agree: the jumps of a clock that is kept right, which are harmless.
    static let tolerance: Int64 = 1000
    /// And so many per cent of the time between them: a clock that is being slewed.
    static let tolerancePercent: Int64 = 1

    private let intervalMilliseconds: Int64
    private let started: Instant
    private var last: (now: Timestamp, instant: Instant)
    /// When the clock was last seen to have jumped.
    private var jumped: Instant?

    package init(interval: Duration, now: Timestamp, instant: Instant) {
        intervalMilliseconds = interval.wholeNanoseconds / 1_000_000
        last = (now, instant)
        started = instant
    }

    /// Takes a reading. Returns what it is worth, and how far the wall clock has jumped since the one before, if it has.
    ///
    /// - Parameter isOrdered: A person wants this round and has looked at the clock. Then it need not have been watched
    ///   for a whole interval, if only it was not seen to jump.
    package mutating func read(
        now: Timestamp,
        instant: Instant,
        isOrdered: Bool = false
    ) -> (time: WitnessedTime, jump: Int64?) {
        let passed = max(0, last.instant.duration(to: instant).wholeNanoseconds / 1_000_000)
        let difference = now.milliseconds(since: last.now).subtractingClamped(passed)
        last = (now, instant)
        let allowed = Self.tolerance + passed / 100 * Self.tolerancePercent
        if difference.magnitude > allowed.magnitude {
            jumped = instant
            return (WitnessedTime(now: now, isSteady: false), difference)
        }
        if let jumped, isInterval(from: jumped, to: instant) { self.jumped = nil }
        let isWatched = isOrdered || isInterval(from: started, to: instant)
        return (WitnessedTime(now: now, isSteady: jumped == nil && isWatched), nil)
    }

    private func isInterval(from start: Instant, to end: Instant) -> Bool {
        start.duration(to: end).wholeNanoseconds / 1_000_000 >= intervalMilliseconds
    }
}

extension Timestamp {
    /// How many milliseconds later this is than `earlier`, clamped where that number does not exist.
    func milliseconds(since earlier: Timestamp) -> Int64 { milliseconds.subtractingClamped(earlier.milliseconds) }
}

extension Int64 {
    func subtractingClamped(_ other: Int64) -> Int64 {
        let (difference, overflow) = subtractingReportingOverflow(other)
        return overflow ? (self < other ? .min : .max) : difference
    }
}
