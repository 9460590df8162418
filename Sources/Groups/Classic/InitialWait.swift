/// How long the first rebalance of an empty group waits for others to come: as long as they do.
///
/// It looks at one window of time after another. A window in which nobody came ends the wait; one in which somebody came
/// is followed by another, twice as long, up to the configured delay. So a lone consumer starts at once, and a fleet
/// that is being deployed is still gathered into few rebalances (the aim of KIP-134). All in all it lasts no longer than
/// a rebalance may, as in Kafka. A value, owned by its group.
struct InitialWait: Equatable, Sendable {
    /// The part of the configured delay that is the first window: 3 s begin with 30 ms.
    private static let firstWindowDivisor = 100

    private(set) var window: Duration
    private var remaining: Duration
    private let longest: Duration
    private var hasArrivals = false

    init(delay: Duration, rebalanceTimeout: Duration) {
        longest = delay
        window = min(delay / Self.firstWindowDivisor, rebalanceTimeout)
        remaining = rebalanceTimeout - window
    }

    mutating func noteArrival() { hasArrivals = true }

    /// The next window, after one has passed; nil if the wait is over.
    mutating func nextWindow() -> Duration? {
        guard hasArrivals, remaining > .zero else { return nil }
        hasArrivals = false
        window = min(window * 2, longest, remaining)
        remaining -= window
        return window
    }
}
