package import Model

/// Clocks that stand still until a test moves them. Thread-safe.
package final class ManualTime: TimeSource {
    private let state: Locked<(now: Int64, instant: Int64)>

    /// Starts at a wall clock reading in milliseconds.
    package init(milliseconds: Int64 = 1_700_000_000_000) { state = Locked((milliseconds, 0)) }

    package var now: Timestamp { Timestamp(milliseconds: state.withLock { $0.now }) }

    package var instant: Instant { Instant(nanoseconds: state.withLock { $0.instant }) }

    /// Moves both clocks.
    package func advance(milliseconds: Int64) {
        state.withLock { state in
            state.now += milliseconds
            state.instant += milliseconds * 1_000_000
        }
    }

    /// Makes the wall clock jump.
    package func set(milliseconds: Int64) { state.withLock { $0.now = milliseconds } }
}
