import Model

/// Tells whether a batch is just being written, so that a rebalance can wait for its end. Guarded by its lock.
final class WritingGate: Sendable {
    private struct State {
        var isWriting = false
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Locked(State())

    func begin() { state.withLock { $0.isWriting = true } }

    func end() {
        let waiters = state.withLock { state in
            state.isWriting = false
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Returns once nothing is being written.
    func wait() async {
        await withCheckedContinuation { continuation in
            let isIdle = state.withLock { state in
                if state.isWriting { state.waiters.append(continuation) }
                return !state.isWriting
            }
            if isIdle { continuation.resume() }
        }
    }
}
