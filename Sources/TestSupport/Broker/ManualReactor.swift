import Glibc
package import Model

/// An event loop that a test runs by hand, on the thread that made it, with timers on a clock that the test moves.
///
/// Work may be handed over from any thread; nothing runs before the test says so. Waiting for another thread means
/// waiting for what it hands over, so no test has to sleep.
package final class ManualReactor: Reactor, @unchecked Sendable {
    // Safe: the state is behind its lock, the semaphore is made for concurrent use.

    /// Far beyond what any work of a test takes, even on a machine that is busy with something else.
    private static let patienceSeconds = 60

    private struct Timer {
        let deadline: Instant
        let work: ScheduledWork
    }

    private struct State {
        var work: [@Sendable () -> Void] = []
        var timers: [Timer] = []
    }

    private let time: ManualTime
    private let thread = pthread_self()
    private let state = Locked(State())
    /// Counts what was handed over, so that the test can wait for more.
    private let arrivals: UnsafeMutablePointer<sem_t>

    package init(time: ManualTime) {
        self.time = time
        arrivals = .allocate(capacity: 1)
        sem_init(arrivals, 0, 0)
    }

    deinit {
        sem_destroy(arrivals)
        arrivals.deallocate()
    }

    // MARK: Reactor

    package var isCurrent: Bool { pthread_equal(pthread_self(), thread) != 0 }

    package func execute(_ work: @escaping @Sendable () -> Void) {
        state.withLock { $0.work.append(work) }
        sem_post(arrivals)
    }

    @discardableResult
    package func schedule(after delay: Duration, _ work: @escaping @Sendable () -> Void) -> ScheduledWork {
        let scheduled = ScheduledWork(work)
        let deadline = time.instant.advanced(by: delay)
        state.withLock { $0.timers.append(Timer(deadline: deadline, work: scheduled)) }
        return scheduled
    }

    // MARK: What tests do

    /// Timers that are neither cancelled nor due yet.
    package var pendingTimers: Int {
        state.withLock { state in
            state.timers.removeAll { $0.work.isDone }
            return state.timers.count
        }
    }

    /// Runs what was handed over and the timers that are due, until there is nothing more of either.
    package func run() {
        while true {
            let now = time.instant
            let (work, due) = state.withLock { state in
                defer {
                    state.work = []
                    state.timers.removeAll { $0.deadline <= now }
                }
                return (state.work, state.timers.filter { $0.deadline <= now })
            }
            if work.isEmpty, due.isEmpty { return }
            DiskWaits.forbidden {
                for piece in work { piece() }
                for timer in due.sorted(by: { $0.deadline < $1.deadline }) { timer.work.fire() }
            }
        }
    }

    /// Runs until the condition holds, waiting for what other threads hand over. The clock stands still meanwhile.
    package func run(until isDone: () -> Bool, _ what: @autoclosure () -> String) throws(WaitedInVain) {
        run()
        while !isDone() {
            var deadline = timespec()
            clock_gettime(CLOCK_REALTIME, &deadline)
            deadline.tv_sec += Self.patienceSeconds
            if sem_timedwait(arrivals, &deadline) != 0, errno == ETIMEDOUT { throw WaitedInVain(what: what()) }
            run()
        }
    }

    /// Forgets what was handed over and all timers, and what they hold on to.
    package func clear() {
        let forgotten = state.withLock { state in
            defer { state = State() }
            return state
        }
        for timer in forgotten.timers { timer.work.cancel() }
    }
}

/// Nothing came that a test was waiting for. Immutable.
package struct WaitedInVain: Error, CustomStringConvertible {
    let what: String

    package var description: String { "waited in vain for \(what)" }
}
