package import Model

/// Decides which complaints reach the log: one line a second for each subject, or as few as is said. Thread-safe.
///
/// A client that sends garbage in a loop must not fill the disk with lines about it.
package final class Complaints: Sendable {
    /// Subjects remembered at most; beyond it all are forgotten, which lets a few more lines through.
    private static let maximumSubjects = 10_000

    private struct Entry {
        var last: Instant
        var suppressed = 0
    }

    private let interval: Duration
    private let entries = Locked<[String: Entry]>([:])

    package init(interval: Duration = .seconds(1)) { self.interval = interval }

    /// Whether a complaint about `subject`, for example a client's address, may be logged now; if so, how many were left out before it.
    package func admit(_ subject: String, now: Instant) -> Int? {
        entries.withLock { entries in
            if var entry = entries[subject], entry.last.duration(to: now) < interval {
                entry.suppressed += 1
                entries[subject] = entry
                return nil
            }
            if entries.count >= Self.maximumSubjects { entries = [:] }
            defer { entries[subject] = Entry(last: now) }
            return entries[subject]?.suppressed ?? 0
        }
    }
}
