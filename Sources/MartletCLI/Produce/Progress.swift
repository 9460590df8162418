/// A line on a terminal that says how far a long input is. Owned by the producing task.
struct Progress {
    private let isShown: Bool
    /// Bytes of all inputs; nil if nobody knows how long they are.
    private let total: Int?
    private let start = ContinuousClock.now
    private var shown: ContinuousClock.Instant?

    /// Shorter inputs need no progress.
    private static let patience = Duration.seconds(1)
    private static let interval = Duration.milliseconds(250)

    init(isTerminal: Bool, total: Int? = nil) {
        isShown = isTerminal
        self.total = total
    }

    var elapsed: Duration { start.duration(to: .now) }

    /// - Parameter read: Bytes of the input so far, delimiters included.
    mutating func update(records: Int, bytes: Int, read: Int = 0) {
        guard isShown else { return }
        let now = ContinuousClock.now
        guard start.duration(to: now) > Self.patience, (shown ?? start).duration(to: now) > Self.interval else {
            return
        }
        shown = now
        let line = Self.line(records: records, bytes: bytes, read: read, of: total, after: elapsed)
        StandardError.write("\r\u{1b}[K" + line)
    }

    static func line(records: Int, bytes: Int, read: Int, of total: Int?, after elapsed: Duration) -> String {
        let rate = Quantity.count(Quantity.rate(records, over: elapsed))
        let counts = "\(Quantity.count(records)) records, \(Quantity.bytes(bytes)), \(rate) records/s"
        guard let total, total > 0 else { return counts }
        let speed = Quantity.rate(read, over: elapsed)
        let seconds = speed > 0 ? Double(max(0, total - read)) / Double(speed) : 0
        let left = speed > 0 ? ", \(Quantity.age(milliseconds: Int64(seconds * 1000))) left" : ""
        return ProgressBar.line(Double(read) / Double(total), counts + left)
    }

    /// Takes the line away.
    func clear() {
        if shown != nil { StandardError.write("\r\u{1b}[K") }
    }
}
