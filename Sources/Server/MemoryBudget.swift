import Synchronization

/// The memory that requests being received may use, over all connections. Thread-safe.
final class MemoryBudget: Sendable {
    private let limit: Int
    private let used = Atomic<Int>(0)

    init(limit: Int) { self.limit = limit }

    /// Takes `bytes` from the budget; false, and nothing taken, if it is used up.
    ///
    /// Whoever comes while something is left gets all it asks for: so a budget smaller than one request still lets
    /// requests through, one at a time.
    func reserve(_ bytes: Int) -> Bool {
        let (before, _) = used.add(bytes, ordering: .relaxed)
        if before < limit { return true }
        used.subtract(bytes, ordering: .relaxed)
        return false
    }

    func release(_ bytes: Int) {
        if bytes > 0 { used.subtract(bytes, ordering: .relaxed) }
    }
}
