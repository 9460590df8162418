import CommitLog
import Logging
import Model

/// Applies retention to all partitions, now and then on a thread of its own, and whenever someone asks. Thread-safe: one
/// lock lets one round run at a time.
///
/// A round looks at those topics of which something may be due by then: where a segment expires, and as often as
/// `retention.ms` wants it, since what is appended meanwhile may have old timestamps.
///
/// Before each round the clocks are read: see ``ClockWitness``.
package final class RetentionKeeper: Sendable {
    private struct State {
        var witness: ClockWitness
        var thread: NamedThread?
        var isStopping = false
        /// Whether the thread has been told to look soon, and has not done so yet.
        var isNudged = false
    }

    private let topics: TopicRegistry
    private let storage: TopicStorage
    private let time: any TimeSource
    private let log: Logger
    private let interval: Duration
    private let health: Health
    private let state: Locked<State>
    /// Held for the length of a round: when each topic is to be looked at again, by its id.
    private let round = Locked<[TopicID: Instant]>([:])
    private let wakeUp = Semaphore()

    init(
        topics: TopicRegistry,
        storage: TopicStorage,
        interval: Duration,
        health: Health,
        time: any TimeSource,
        log: Logger
    ) {
        self.topics = topics
        self.storage = storage
        self.interval = interval
        self.health = health
        self.time = time
        self.log = log
        state = Locked(State(witness: ClockWitness(interval: interval, now: time.now, instant: time.instant)))
    }

    /// Starts the thread.
    func start() {
        let thread = NamedThread("retention") { [self] in work() }
        state.withLock { $0.thread = thread }
    }

    /// Ends the thread after the partition it is at.
    func stop() {
        let thread = state.withLock { state in
            defer { state.thread = nil }
            state.isStopping = true
            return state.thread
        }
        wakeUp.signal()
        thread?.join()
    }

    /// How long the thread waits for more news before it looks: whoever makes a thousand topics causes a few rounds, not a
    /// thousand.
    private static let gathering = Duration.milliseconds(250)

    /// Retention times may have become shorter: the thread looks at them soon.
    func configurationChanged() {
        let isFirst = state.withLock { state in
            defer { state.isNudged = true }
            return !state.isNudged && state.thread != nil
        }
        if isFirst { wakeUp.signal() }
    }

    private func work() {
        var pause = Self.gathering
        while true {
            // Only the end interrupts the rest.
            if wakeUp.wait(atMost: pause), !state.withLock({ $0.isStopping }) {
                _ = wakeUp.wait(atMost: Self.gathering)
            }
            let (isStopping, isNudged) = state.withLock { state in
                defer { state.isNudged = false }
                return (state.isStopping, state.isNudged)
            }
            if isStopping { return }
            if isNudged { round.withLock { $0 = [:] } }
            pause = check()
        }
    }

    // MARK: Rounds

    /// Applies retention wherever something may be due, and frees the space of what went before. Returns when to look
    /// again.
    @discardableResult
    package func check() -> Duration {
        round.withLock { due in
            let now = read(isOrdered: false)
            var next: Duration = interval
            var hasRemoved = false
            var later: [TopicID: Instant] = [:]
            for topic in topics.snapshot.sorted {
                let begun = time.instant
                if let known = due[topic.id], begun < known {
                    later[topic.id] = known
                    next = min(next, begun.duration(to: known))
                    continue
                }
                var pause = interval
                for partition in topic.partitions {
                    if state.withLock({ $0.isStopping }) { return next }
                    guard let partitionLog = partition.openLog else { continue }
                    let (removed, wait) = check(partitionLog, now)
                    hasRemoved = hasRemoved || removed
                    pause = min(pause, wait)
                }
                later[topic.id] = begun.advanced(by: pause)
                next = min(next, pause)
            }
            due = later
            if hasRemoved { storage.saveLogStarts() }
            return max(next, .milliseconds(LogConfig.minimumSpanMilliseconds))
        }
    }

    /// One partition's turn. A failure is logged, and tried again after the interval.
    private func check(_ partition: PartitionLog, _ now: WitnessedTime) -> (hasRemoved: Bool, next: Duration) {
        var next = interval
        var hasRemoved = false
        do throws(LogError) {
            let outcome = try partition.applyRetention(at: now)
            hasRemoved = !outcome.removed.isEmpty
            if hasRemoved { log.info("\(RetentionLine(partition.topicPartition, outcome))") }
            if let due = try partition.removeDueFiles() { next = min(next, time.instant.duration(to: due)) }
            if outcome.config.cleanupPolicy.contains(.delete), let limit = outcome.config.retentionMilliseconds {
                next = min(next, .milliseconds(limit / LogConfig.spansPerRetention))
                next = min(next, outcome.timeToExpiry(from: now.now) ?? next)
            }
        } catch {
            // Deleted or closed between the list of topics and here.
            if case .closed = error { return (hasRemoved, next) }
            let name = partition.topicPartition
            health.report(
                .retentionFailing,
                name.description,
                partition: name,
                reason: error.description,
                nextTryIn: interval
            )
            log.error("retention of \(name) failed and is tried again: \(error)")
            return (hasRemoved, next)
        }
        health.clear(.retentionFailing, partition.topicPartition.description)
        return (hasRemoved, next)
    }

    /// What retention would do to a topic's partitions, by partition number.
    func explain(_ topic: HostedTopic) -> [Result<RetentionOutcome, LogError>] {
        round.withLock { _ in
            let now = read(isOrdered: true)
            return topic.partitions.map { partition in
                Result { () throws(LogError) in try partition.log().explainRetention(at: now) }
            }
        }
    }

    /// Applies retention to a topic's partitions; what was done, by partition number.
    func apply(_ topic: HostedTopic) -> [Result<RetentionOutcome, LogError>] {
        round.withLock { _ in
            let now = read(isOrdered: true)
            let outcomes = topic.partitions.map { partition in
                Result { () throws(LogError) in try partition.log().applyRetention(at: now) }
            }
            for (partition, outcome) in zip(topic.partitions, outcomes) {
                guard case .success(let outcome) = outcome, !outcome.removed.isEmpty else { continue }
                log.info("\(RetentionLine(partition.topicPartition, outcome))")
            }
            storage.saveLogStarts()
            return outcomes
        }
    }

    private func read(isOrdered: Bool) -> WitnessedTime {
        let (now, jump) = state.withLock {
            $0.witness.read(now: time.now, instant: time.instant, isOrdered: isOrdered)
        }
        if let jump {
            log.warning(
                """
                the wall clock has jumped by \(jump) ms; nothing is deleted by its age until it has been steady for \
                \(interval) (log.retention.check.interval.ms)
                """
            )
        }
        return now
    }
}

/// One line for the log about what went from a partition, and why. Immutable.
struct RetentionLine: CustomStringConvertible {
    private let partition: TopicPartition
    private let outcome: RetentionOutcome

    init(_ partition: TopicPartition, _ outcome: RetentionOutcome) {
        self.partition = partition
        self.outcome = outcome
    }

    var description: String {
        let removed = outcome.removed
        guard let first = removed.first, let last = removed.last else { return "\(partition): nothing is removed" }
        let names = [
            "age": "past retention.ms=\(outcome.config.retentionMilliseconds ?? -1)",
            "size": "above retention.bytes=\(outcome.config.retentionBytes ?? -1)",
            "log-start": "deleted before",
        ]
        let reasons = ["age", "size", "log-start"].compactMap { name -> String? in
            let count = removed.filter { $0.reason.name == name }.count
            return count == 0 ? nil : "\(count) \(names[name] ?? name)"
        }
        return "retention removed \(removed.count) segments of \(partition) (\(reasons.joined(separator: ", "))): "
            + "offsets \(first.segment.baseOffset) to \(last.segment.endOffset.rawValue - 1), \(outcome.removedBytes) bytes; "
            + "it begins at \(outcome.logStart) now"
    }
}
