import Model
import NIOCore
import NIOPosix

/// Wakes one waiting task, now or at a time. A wake-up that nobody waits for is kept for the next wait. Guarded by its
/// lock.
final class Signal: Sendable {
    private struct State {
        var isRaised = false
        var waiter: CheckedContinuation<Void, Never>?
    }

    private let state = Locked(State())

    /// Wakes the waiting task, or lets its next wait end at once.
    func raise() {
        let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard let waiter = state.waiter.take() else {
                state.isRaised = true
                return nil
            }
            return waiter
        }
        waiter?.resume()
    }

    /// Waits until raised, or until `delay` has passed. One task at a time.
    func wait(atMost delay: Duration?) async {
        let timer = delay.map { delay in
            MultiThreadedEventLoopGroup.singleton.next().scheduleTask(in: TimeAmount(delay)) { self.raise() }
        }
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            let isRaised = state.withLock { state -> Bool in
                invariant(state.waiter == nil, "one task waits for a signal")
                defer { state.isRaised = false }
                if !state.isRaised { state.waiter = continuation }
                return state.isRaised
            }
            if isRaised { continuation.resume() }
        }
        timer?.cancel()
    }
}
