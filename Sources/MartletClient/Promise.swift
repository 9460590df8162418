import Model

/// An outcome that arrives once and that any number of tasks can wait for. Guarded by its lock.
///
/// Cancelling a waiting task ends its waiting, not what is waited for.
final class Promise<Value: Sendable>: Sendable {
    typealias Outcome = Result<Value, ClientError>
    private typealias Waiter = CheckedContinuation<Outcome, Never>

    private struct State {
        var outcome: Outcome?
        var waiters: [(id: UInt64, continuation: Waiter)] = []
        var nextID: UInt64 = 0
    }

    private let state = Locked(State())

    init() {}

    /// The outcome, if it is there already.
    var outcome: Outcome? { state.withLock { $0.outcome } }

    /// Sets the outcome and wakes the waiting tasks. Later calls change nothing.
    func complete(_ outcome: Outcome) {
        let waiters = state.withLock { state -> [(id: UInt64, continuation: Waiter)] in
            guard state.outcome == nil else { return [] }
            state.outcome = outcome
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.continuation.resume(returning: outcome) }
    }

    /// Waits for the outcome. Throws ``ClientError/Kind/cancelled`` when the calling task is cancelled.
    func value() async throws(ClientError) -> Value {
        if let outcome { return try outcome.get() }
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        let outcome = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in register(continuation, id: id) }
        } onCancel: {
            abandon(id)
        }
        return try outcome.get()
    }

    private func register(_ continuation: Waiter, id: UInt64) {
        let ready = state.withLock { state -> Outcome? in
            if let outcome = state.outcome { return outcome }
            // A cancellation before this point found nobody to wake, so it is looked for here, under the same lock.
            if Task.isCancelled { return .failure(.cancelled) }
            state.waiters.append((id, continuation))
            return nil
        }
        if let ready { continuation.resume(returning: ready) }
    }

    private func abandon(_ id: UInt64) {
        let waiter = state.withLock { state -> Waiter? in
            guard let index = state.waiters.firstIndex(where: { $0.id == id }) else { return nil }
            return state.waiters.remove(at: index).continuation
        }
        waiter?.resume(returning: .failure(.cancelled))
    }
}
