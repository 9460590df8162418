import Model
import Synchronization

/// The group commit of a log directory: makes appended records durable, for all partitions of the directory. Thread-safe;
/// the queue is owned by a leaf lock.
///
/// While a partition is synced, whoever appends to it gathers for its next sync. Different partitions are synced side by
/// side, each by one of a few threads: the file system and the disk then do together what they would do one after the
/// other (100 files on ext4: 5 ms by 16 threads, 360 ms by one; syncing the whole file system takes as long as the former,
/// but waits for whatever else is being written there). Threads are made as they are needed and sleep while nobody waits;
/// the first to come is served at once.
///
/// A sync that failed is final: the kernel may have dropped what it could not write and claim success the next time. The
/// directory then takes nothing more until it is opened anew.
final class GroupCommit: Sendable {
    /// Syncs side by side at most.
    static let maximumThreads = 16
    /// After a shortage of space or descriptors.
    static let retryDelay = Duration.milliseconds(100)

    private struct State {
        var queue = CommitQueue()
        var threads: [NamedThread] = []
        /// Threads that sleep and for which no signal is on its way.
        var idle = 0
        /// Up to when one of them sleeps at most, to look at what is due by then.
        var timekeeping: Instant?
        var isStopping = false
        var failure: LogError?
        var changeHandler: (@Sendable () -> Void)?
        var failureHandler: (@Sendable (LogError) -> Void)?
    }

    /// One step of a thread.
    private enum Step {
        case stop
        case sleep(until: Instant?)
        case sync(PartitionLog)
    }

    let path: String
    private let time: any TimeSource
    /// Whether there are threads; else whoever uses the directory calls ``runDue()``.
    private let runsInBackground: Bool
    private let state = Locked(State())
    private let wakeUp = Semaphore()
    private let hasFailed = Atomic<Bool>(false)

    init(path: String, environment: LogEnvironment) {
        self.path = path
        runsInBackground = environment.commitsInBackground
        // A thread waits by the machine's clock, whatever the log's may be.
        time = runsInBackground ? SystemTime() : environment.time
    }

    /// Why the directory is out of use.
    var failure: LogError? { hasFailed.load(ordering: .acquiring) ? state.withLock { $0.failure } : nil }

    /// Who is told that there is something new for the checkpoint. Must not block.
    func setChangeHandler(_ handler: @escaping @Sendable () -> Void) { state.withLock { $0.changeHandler = handler } }

    /// Who is told, once, that the directory is out of use.
    func setFailureHandler(_ handler: @escaping @Sendable (LogError) -> Void) {
        state.withLock { $0.failureHandler = handler }
    }

    /// Says that there is something new for the checkpoint.
    func noteChange() { state.withLock { $0.changeHandler }?() }

    /// Asks for a log to be synced. Never blocks.
    func request(_ log: PartitionLog, _ request: FlushRequest) {
        state.withLock { state in
            guard !state.isStopping, state.failure == nil else { return }
            if state.queue.add(log, request, now: time.instant) { wakeOne(&state) }
        }
    }

    /// Finishes what is in the queue and ends the threads. Blocks; never on one of them.
    func stop() {
        let threads = state.withLock { state in
            defer { state.threads = [] }
            end(&state)
            return state.threads
        }
        for thread in threads { thread.join() }
    }

    /// Ends the threads without waiting for them, and without another sync.
    func abandon() {
        state.withLock { state in
            state.queue.removeAll()
            end(&state)
        }
    }

    private func end(_ state: inout State) {
        state.isStopping = true
        for _ in 0..<state.idle { wakeUp.signal() }
        state.idle = 0
    }

    /// Has one more thread look at the queue, if there is one to be had. Those that are busy will when they are done.
    private func wakeOne(_ state: inout State) {
        if state.idle > 0 {
            state.idle -= 1
            wakeUp.signal()
        } else if state.threads.count < Self.maximumThreads, !state.isStopping, runsInBackground {
            state.threads.append(NamedThread("group-commit") { [self] in run() })
        }
    }

    /// Where there are no threads: syncs on the calling one what is due by now. Returns whether there was anything.
    func runDue() -> Bool {
        var isIdle = true
        while let log = state.withLock({ $0.queue.take(now: time.instant, isLast: false) }) {
            isIdle = false
            sync(log)
            state.withLock { $0.queue.finish(log) }
        }
        return !isIdle
    }

    // MARK: The threads

    private func run() {
        var finished: PartitionLog?
        while true {
            switch state.withLock({ next(&$0, after: finished) }) {
            case .stop: return
            case .sleep(let deadline):
                finished = nil
                sleep(until: deadline)
            case .sync(let log):
                sync(log)
                finished = log
            }
        }
    }

    private func next(_ state: inout State, after finished: PartitionLog?) -> Step {
        if let finished { state.queue.finish(finished) }
        if let log = state.queue.take(now: time.instant, isLast: state.isStopping) {
            // Who takes over the rest, or looks at the clock from now on.
            let isUnattended = state.queue.nextDeadline != nil && state.timekeeping == nil && state.idle > 0
            if state.queue.hasDue || isUnattended { wakeOne(&state) }
            return .sync(log)
        }
        if state.isStopping { return .stop }
        state.idle += 1
        guard let deadline = state.queue.nextDeadline else { return .sleep(until: nil) }
        if let present = state.timekeeping, present <= deadline { return .sleep(until: nil) }
        state.timekeeping = deadline
        return .sleep(until: deadline)
    }

    private func sleep(until deadline: Instant?) {
        guard let deadline else { return wakeUp.wait() }
        let isSignalled = wakeUp.wait(atMost: time.instant.duration(to: deadline))
        let isExpected = state.withLock { state in
            if state.timekeeping == deadline { state.timekeeping = nil }
            if isSignalled { return false }
            if state.idle == 0 { return true }
            state.idle -= 1
            return false
        }
        // Somebody counts on this thread: the signal has come just too late.
        if isExpected { wakeUp.wait() }
    }

    private func sync(_ log: PartitionLog) {
        if failure != nil { return }
        do throws(LogError) {
            try log.commit()
        } catch {
            guard case .storage(let reason) = error else { return }
            if reason.isShortage { return log.requestFlush(.timed, delay: Self.retryDelay) }
            fail(reason)
        }
    }

    /// Puts the directory out of use, for good.
    func fail(_ reason: FileError) {
        let error = LogError.directoryOffline(path: path, reason)
        let handler = state.withLock { state -> (@Sendable (LogError) -> Void)? in
            guard state.failure == nil else { return nil }
            state.failure = error
            state.queue.removeAll()
            hasFailed.store(true, ordering: .releasing)
            return state.failureHandler
        }
        handler?(error)
    }
}

/// How soon appended records are to be durable.
package enum FlushUrgency: Int, Comparable, Sendable {
    case none
    /// Some time later (`flush.ms`).
    case timed
    /// Soon, so that consumers see them; nobody waits.
    case relaxed
    /// Now: someone waits.
    case urgent

    package static func < (left: FlushUrgency, right: FlushUrgency) -> Bool { left.rawValue < right.rawValue }
}

/// What a log asks of the group commit. Immutable.
struct FlushRequest {
    let urgency: FlushUrgency
    var delay = Duration.zero
}
