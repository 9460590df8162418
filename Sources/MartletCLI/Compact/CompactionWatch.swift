import MartletClient

/// Asks the broker how compactions get on until they have ended, and shows that on a terminal. A value, owned by the
/// command's task.
struct CompactionWatch {
    private(set) var topics: [(name: String, partitions: [CompactionStatus])] = []
    private var bar = ProgressBar(isShown: StandardError.isTerminal)

    private static let shortestPause = Duration.milliseconds(20)
    private static let longestPause = Duration.milliseconds(500)

    mutating func add(_ name: String, _ partitions: [CompactionStatus]) { topics.append((name, partitions)) }

    mutating func untilEnd(_ admin: Admin) async throws {
        defer { bar.clear() }
        var pause = Self.shortestPause
        while !topics.allSatisfy({ $0.partitions.allSatisfy(\.hasEnded) }) {
            show()
            try await Task.sleep(for: pause)
            pause = min(pause * 2, Self.longestPause)
            for index in topics.indices where !topics[index].partitions.allSatisfy(\.hasEnded) {
                try await update(index, admin)
            }
        }
    }

    private mutating func update(_ index: Int, _ admin: Admin) async throws {
        let (name, known) = topics[index]
        let runs = Dictionary(known.map { ($0.index, $0) }, uniquingKeysWith: { $1 })
        topics[index].partitions = try await admin.compactionStatus(of: name).compactMap { new in
            guard let old = runs[new.index] else { return nil }
            if old.hasEnded { return old }
            guard new.run == old.run else {
                throw InputError(
                    description:
                        "topic \(name) partition \(new.index): it has ended, but its figures are gone: someone has asked again"
                )
            }
            return new
        }
    }

    private mutating func show() {
        let partitions = topics.flatMap(\.partitions)
        let fraction = partitions.reduce(0) { $0 + $1.fraction } / Double(max(1, partitions.count))
        let ended = partitions.count { $0.hasEnded }
        let pass = partitions.map(\.passes).max() ?? 0
        bar.show(
            fraction,
            "\(ended) of \(partitions.count) partitions"
                + (pass > 0 && ended < partitions.count ? ", pass \(pass + 1)" : "")
        )
    }
}

/// A bar that fills up, on a terminal. Owned by the command's task.
struct ProgressBar {
    let isShown: Bool
    private var wasShown = false

    private static let width = 40

    init(isShown: Bool) { self.isShown = isShown }

    mutating func show(_ fraction: Double, _ text: String) {
        guard isShown else { return }
        wasShown = true
        StandardError.write("\r\u{1b}[K" + Self.line(fraction, text))
    }

    static func line(_ fraction: Double, _ text: String) -> String {
        let share = fraction.isFinite ? min(1, max(0, fraction)) : 0
        let full = Int(share * Double(width))
        let bar = String(repeating: "█", count: full) + String(repeating: "░", count: width - full)
        return "\(bar) \(Int(share * 100)) %  \(text)"
    }

    /// Takes the line away.
    mutating func clear() {
        if wasShown { StandardError.write("\r\u{1b}[K") }
        wasShown = false
    }
}
