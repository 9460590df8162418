import CommitLog
import Logging
package import Model

/// Compacts partitions in the background, the dirtiest first, and those that someone asks for before all others, on
/// threads of its own. Thread-safe.
///
/// A thread ends with the broker, or when the configuration wants fewer, and not before: whatever goes wrong with a
/// partition is noted, logged and tried again later, while the others go on.
package final class LogCleaner: Sendable {
    private struct State {
        var settings: CleanerSettings
        var queue: CleaningQueue
        var pace: TransferPace
        var workers: [Worker] = []
        /// Workers up to this number go on.
        var wantedWorkers = 0
        var isStopping = false
    }

    private struct Worker {
        let thread: NamedThread
        let wakeUp: Semaphore
    }

    private let topics: TopicRegistry
    private let health: Health
    fileprivate let time: any TimeSource
    private let log: Logger
    private let state: Locked<State>
    /// Nobody signals it: waiting for it is sleeping.
    private let sleep = Semaphore()

    init(topics: TopicRegistry, settings: CleanerSettings, health: Health, time: any TimeSource, log: Logger) {
        self.topics = topics
        self.health = health
        self.time = time
        self.log = log
        state = Locked(
            State(
                settings: settings,
                queue: CleaningQueue(backoff: settings.backoff),
                pace: TransferPace(bytesPerSecond: settings.maximumBytesPerSecond)
            )
        )
    }

    package var settings: CleanerSettings { state.withLock { $0.settings } }

    // MARK: Threads

    /// Starts the threads. With `log.cleaner.enable=false` they do what they are asked to, and nothing else.
    func start() { resize(to: settings.threads) }

    /// Takes over what can be changed at run time; compactions that are under way notice the rate only.
    func configurationChanged(_ new: CleanerSettings) {
        let isRunning = state.withLock { state in
            if state.settings.maximumBytesPerSecond != new.maximumBytesPerSecond {
                state.pace = TransferPace(bytesPerSecond: new.maximumBytesPerSecond)
            }
            state.settings = new
            state.queue.setBackoff(new.backoff)
            return state.wantedWorkers > 0
        }
        if isRunning { resize(to: new.threads) }
    }

    /// Ends the threads; what they are compacting is left as it was.
    func stop() {
        state.withLock { $0.isStopping = true }
        resize(to: 0)
    }

    /// Starts threads, or ends the last ones and waits for them: they put off what they are compacting.
    private func resize(to count: Int) {
        let surplus = state.withLock { state in
            state.wantedWorkers = state.isStopping ? 0 : count
            let surplus = Array(state.workers.dropFirst(state.wantedWorkers))
            state.workers.removeLast(surplus.count)
            while state.workers.count < state.wantedWorkers {
                let (number, wakeUp) = (state.workers.count, Semaphore())
                let thread = NamedThread("cleaner-\(number)", niceness: Self.niceness) { [self] in work(number, wakeUp)
                }
                state.workers.append(Worker(thread: thread, wakeUp: wakeUp))
            }
            return surplus
        }
        for worker in surplus { worker.wakeUp.signal() }
        for worker in surplus { worker.thread.join() }
    }

    /// How often a compaction begins anew in one go because segments were removed meanwhile.
    private static let maximumBeginnings = 10

    /// Requests go first where there are not enough processors for both.
    private static let niceness: CInt = 5

    private func isWanted(_ number: Int) -> Bool { state.withLock { number < $0.wantedWorkers } }

    private func work(_ number: Int, _ wakeUp: Semaphore) {
        while isWanted(number) {
            if cleanNext({ [self] in isWanted(number) }) == nil { _ = wakeUp.wait(atMost: settings.backoff) }
        }
    }

    // MARK: What is asked from outside

    /// Has the partition compacted as soon as a thread is free, whatever its dirty ratio. nil if it is being compacted on
    /// another order already; the same order twice is one.
    func order(_ order: CompactionOrder, for partition: TopicPartition) -> CompactionRun? {
        let (run, workers) = state.withLock { ($0.queue.order(order, for: partition), $0.workers) }
        for worker in workers { worker.wakeUp.signal() }
        return run
    }

    /// What has become of the partition's last order; nil if there was none since the broker's start.
    func ordered(_ partition: TopicPartition) -> CompactionRun? { state.withLock { $0.queue.ordered(partition) } }

    /// Why the partition could not be compacted the last time; nil if it could.
    package func failure(of partition: TopicPartition) -> CleaningFailure? {
        state.withLock { $0.queue.failures[partition] }
    }

    /// How the compaction of a log stands, and what comes next. Reads little, but may read: never on an event loop.
    func explain(_ partitionLog: PartitionLog) throws(LogError) -> CleaningExplanation {
        let survey = try partitionLog.compactionSurvey()
        let name = partitionLog.topicPartition
        let (instant, now) = (time.instant, time.now)
        let plan = state.withLock { $0.queue.plan(name, now: now, instant: instant, isEnabled: $0.settings.isEnabled) }
        return CleaningExplanation(
            survey: survey,
            lastCompaction: partitionLog.lastCompaction,
            lastRun: state.withLock { $0.queue.last[name] },
            next: plan ?? outlook(of: partitionLog, survey)
        )
    }

    // MARK: One partition

    /// Compacts the partition that is next: one that was asked for, else the dirtiest whose configuration wants it.
    /// Returns which; nil if there is none. Gives up half way once `goesOn` says so.
    @discardableResult
    package func cleanNext(_ goesOn: @escaping @Sendable () -> Bool = { true }) -> TopicPartition? {
        let known = partitions()
        let run = state.withLock { state in
            state.queue.retain { known[$0] != nil }
            return state.queue.takeOrder()
        }
        guard let run = run ?? takeDirtiest(of: known) else { return nil }
        guard let partitionLog = known[run.partition] else { return nil }
        do throws(LogError) {
            let takesAll = run.order.map { !$0.isDryRun } ?? run.isIdleWork
            if takesAll { try partitionLog.rollIfAged(always: true) }
            try clean(partitionLog, run, goesOn)
            succeeded(run.partition)
        } catch {
            if goesOn() { note(error, run.partition) } else { interrupted(run.partition) }
        }
        return run.partition
    }

    private func partitions() -> [TopicPartition: PartitionLog] {
        var partitions: [TopicPartition: PartitionLog] = [:]
        for topic in topics.snapshot.byName.values {
            for partition in topic.partitions {
                guard let partitionLog = partition.openLog else { continue }
                if partitionLog.config.cleanupPolicy.contains(.compact) {
                    partitions[partition.topicPartition] = partitionLog
                }
            }
        }
        return partitions
    }

    private func takeDirtiest(of known: [TopicPartition: PartitionLog]) -> CompactionRun? {
        guard settings.isEnabled else { return nil }
        let candidates = known.compactMap { candidate($0.value) }
        return state.withLock { $0.queue.take(from: candidates, now: time.instant) }
    }

    private func candidate(_ partitionLog: PartitionLog) -> CleaningQueue.Candidate? {
        let partition = partitionLog.topicPartition
        guard state.withLock({ $0.queue.admits(partition, now: time.instant) }) else { return nil }
        do throws(LogError) {
            try partitionLog.rollIfAged()
            let survey = try partitionLog.compactionSurvey()
            let outlook = outlook(of: partitionLog, survey)
            if outlook.urgency == .later { return nil }
            return CleaningQueue.Candidate(
                partition: partition,
                dirtyRatio: survey.dirtyRatio,
                isIdleWork: outlook.urgency == .idleWork
            )
        } catch {
            note(error, partition)
            return nil
        }
    }

    func outlook(of partitionLog: PartitionLog, _ survey: CompactionSurvey) -> CompactionOutlook {
        let quiet = QuietRules(
            quietMilliseconds: settings.quietMilliseconds,
            idleMilliseconds: partitionLog.idleMilliseconds
        )
        return survey.outlook(partitionLog.config, quiet, now: time.now)
    }

    /// Makes as many passes as the number of keys asks for.
    private func clean(
        _ partitionLog: PartitionLog,
        _ run: CompactionRun,
        _ goesOn: @escaping @Sendable () -> Bool
    ) throws(LogError) {
        let settings = settings
        var options = CompactionOptions()
        options.dedupeBufferBytes = settings.dedupeBufferBytes / max(1, settings.threads)
        options.purgesTombstones = run.order?.purgesTombstones ?? false
        options.isDryRun = run.order?.isDryRun ?? false
        let control = Pacing(self, run.partition, goesOn)
        var beginnings = 1
        while true {
            let result = try partitionLog.compact(options, control: control)
            state.withLock { $0.queue.passed(run.partition, result) }
            if result.isOutdated, beginnings < Self.maximumBeginnings {
                beginnings += 1
                continue
            }
            if options.isDryRun { return }
            if result.bytesBefore > 0 { log.info("\(CompactionLine(run.partition, result))") }
            guard result.needsAnotherPass, !result.range.isEmpty else { return }
        }
    }

    private func succeeded(_ partition: TopicPartition) {
        state.withLock { $0.queue.succeeded(partition, at: time.now) }
        health.clear(.compactionFailing, partition.description)
    }

    /// The thread is not wanted any more.
    private func interrupted(_ partition: TopicPartition) {
        state.withLock { $0.queue.interrupted(partition) }
    }

    private func note(_ error: LogError, _ partition: TopicPartition) {
        // Deleted meanwhile.
        if case .closed = error { return state.withLock { $0.queue.closed(partition, at: time.now) } }
        let now = time.instant
        let failure = state.withLock { state in
            state.queue.failed(partition, error.description, at: time.now, now: now)
            return state.queue.failures[partition]
        }
        let pause = failure.map { now.duration(to: $0.retry) } ?? settings.backoff
        health.report(
            .compactionFailing,
            partition.description,
            partition: partition,
            reason: error.description,
            nextTryIn: pause
        )
        log.error(
            """
            compaction of \(partition) failed (attempt \(failure?.attempts ?? 1)) and is tried again in \(pause): \(error)
            """
        )
    }

    // MARK: While it runs

    fileprivate func progressed(_ partition: TopicPartition, to done: Int, of total: Int) {
        state.withLock { $0.queue.progressed(partition, to: done, of: total) }
    }

    /// Waits as long as the rate limit asks for, or until it need not go on.
    fileprivate func pace(_ bytes: Int, while goesOn: () -> Bool) {
        var wait = state.withLock { $0.pace.wait(after: bytes, now: time.instant) }
        // Shorter ones add up to one that is worth a system call.
        guard wait > .milliseconds(10) else { return }
        while wait > .zero, goesOn() {
            let nap = min(wait, Self.longestNap)
            _ = sleep.wait(atMost: nap)
            wait -= nap
        }
    }

    /// Leaves disk and processor to others for half as long as was just worked: a compaction takes two thirds of the time
    /// that it could, and requests meet it so much less often.
    fileprivate func rest(after work: Duration) {
        let rest = min(work / 2, Self.longestRest)
        if rest > .zero { _ = sleep.wait(atMost: rest) }
    }

    /// After which a thread looks whether it is still wanted.
    private static let longestNap = Duration.milliseconds(200)
    /// Of a piece that took long because others were busy, which is rest enough.
    private static let longestRest = Duration.milliseconds(2)
}

/// Slows a compaction down to the configured rate, has it rest between its pieces, and ends it when its thread is not
/// wanted any more. Thread-safe.
private final class Pacing: CompactionControl {
    /// When the last piece was through.
    private let resumed: Locked<Instant>
    private let cleaner: LogCleaner
    private let partition: TopicPartition
    private let goesOn: @Sendable () -> Bool

    init(_ cleaner: LogCleaner, _ partition: TopicPartition, _ goesOn: @escaping @Sendable () -> Bool) {
        self.cleaner = cleaner
        self.partition = partition
        self.goesOn = goesOn
        resumed = Locked(cleaner.time.instant)
    }

    func transferred(_ bytes: Int) throws(LogError) {
        cleaner.rest(after: resumed.withLock { $0 }.duration(to: cleaner.time.instant))
        cleaner.pace(bytes, while: goesOn)
        resumed.withLock { $0 = cleaner.time.instant }
        if !goesOn() { throw .closed(partition) }
    }

    func progressed(to done: Int, of total: Int) { cleaner.progressed(partition, to: done, of: total) }
}

/// What one pass has done, in a line for the log. Immutable.
private struct CompactionLine: CustomStringConvertible {
    private let partition: TopicPartition
    private let result: CompactionResult

    init(_ partition: TopicPartition, _ result: CompactionResult) {
        self.partition = partition
        self.result = result
    }

    var description: String {
        "\(partition) compacted up to offset \(result.range.upperBound): \(result.recordsBefore) records in "
            + "\(result.bytesBefore) bytes became \(result.recordsAfter) in \(result.bytesAfter), "
            + "\(result.segmentsBefore) segments \(result.segmentsAfter)"
            + (result.needsAnotherPass ? "; the keys did not fit, another pass follows" : "")
    }
}
