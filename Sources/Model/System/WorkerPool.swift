import CSyscalls
import Glibc

/// Threads for work that may block: reads of cold pages, fsync, creation and removal of files. Thread-safe.
///
/// With one thread it is a serial queue. The queue is bounded by its users: each connection and each partition has at
/// most one piece of work in it.
package final class WorkerPool: Sendable {
    private struct State {
        var queue: [@Sendable () -> Void] = []
        /// The next piece of work in `queue`; those before it are done and dropped now and then.
        var head = 0
        var isStopping = false
        var threads: [NamedThread] = []
    }

    private let state = Locked(State())
    private let available: Semaphore

    /// Starts `count` threads called `name`.
    package init(_ name: String, threads count: Int) {
        available = Semaphore()
        let threads = (0..<count).map { index in
            NamedThread(count == 1 ? name : "\(name)-\(index)") { [self] in work() }
        }
        state.withLock { $0.threads = threads }
    }

    /// Hands over a piece of work. Ignored once ``stop()`` was called.
    package func submit(_ work: @escaping @Sendable () -> Void) {
        let isAccepted = state.withLock { state in
            if !state.isStopping { state.queue.append(work) }
            return !state.isStopping
        }
        if isAccepted { available.signal() }
    }

    /// Finishes what was handed over, then ends the threads.
    package func stop() {
        let threads = state.withLock { state in
            defer { state.threads = [] }
            state.isStopping = true
            return state.threads
        }
        for _ in threads { available.signal() }
        for thread in threads { thread.join() }
    }

    private func work() {
        while true {
            available.wait()
            let next: (@Sendable () -> Void)? = state.withLock { state in
                guard state.head < state.queue.count else { return nil }
                let work = state.queue[state.head]
                state.head += 1
                if state.head == state.queue.count {
                    state.queue.removeAll(keepingCapacity: state.head <= 1024)
                    state.head = 0
                } else if state.head >= 1024 {
                    state.queue.removeFirst(state.head)
                    state.head = 0
                }
                return work
            }
            // Nothing to do although signalled: the pool is stopping and everything before was done.
            guard let next else { return }
            next()
        }
    }
}

/// A counting semaphore (sem_init(3)). Thread-safe.
package final class Semaphore: @unchecked Sendable {
    // Safe: sem_t is made for concurrent use and lives at a fixed address.
    private let value: UnsafeMutablePointer<sem_t>

    package init() {
        value = .allocate(capacity: 1)
        sem_init(value, 0, 0)
    }

    deinit {
        sem_destroy(value)
        value.deallocate()
    }

    package func signal() { sem_post(value) }

    package func wait() { while sem_wait(value) != 0 {} }

    /// Waits until there is a signal, but no longer than this, by the monotonic clock. False if there was none.
    @discardableResult
    package func wait(atMost limit: Duration) -> Bool {
        let nanosecondsPerSecond: Int64 = 1_000_000_000
        // A year is as good as for ever, and does not overflow.
        let longest = 365 * 86_400 * nanosecondsPerSecond
        let deadline = SystemTime().instant.nanoseconds + min(max(0, limit.wholeNanoseconds), longest)
        let (seconds, nanoseconds) = deadline.quotientAndRemainder(dividingBy: nanosecondsPerSecond)
        while martlet_semaphore_wait(value, seconds, Int(nanoseconds)) != 0 {
            if errno == ETIMEDOUT { return false }
        }
        return true
    }
}
