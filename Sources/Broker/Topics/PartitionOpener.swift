import CommitLog
import Logging
import Model

/// Opens the partitions that were there at the start, on threads of its own, while those that are open are served already.
/// Thread-safe; its state is owned by a lock.
///
/// In each directory: first those that are opened quickly, in their order, then those of which much has to be read, the
/// smallest first, and in the end, one at a time, those of which an earlier start may have died.
final class PartitionOpener: Sendable {
    struct Job: Sendable {
        let found: LogDirectory.FoundPartition
        let partition: HostedPartition
        /// How much has to be read of it; 0 if nobody has looked.
        var toScan = 0
        /// How often there were too few descriptors to open it.
        var shortages = 0
    }

    private typealias Opened = (job: Job, log: PartitionLog)

    private struct Queue {
        /// The next ones at the end.
        var quick: [Job]
        /// The smallest at the end.
        var large: [Job] = []
        var suspects: [Job]
        var running = 0
        var isFinished = false
    }

    private struct State {
        var queues: [Queue] = []
        var settled = 0
        var offline = 0
        var nextReport: Instant
        var isStopping = false
        var threads: [NamedThread] = []
        var unfinished = 0
    }

    /// A partition of which more has to be read lets others go first.
    static let quickScanBytes = 64 << 20
    /// So many at once are made durable by one sync of the whole file system.
    private static let commitCount = 1024
    /// How often, and after which pauses, a partition is tried again for want of descriptors.
    private static let maximumShortages = 1000
    private static let shortagePause = Duration.milliseconds(50)
    private static let reportInterval = Duration.seconds(1)

    private let directories: [LogDirectory]
    private let total: Int
    private let started: Instant
    private let time: any TimeSource
    private let health: Health
    private let log: Logger
    private let state: Locked<State>
    private let finished = Semaphore()
    private let isDone = Locked(false)

    /// - Parameter jobs: What is to be opened, for each of the directories.
    init(_ directories: [LogDirectory], jobs: [[Job]], time: any TimeSource, health: Health, log: Logger) {
        self.directories = directories
        self.time = time
        self.health = health
        self.log = log
        total = jobs.reduce(0) { $0 + $1.count }
        started = time.instant
        var state = State(nextReport: started.advanced(by: Self.reportInterval))
        for (directory, jobs) in zip(directories, jobs) {
            let suspects = jobs.filter { directory.isSuspect($0.found.topicPartition) }
            let quick = suspects.isEmpty ? jobs : jobs.filter { !directory.isSuspect($0.found.topicPartition) }
            state.queues.append(Queue(quick: quick.reversed(), suspects: suspects.reversed()))
        }
        state.unfinished = directories.count
        self.state = Locked(state)
    }

    /// Begins, with so many threads for each directory. `completion` is called on one of them when all is done.
    func start(threads count: Int, completion: @escaping @Sendable () -> Void) {
        // All are counted before the first begins: the last one of a directory to end does what is left there.
        let counts = state.withLock { state in
            for number in state.queues.indices {
                let jobs = state.queues[number].quick.count + state.queues[number].suspects.count
                state.queues[number].running = max(1, min(count, jobs))
            }
            return state.queues.map(\.running)
        }
        let threads = counts.enumerated().flatMap { number, count in
            (0..<count).map { thread in
                NamedThread("open-\(number)-\(thread)") { [self] in
                    work(number, thread)
                    end(number, completion)
                }
            }
        }
        state.withLock { $0.threads += threads }
    }

    /// How many partitions are neither open nor known to be offline.
    var remaining: Int { total - state.withLock { $0.settled } }

    /// Whether it was told to stop.
    var isStopping: Bool { state.withLock { $0.isStopping } }

    /// Waits until nothing more is to be opened; false if that takes longer.
    @discardableResult
    func wait(atMost limit: Duration? = nil) -> Bool {
        if isDone.withLock({ $0 }) { return true }
        if let limit {
            guard finished.wait(atMost: limit) else { return false }
        } else {
            finished.wait()
        }
        // There may be others that wait.
        finished.signal()
        return true
    }

    /// Ends after the partitions that are being opened; blocks until then.
    func stop() {
        let threads = state.withLock { state in
            defer { state.threads = [] }
            state.isStopping = true
            return state.threads
        }
        for thread in threads { thread.join() }
    }

    // MARK: A thread

    private func work(_ number: Int, _ thread: Int) {
        var opened: [Opened] = []
        while let job = next(number) {
            // Before something that takes long, and when it is worth it.
            if job.toScan > 0 || opened.count >= Self.commitCount { commit(&opened, number) }
            if let log = open(job, number, thread) { opened.append((job, log)) }
        }
        commit(&opened, number)
    }

    private func next(_ number: Int) -> Job? {
        state.withLock { state in
            if state.isStopping { return nil }
            return state.queues[number].quick.popLast() ?? state.queues[number].large.popLast()
        }
    }

    /// Shows clients logs whose last records were in the page cache only, once they are durable.
    private func commit(_ opened: inout [Opened], _ number: Int) {
        guard !opened.isEmpty else { return }
        defer { opened = [] }
        do throws(LogError) {
            try directories[number].commit(opened.map(\.log))
            for (job, log) in opened { settle(job, log) }
        } catch {
            // The directory is out of use, which is reported once for all.
            for (job, _) in opened {
                job.partition.settle(.failure(error))
                settled(isOffline: true)
            }
        }
    }

    private func settle(_ job: Job, _ log: PartitionLog) {
        health.clear(.partitionOffline, job.found.topicPartition.description)
        job.partition.settle(.success(log))
        settled(isOffline: false)
    }

    /// The last thread of a directory opens what is best opened alone.
    private func end(_ number: Int, _ completion: @Sendable () -> Void) {
        let isLast = state.withLock { state in
            state.queues[number].running -= 1
            return state.queues[number].running == 0
        }
        guard isLast else { return }
        while let job = nextSuspect(number) {
            if let log = open(job, number, 0) {
                var opened: [Opened] = [(job, log)]
                commit(&opened, number)
            }
            // One that was put back for want of descriptors.
            work(number, 0)
        }
        directories[number].finishOpening()
        let isAll = state.withLock { state in
            state.unfinished -= 1
            return state.unfinished == 0
        }
        if isAll { finish(completion) }
    }

    private func nextSuspect(_ number: Int) -> Job? {
        state.withLock { $0.isStopping ? nil : $0.queues[number].suspects.popLast() }
    }

    /// Returns the log if it has to be committed first.
    private func open(_ job: Job, _ number: Int, _ thread: Int) -> PartitionLog? {
        guard let config = job.partition.waiting else {
            settled(isOffline: false)
            return nil
        }
        let directory = directories[number]
        let isFirst = job.toScan == 0 && !directory.isSuspect(job.found.topicPartition)
        do throws(LogError) {
            let opened = try directory.openFound(
                job.found,
                config: config,
                thread: thread,
                maximumScan: isFirst ? Self.quickScanBytes : nil
            )
            if opened.recovery.isNoteworthy { log.warning("\(opened.recovery)") }
            if opened.needsCommit { return opened }
            settle(job, opened)
        } catch {
            fail(job, number, error)
        }
        return nil
    }

    private func fail(_ job: Job, _ number: Int, _ error: LogError) {
        var job = job
        switch error {
        case .opening(_, let bytes):
            job.toScan = bytes
            putBack(job, number)
        case .storage where error.isShortageOfFiles && job.shortages < Self.maximumShortages:
            job.shortages += 1
            sleep(Self.shortagePause)
            putBack(job, number)
        case .closed:
            // Deleted meanwhile, or the broker stops.
            job.partition.settle(.failure(error))
            settled(isOffline: false)
        default:
            let name = job.found.topicPartition
            log.error("\(name) is offline: \(error)")
            health.report(.partitionOffline, name.description, partition: name, reason: error.description)
            job.partition.settle(.failure(error))
            settled(isOffline: true)
        }
    }

    private func putBack(_ job: Job, _ number: Int) {
        state.withLock { state in
            let place = state.queues[number].large.firstIndex { $0.toScan <= job.toScan }
            state.queues[number].large.insert(job, at: place ?? state.queues[number].large.count)
        }
    }

    private func sleep(_ duration: Duration) { _ = Semaphore().wait(atMost: duration) }

    // MARK: Progress

    private func settled(isOffline: Bool) {
        let now = time.instant
        let progress: Int? = state.withLock { state in
            state.settled += 1
            if isOffline { state.offline += 1 }
            guard now >= state.nextReport, state.settled < total else { return nil }
            state.nextReport = now.advanced(by: Self.reportInterval)
            return state.settled
        }
        if let progress { log.info("opened \(progress) of \(total) partitions in \(seconds) s") }
    }

    private func finish(_ completion: @Sendable () -> Void) {
        let (settled, offline) = state.withLock { ($0.settled, $0.offline) }
        if offline > 0 {
            log.error("\(settled - offline) of \(total) partitions are open after \(seconds) s, \(offline) are offline")
        } else if total > 0, settled == total {
            log.info("all \(total) partitions are open after \(seconds) s")
        }
        completion()
        isDone.withLock { $0 = true }
        finished.signal()
    }

    /// Since the beginning, with three digits.
    private var seconds: String {
        let milliseconds = started.duration(to: time.instant).wholeNanoseconds / 1_000_000
        let fraction = String(milliseconds % 1000)
        return "\(milliseconds / 1000).\(String(repeating: "0", count: 3 - fraction.count))\(fraction)"
    }
}
