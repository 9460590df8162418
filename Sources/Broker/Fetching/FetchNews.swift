import Model

/// Which partitions of a fetch session there is something to say of, or may be, and who waits for that. Logs tell it on
/// any thread. Thread-safe; its lock is a leaf.
///
/// A partition that is not listed has nothing for the client: a fetch of thousands of partitions costs what the few cost
/// that have news.
final class FetchNews: Sendable {
    private struct State {
        /// In the order in which they are served.
        var listed: [SessionPartition] = []
        var waiting: [any NewsWaiter] = []
    }

    private let state = Locked(State())

    /// How many partitions the next fetch looks at.
    var count: Int { state.withLock { $0.listed.count } }

    /// Whether a fetch waits.
    var isWaitedFor: Bool { state.withLock { !$0.waiting.isEmpty } }

    /// Lists partitions behind those that are.
    func list(_ partitions: some Sequence<SessionPartition>) {
        state.withLock { state in
            for partition in partitions { Self.list(partition, in: &state) }
        }
    }

    /// Lists a partition whose log has changed. Even if it was listed: who waits may have wanted more of it.
    func note(_ partition: SessionPartition) {
        let waiting = state.withLock { state in
            Self.list(partition, in: &state)
            return state.waiting
        }
        for one in waiting { one.wake() }
    }

    /// Takes what is listed, for somebody who looks at it and puts back what stays.
    func take() -> [SessionPartition] {
        state.withLock { state in
            for partition in state.listed { partition.isListed = false }
            defer { state.listed = [] }
            return state.listed
        }
    }

    /// Puts back what was not looked at or is not done with, in front of what has come meanwhile, and behind that what
    /// has had its turn.
    func putBack(_ first: ArraySlice<SessionPartition>, _ second: [SessionPartition], last: [SessionPartition]) {
        state.withLock { state in
            let come = state.listed
            for partition in come { partition.isListed = false }
            state.listed = []
            for partition in first { Self.list(partition, in: &state) }
            for partition in second { Self.list(partition, in: &state) }
            for partition in come { Self.list(partition, in: &state) }
            for partition in last { Self.list(partition, in: &state) }
        }
    }

    /// Forgets all partitions.
    func removeAll() { _ = take() }

    /// To wait without missing anything: add, then look once more.
    func add(_ waiter: any NewsWaiter) { state.withLock { $0.waiting.append(waiter) } }

    func remove(_ waiter: any NewsWaiter) {
        state.withLock { state in state.waiting.removeAll { $0 === waiter } }
    }

    private static func list(_ partition: SessionPartition, in state: inout State) {
        guard !partition.isListed else { return }
        partition.isListed = true
        state.listed.append(partition)
    }
}

/// Who waits for news: woken from any thread, perhaps for nothing.
protocol NewsWaiter: AnyObject, Sendable {
    func wake()
}
