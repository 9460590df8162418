import Model
import Synchronization

/// The group commit of a log directory: one thread that makes appended records durable, for all partitions of the
/// directory together. Thread-safe; the queue is owned by a leaf lock.
///
/// While one round of syncs runs, whoever appends gathers for the next. With nobody waiting the thread sleeps; the first
/// to come is served at once. A partition is in the queue at most once, however many requests wait for it.
///
/// A sync that failed is final: the kernel may have dropped what it could not write and claim success the next time. The
/// directory then takes nothing more until it is opened anew.
final class GroupCommit: Sendable {
    /// From so many partitions in a round on, the whole file system is synced at once: one journal commit in place of
    /// one per file. (100 files on ext4: 8 ms against 58 ms.)
    static let bulkThreshold = 16
    /// The time between the beginnings of two rounds while nobody waits for an answer: producers with acks=1 alone.
    static let relaxedInterval = Duration.milliseconds(5)
    /// After a shortage of space or descriptors.
    static let retryDelay = Duration.milliseconds(100)

    private struct State {
        /// To be synced in the next round.
        var due: [PartitionLog] = []
        /// Whether someone waits for that round.
        var isUrgent = false
        /// To be synced later (`flush.ms`), and when the first of them is due.
        var timed: [ObjectIdentifier: (deadline: Instant, log: PartitionLog)] = [:]
        var firstDeadline: Instant?
        var lastRound: Instant?
        var isStopping = false
        var thread: NamedThread?
        var failure: LogError?
        var changeHandler: (@Sendable () -> Void)?
        var failureHandler: (@Sendable (LogError) -> Void)?

        /// Returns whether that comes before everything else.
        mutating func delay(_ log: PartitionLog, until deadline: Instant) -> Bool {
            let id = ObjectIdentifier(log)
            if let present = timed[id], present.deadline <= deadline { return false }
            timed[id] = (deadline, log)
            if let firstDeadline, firstDeadline <= deadline { return false }
            firstDeadline = deadline
            return true
        }

        /// Moves to the next round what is due by now.
        mutating func takeDelayed(_ now: Instant) {
            guard let firstDeadline, firstDeadline <= now else { return }
            for (id, entry) in timed where entry.deadline <= now {
                timed[id] = nil
                due.append(entry.log)
                isUrgent = true
            }
            self.firstDeadline = timed.values.map(\.deadline).min()
        }
    }

    /// One step of the thread.
    private enum Step {
        case stop
        case sleep(Duration?)
        case round([PartitionLog])
    }

    let path: String
    private let fileSystem: any FileSystem
    private let time: any TimeSource
    /// Whether there is a thread; else whoever uses the directory calls ``runDueRound()``.
    private let runsInBackground: Bool
    private let state = Locked(State())
    private let wakeUp = Semaphore()
    private let hasFailed = Atomic<Bool>(false)

    init(path: String, environment: LogEnvironment) {
        self.path = path
        fileSystem = environment.fileSystem
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
        let isNews = state.withLock { state in
            guard !state.isStopping, state.failure == nil else { return false }
            if state.thread == nil, runsInBackground { state.thread = NamedThread("group-commit") { [self] in run() } }
            switch request.urgency {
            case .none: return false
            case .timed:
                return state.delay(log, until: time.instant.advanced(by: request.delay))
            case .relaxed, .urgent:
                let wasIdle = state.due.isEmpty
                if !request.isQueued { state.due.append(log) }
                let isMoreUrgent = request.urgency == .urgent && !state.isUrgent
                if isMoreUrgent { state.isUrgent = true }
                return wasIdle || isMoreUrgent
            }
        }
        if isNews { wakeUp.signal() }
    }

    /// Finishes what is in the queue and ends the thread. Blocks; never on that thread.
    func stop() {
        let thread = state.withLock { state in
            defer { state.thread = nil }
            state.isStopping = true
            return state.thread
        }
        wakeUp.signal()
        thread?.join()
    }

    /// Ends the thread without waiting for it, and without another round.
    func abandon() {
        state.withLock { state in
            state.isStopping = true
            state.due = []
            state.timed = [:]
        }
        wakeUp.signal()
    }

    // MARK: The thread

    private func run() {
        while true {
            switch state.withLock({ next(&$0) }) {
            case .stop: return
            case .sleep(let limit):
                if let limit { wakeUp.wait(atMost: limit) } else { wakeUp.wait() }
            case .round(let logs): perform(logs)
            }
        }
    }

    /// Where there is no thread: syncs on the calling one what is due by now. Returns whether there was anything.
    func runDueRound() -> Bool {
        let logs = state.withLock { state in
            state.takeDelayed(time.instant)
            defer {
                state.due = []
                state.isUrgent = false
            }
            return state.due
        }
        if !logs.isEmpty { perform(logs) }
        return !logs.isEmpty
    }

    private func next(_ state: inout State) -> Step {
        let now = time.instant
        state.takeDelayed(now)
        if state.due.isEmpty {
            if state.isStopping { return .stop }
            return .sleep(state.firstDeadline.map { now.duration(to: $0) })
        }
        if !state.isUrgent, !state.isStopping, let last = state.lastRound {
            let begin = last.advanced(by: Self.relaxedInterval)
            if begin > now { return .sleep(now.duration(to: begin)) }
        }
        defer {
            state.due = []
            state.isUrgent = false
        }
        state.lastRound = now
        return .round(state.due)
    }

    private func perform(_ logs: [PartitionLog]) {
        if logs.count < Self.bulkThreshold {
            for log in logs { attempt(log) { () throws(LogError) in try log.commit() } }
            return
        }
        var begun: [(log: PartitionLog, work: SyncWork)] = []
        for log in logs {
            attempt(log) { () throws(LogError) in
                if let work = try log.beginCommit() { begun.append((log, work)) }
            }
        }
        guard failure == nil, !begun.isEmpty else { return }
        do throws(FileError) {
            try fileSystem.syncAll(path)
        } catch {
            return fail(error)
        }
        for (log, work) in begun { log.finishCommit(work) }
    }

    private func attempt(_ log: PartitionLog, _ body: () throws(LogError) -> Void) {
        if failure != nil { return }
        do throws(LogError) {
            try body()
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
            state.due = []
            state.timed = [:]
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
    /// Whether the log is in the queue already.
    let isQueued: Bool
    var delay = Duration.zero
}
