/// Spreads records evenly over time, so many a second. A value, owned by the task that sends.
struct RatePacer {
    private let perSecond: Double
    private var start: ContinuousClock.Instant?
    private var sent = 0

    /// Shorter pauses are not worth a timer: the records that fall into one go together.
    static let shortestPause = Duration.milliseconds(1)

    init(perSecond: Double) { self.perSecond = perSecond }

    /// How long to wait before the next record, which counts as sent then; nil for not at all.
    mutating func next(at now: ContinuousClock.Instant) -> Duration? {
        let begin = start ?? now
        start = begin
        let due = begin + .seconds(Double(sent) / perSecond)
        sent += 1
        let pause = now.duration(to: due)
        return pause > Self.shortestPause ? pause : nil
    }
}
