import Synchronization

/// The memory that requests being received may use, over all connections. Thread-safe.
final class MemoryBudget: Sendable {
    private let limit: Int
    private let used = Atomic<Int>(0)

    init(limit: Int) { self.limit = limit }

    /// Takes `bytes` from the budget; false, and nothing taken, if they are not there and `force` is not set.
    @discardableResult
    func reserve(_ bytes: Int, force: Bool) -> Bool {
        let now = used.add(bytes, ordering: .relaxed).newValue
        if now <= limit || force { return true }
        used.subtract(bytes, ordering: .relaxed)
        return false
    }

    func release(_ bytes: Int) {
        if bytes > 0 { used.subtract(bytes, ordering: .relaxed) }
    }
}
