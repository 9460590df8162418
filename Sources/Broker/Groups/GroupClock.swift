import Model

/// The thread that looks after the timers of groups: sleeps until the next is due. Thread-safe.
final class GroupClock: Sendable {
    private struct State {
        var thread: NamedThread?
        var isStopping = false
        /// Until when the thread sleeps; nil while it does not, so that whatever is set meanwhile wakes it.
        var asleepUntil: Instant?
        var nextExpiry: Instant
    }

    private let time: any TimeSource
    private let state: Locked<State>
    private let wakeUp = Semaphore()

    init(time: any TimeSource) {
        self.time = time
        state = Locked(State(nextExpiry: time.instant))
    }

    /// Starts the thread.
    ///
    /// - Parameter tick: Does what is due, and returns when to be called again.
    func start(_ tick: @escaping @Sendable () -> Instant) {
        let thread = NamedThread("group-timers") { [self] in work(tick) }
        state.withLock { $0.thread = thread }
    }

    func stop() {
        let thread = state.withLock { state in
            defer { state.thread = nil }
            state.isStopping = true
            return state.thread
        }
        wakeUp.signal()
        thread?.join()
    }

    /// Something is due at this time.
    func wake(at instant: Instant) {
        let mustWake = state.withLock { state in
            guard state.thread != nil else { return false }
            guard let until = state.asleepUntil else { return true }
            if instant < until { state.asleepUntil = instant }
            return instant < until
        }
        if mustWake { wakeUp.signal() }
    }

    private func work(_ tick: () -> Instant) {
        while true {
            let isStopping = state.withLock { state in
                state.asleepUntil = nil
                return state.isStopping
            }
            if isStopping { return }
            let next = tick()
            state.withLock { $0.asleepUntil = next }
            _ = wakeUp.wait(atMost: max(time.instant.duration(to: next), .zero))
        }
    }

    // MARK: Expiry

    /// When to look next for what is of no use any more.
    var nextExpiry: Instant { state.withLock { $0.nextExpiry } }

    /// Whether it is time for that; then it is noted as done.
    func isExpiryDue(every interval: Duration) -> Bool {
        let now = time.instant
        return state.withLock { state in
            guard now >= state.nextExpiry else { return false }
            state.nextExpiry = now.advanced(by: interval)
            return true
        }
    }
}
