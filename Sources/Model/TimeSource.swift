import Glibc

/// A reading of the monotonic clock: nanoseconds since an arbitrary start. Immutable.
package struct Instant: Comparable, Hashable, Sendable {
    package let nanoseconds: Int64

    package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    package static func < (left: Instant, right: Instant) -> Bool { left.nanoseconds < right.nanoseconds }

    package func advanced(by duration: Duration) -> Instant {
        Instant(nanoseconds: nanoseconds + duration.wholeNanoseconds)
    }

    package func duration(to later: Instant) -> Duration { .nanoseconds(later.nanoseconds - nanoseconds) }
}

extension Duration {
    /// The duration in nanoseconds, clamped to ±292 years.
    package var wholeNanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        if overflow { return seconds < 0 ? .min : .max }
        let (sum, carried) = whole.addingReportingOverflow(attoseconds / 1_000_000_000)
        return carried ? (seconds < 0 ? .min : .max) : sum
    }
}

/// The seam for time: wall clock and monotonic clock. Timeouts use the monotonic one only.
package protocol TimeSource: Sendable {
    /// The wall clock. May jump.
    var now: Timestamp { get }
    /// The monotonic clock. Never jumps back.
    var instant: Instant { get }
}

/// The machine's clocks. Immutable.
package struct SystemTime: TimeSource {
    package init() {}

    package var now: Timestamp {
        let (seconds, nanoseconds) = Self.read(CLOCK_REALTIME)
        return Timestamp(milliseconds: seconds * 1000 + nanoseconds / 1_000_000)
    }

    package var instant: Instant {
        let (seconds, nanoseconds) = Self.read(CLOCK_MONOTONIC)
        return Instant(nanoseconds: seconds * 1_000_000_000 + nanoseconds)
    }

    private static func read(_ clock: clockid_t) -> (seconds: Int64, nanoseconds: Int64) {
        var time = timespec()
        clock_gettime(clock, &time)
        return (Int64(time.tv_sec), Int64(time.tv_nsec))
    }
}
