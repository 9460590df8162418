/// Counts the pieces of an input that are no records, and names the first of them. Owned by the producing task.
struct BadInputReport {
    private(set) var count = 0
    /// What a piece is called.
    private let unit: String
    private let complain: (String) -> Void

    /// Messages beyond these are counted only: one mistake often spoils thousands of lines.
    private static let maximumMessages = 10

    init(unit: String, complain: @escaping (String) -> Void) {
        self.unit = unit
        self.complain = complain
    }

    mutating func add(_ reason: String, source: String, number: Int) {
        count += 1
        if count <= Self.maximumMessages { complain("\(source), \(unit) \(number) left out: \(reason)") }
    }

    func finish() {
        if count > Self.maximumMessages { complain("… and \(count - Self.maximumMessages) more left out") }
    }
}
