import Model

/// How long to wait before the next attempt: doubling, bounded, with ±20 % jitter so that clients do not march in step
/// (KIP-580). Immutable.
struct Backoff: Sendable {
    let initial: Duration
    let maximum: Duration

    init(initial: Duration, maximum: Duration) {
        self.initial = initial
        self.maximum = maximum
    }

    init(_ configuration: ClientConfiguration) {
        self.init(initial: configuration.retryBackoff, maximum: configuration.maximumRetryBackoff)
    }

    /// The pause after `failures` failures in a row.
    func delay(afterFailures failures: Int, using generator: inout some RandomNumberGenerator) -> Duration {
        guard failures > 0 else { return .zero }
        // 2³⁰ times any sensible start is beyond any sensible maximum.
        let doubled = initial * (1 << min(failures - 1, 30))
        let bounded = min(doubled, maximum)
        return bounded * (80 + Int.random(in: 0...40, using: &generator)) / 100
    }

    func delay(afterFailures failures: Int) -> Duration {
        var generator = SystemRandomNumberGenerator()
        return delay(afterFailures: failures, using: &generator)
    }
}

/// Sleeps; throws ``ClientError/Kind/cancelled`` when the task is cancelled meanwhile.
func pause(_ duration: Duration) async throws(ClientError) {
    do { try await Task.sleep(for: duration) } catch { throw .cancelled }
}

/// A moment until which something is worth trying. Immutable.
struct Deadline: Sendable {
    private let instant: ContinuousClock.Instant

    init(in duration: Duration) { instant = .now + duration }

    var remaining: Duration { max(.zero, ContinuousClock.now.duration(to: instant)) }
    var hasPassed: Bool { remaining == .zero }
}

extension ContinuousClock.Instant {
    fileprivate static var now: ContinuousClock.Instant { ContinuousClock.now }
}
