import Synchronization

/// The memory that requests being received may use, over all connections. Thread-safe.
final class MemoryBudget: Sendable {
    private let limit: Int
    private let used = Atomic<Int>(0)
    /// Who may take more than there is; 0 if nobody does.
    private let favoured = Atomic<UInt>(0)

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

    /// Takes `bytes` more for a request that has some already. Where nothing is left, one request at a time gets them all
    /// the same, until ``finish(_:)``: those that have begun might otherwise wait for each other for ever.
    ///
    /// - Parameter owner: Who receives the request; not 0.
    func reserve(_ bytes: Int, more owner: UInt) -> Bool {
        if reserve(bytes) { return true }
        let (isChosen, chosen) = favoured.compareExchange(expected: 0, desired: owner, ordering: .relaxed)
        guard isChosen || chosen == owner else { return false }
        used.add(bytes, ordering: .relaxed)
        return true
    }

    func release(_ bytes: Int) {
        if bytes > 0 { used.subtract(bytes, ordering: .relaxed) }
    }

    /// Says that the request of `owner` is over, received or not.
    func finish(_ owner: UInt) {
        // Looked at first: hardly ever is anyone favoured.
        guard favoured.load(ordering: .relaxed) == owner else { return }
        _ = favoured.compareExchange(expected: owner, desired: 0, ordering: .relaxed)
    }
}
