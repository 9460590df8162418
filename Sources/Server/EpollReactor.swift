import CSyscalls
import Glibc
import HeapModule
package import Model
import Synchronization

/// Something a reactor watches: a socket. Owned by its reactor; called on the reactor's thread only.
protocol ReactorSource: AnyObject {
    /// The descriptor can be read.
    func becameReadable()
    /// The descriptor can be written.
    func becameWritable()
    /// The descriptor has failed or both directions are closed. Reported whatever is watched for.
    func becameBroken()
    /// The turn of the loop is over for which ``EpollReactor/callAtEndOfTurn(_:)`` was asked.
    func turnEnded()
}

/// What a descriptor is watched for.
struct Interest: OptionSet {
    let rawValue: UInt32

    static let read = Interest(rawValue: 1 << 0)
    static let write = Interest(rawValue: 1 << 1)
}

/// An event loop of its own thread over epoll(7): sockets, work handed over by other threads, timers.
///
/// Sources and timers belong to the event loop; `execute` and `schedule` may be called from any thread.
package final class EpollReactor: Reactor, @unchecked Sendable {
    // Safe: what is not behind `inbox` is touched on the reactor's own thread only, which `assertCurrent` checks.

    private struct Inbox {
        var work: [@Sendable () -> Void] = []
        var isSignalled = false
        var isStopping = false
    }

    private struct Timer: Comparable {
        let deadline: Instant
        /// Keeps timers of the same instant in the order they were made.
        let number: UInt64
        let work: ScheduledWork

        static func < (left: Timer, right: Timer) -> Bool {
            (left.deadline, left.number) < (right.deadline, right.number)
        }

        static func == (left: Timer, right: Timer) -> Bool { left.number == right.number }
    }

    /// The most events taken from the kernel at once.
    private static let eventsPerWait = 64
    /// The token of the wake-up descriptor; sources are numbered from 1.
    private static let wakeToken: UInt64 = 0

    private let time: any TimeSource
    private let epoll: CInt
    private let wake: CInt
    private let inbox = Locked(Inbox())
    private var timers = Heap<Timer>()
    private var timersMade: UInt64 = 0
    private var sources: [UInt64: any ReactorSource] = [:]
    private var sourcesMade = wakeToken
    private var endingTurn: [any ReactorSource] = []
    /// The `pthread_t` of the loop; 0 until it runs.
    private let threadID = Atomic<UInt>(0)
    private var thread: NamedThread?

    /// Large receive buffers are lent to one connection at a time, so that their memory stays warm in the caches.
    let buffers = ReceiveBuffers()

    /// Starts the thread.
    package init(name: String, time: any TimeSource) throws(FileError) {
        self.time = time
        epoll = martlet_epoll_create()
        guard epoll >= 0 else { throw FileError("create", "epoll", code: errno) }
        wake = martlet_eventfd()
        guard wake >= 0 else { throw FileError("create", "eventfd", code: errno) }
        guard martlet_epoll_control(epoll, EPOLL_CTL_ADD, wake, EPOLLIN.rawValue, Self.wakeToken) == 0 else {
            throw FileError("watch", "eventfd", code: errno)
        }
        thread = NamedThread(name) { [self] in run() }
    }

    deinit {
        close(wake)
        close(epoll)
    }

    // MARK: Work and timers

    package var isCurrent: Bool {
        threadID.load(ordering: .relaxed) == UInt(pthread_self())
    }

    package func execute(_ work: @escaping @Sendable () -> Void) {
        // The loop itself is awake, and looks for work before it sleeps.
        let isAwake = isCurrent
        let mustSignal = inbox.withLock { inbox in
            inbox.work.append(work)
            defer { inbox.isSignalled = true }
            return !inbox.isSignalled && !isAwake
        }
        if mustSignal { signal() }
    }

    @discardableResult
    package func schedule(after delay: Duration, _ work: @escaping @Sendable () -> Void) -> ScheduledWork {
        let scheduled = ScheduledWork(work)
        let deadline = time.instant.advanced(by: delay)
        if isCurrent {
            add(scheduled, deadline)
        } else {
            execute { [unowned self] in add(scheduled, deadline) }
        }
        return scheduled
    }

    private func add(_ work: ScheduledWork, _ deadline: Instant) {
        timersMade += 1
        timers.insert(Timer(deadline: deadline, number: timersMade, work: work))
    }

    /// Ends the loop after the work handed over before, and waits for the thread. Not from the reactor's own thread.
    package func stop() {
        inbox.withLock { $0.isStopping = true }
        signal()
        thread?.join()
        thread = nil
    }

    // MARK: Sources

    /// Starts watching; the reactor keeps the source until it is removed. Returns its token.
    func add(_ source: any ReactorSource, descriptor: CInt, _ interest: Interest) throws(FileError) -> UInt64 {
        sourcesMade += 1
        let token = sourcesMade
        guard martlet_epoll_control(epoll, EPOLL_CTL_ADD, descriptor, Self.events(interest), token) == 0 else {
            throw FileError("watch", "socket", code: errno)
        }
        sources[token] = source
        return token
    }

    func change(_ token: UInt64, descriptor: CInt, _ interest: Interest) {
        _ = martlet_epoll_control(epoll, EPOLL_CTL_MOD, descriptor, Self.events(interest), token)
    }

    /// Stops watching; call it before the descriptor is closed.
    func remove(_ token: UInt64, descriptor: CInt) {
        _ = martlet_epoll_control(epoll, EPOLL_CTL_DEL, descriptor, 0, token)
        sources[token] = nil
    }

    /// Calls the source back when everything is done that there is to do now: what it collects until then, such as
    /// answers to many requests, it can do at once. On the event loop.
    func callAtEndOfTurn(_ source: any ReactorSource) { endingTurn.append(source) }

    private static func events(_ interest: Interest) -> UInt32 {
        (interest.contains(.read) ? EPOLLIN.rawValue | EPOLLRDHUP.rawValue : 0)
            | (interest.contains(.write) ? EPOLLOUT.rawValue : 0)
    }

    // MARK: The loop

    private func run() {
        threadID.store(UInt(pthread_self()), ordering: .relaxed)
        DiskWaits.forbidOnThisThread()
        var events = [martlet_event](repeating: martlet_event(), count: Self.eventsPerWait)
        while true {
            let count = martlet_epoll_wait(epoll, &events, CInt(Self.eventsPerWait), nextTimeout())
            invariant(count >= 0 || errno == EINTR, "epoll_wait failed: \(systemMessage(errno))")
            for event in events.prefix(Int(max(count, 0))) { dispatch(event) }
            fireTimers()
            let goesOn = runInbox()
            endTurn()
            if !goesOn { return }
        }
    }

    private func endTurn() {
        while !endingTurn.isEmpty {
            let sources = endingTurn
            endingTurn.removeAll(keepingCapacity: true)
            for source in sources { source.turnEnded() }
        }
    }

    private func dispatch(_ event: martlet_event) {
        if event.token == Self.wakeToken {
            var value: UInt64 = 0
            _ = read(wake, &value, MemoryLayout<UInt64>.size)
            return
        }
        // A source that an earlier event of this round removed is gone from the table.
        guard let source = sources[event.token] else { return }
        if event.events & (EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0 { return source.becameBroken() }
        if event.events & (EPOLLIN.rawValue | EPOLLRDHUP.rawValue) != 0 { source.becameReadable() }
        if event.events & EPOLLOUT.rawValue != 0, sources[event.token] != nil { source.becameWritable() }
    }

    private func fireTimers() {
        guard let first = timers.min else { return }
        let now = time.instant
        guard first.deadline <= now else { return }
        while let timer = timers.min, timer.deadline <= now {
            timers.removeMin()
            timer.work.fire()
        }
    }

    /// Runs what was handed over; false once the loop is to end and nothing is left.
    private func runInbox() -> Bool {
        let (work, isStopping) = inbox.withLock { inbox in
            defer {
                inbox.work.removeAll(keepingCapacity: true)
                inbox.isSignalled = false
            }
            return (inbox.work, inbox.isStopping)
        }
        for piece in work { piece() }
        return !isStopping || !work.isEmpty
    }

    /// Milliseconds until the next timer, rounded up; -1 for none.
    private func nextTimeout() -> CInt {
        if inbox.withLock({ !$0.work.isEmpty || $0.isStopping }) { return 0 }
        while let timer = timers.min, timer.work.isDone { timers.removeMin() }
        guard let timer = timers.min else { return -1 }
        let nanoseconds = timer.deadline.nanoseconds - time.instant.nanoseconds
        return CInt(clamping: max(0, (nanoseconds + 999_999) / 1_000_000))
    }

    private func signal() {
        var one: UInt64 = 1
        _ = write(wake, &one, MemoryLayout<UInt64>.size)
    }
}
