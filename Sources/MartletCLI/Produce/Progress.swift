/// A line on a terminal that says how far a long input is. Owned by the producing task.
struct Progress {
    private let isShown: Bool
    private let start = ContinuousClock.now
    private var shown: ContinuousClock.Instant?

    /// Shorter inputs need no progress.
    private static let patience = Duration.seconds(1)
    private static let interval = Duration.milliseconds(250)

    init(isTerminal: Bool) { isShown = isTerminal }

    var elapsed: Duration { start.duration(to: .now) }

    mutating func update(records: Int, bytes: Int) {
        guard isShown else { return }
        let now = ContinuousClock.now
        guard start.duration(to: now) > Self.patience, (shown ?? start).duration(to: now) > Self.interval else {
            return
        }
        shown = now
        let rate = Quantity.count(Quantity.rate(records, over: elapsed))
        StandardError.write("\r\u{1b}[K\(Quantity.count(records)) records, \(Quantity.bytes(bytes)), \(rate) records/s")
    }

    /// Takes the line away.
    func clear() {
        if shown != nil { StandardError.write("\r\u{1b}[K") }
    }
}
