import Model

/// How long to wait so that bytes flow no faster than a rate. A value; knows no clock.
struct TransferPace {
    /// Unused time is not saved up beyond this: a pause is not followed by a burst.
    private static let longestCredit = Duration.milliseconds(100)

    private let bytesPerSecond: Double
    /// When the bytes so far are through at the rate; nil before the first.
    private var due: Instant?

    init(bytesPerSecond: Double) { self.bytesPerSecond = max(bytesPerSecond, 1) }

    /// The wait that is due after so many more bytes.
    mutating func wait(after bytes: Int, now: Instant) -> Duration {
        let cost = min(Double(bytes) / bytesPerSecond, Self.longestWaitSeconds)
        let start = max(due ?? now, now.advanced(by: .zero - Self.longestCredit))
        let new = start.advanced(by: .nanoseconds(Int64(cost * 1e9)))
        due = new
        return max(.zero, now.duration(to: new))
    }

    /// Of one piece: the largest batch at the lowest rate must not make a number overflow.
    private static let longestWaitSeconds = 86_400.0
}
