import CommitLog
import Logging
package import Model

/// What the broker's configuration says about compaction. Immutable.
package struct CleanerSettings: Equatable, Sendable {
    package let isEnabled: Bool
    package let threads: Int
    package let backoff: Duration
    package let dedupeBufferBytes: Int
    package let maximumBytesPerSecond: Double

    init(_ values: Values) {
        isEnabled = values.boolean("log.cleaner.enable")
        threads = values.int("log.cleaner.threads")
        backoff = values.milliseconds("log.cleaner.backoff.ms")
        dedupeBufferBytes = values.int("log.cleaner.dedupe.buffer.size")
        maximumBytesPerSecond = values.double("log.cleaner.io.max.bytes.per.second")
    }
}

/// Compacts partitions in the background, the dirtiest first, on threads of its own. Thread-safe.
///
/// A thread ends with the broker and not before: whatever goes wrong with a partition is noted, logged and tried again
/// later, while the others go on.
package final class LogCleaner: Sendable {
    private struct State {
        var queue: CleaningQueue
        var pace: TransferPace
        var threads: [NamedThread] = []
        var isStopping = false
    }

    private let topics: TopicRegistry
    private let settings: CleanerSettings
    private let health: Health
    private let time: any TimeSource
    private let log: Logger
    private let state: Locked<State>
    private let wakeUp = Semaphore()

    init(topics: TopicRegistry, settings: CleanerSettings, health: Health, time: any TimeSource, log: Logger) {
        self.topics = topics
        self.settings = settings
        self.health = health
        self.time = time
        self.log = log
        state = Locked(
            State(
                queue: CleaningQueue(backoff: settings.backoff),
                pace: TransferPace(bytesPerSecond: settings.maximumBytesPerSecond)
            )
        )
    }

    /// Starts the threads, unless `log.cleaner.enable` says otherwise.
    func start() {
        guard settings.isEnabled else { return }
        let threads = (0..<settings.threads).map { number in NamedThread("cleaner-\(number)") { [self] in work() } }
        state.withLock { $0.threads = threads }
    }

    /// Ends the threads; what they are compacting is left as it was.
    func stop() {
        let threads = state.withLock { state in
            defer { state.threads = [] }
            state.isStopping = true
            return state.threads
        }
        for _ in threads { wakeUp.signal() }
        for thread in threads { thread.join() }
    }

    /// Why the partition could not be compacted the last time; nil if it could.
    package func failure(of partition: TopicPartition) -> CleaningFailure? {
        state.withLock { $0.queue.failures[partition] }
    }

    private var isStopping: Bool { state.withLock { $0.isStopping } }

    private func work() {
        while !isStopping {
            if cleanDirtiest() == nil { _ = wakeUp.wait(atMost: settings.backoff) }
        }
    }

    // MARK: One partition

    /// Compacts the dirtiest partition whose configuration asks for it. Returns which; nil if there is none.
    @discardableResult
    package func cleanDirtiest() -> TopicPartition? {
        let known = partitions()
        let candidates = known.compactMap { candidate($0.value) }
        let taken = state.withLock { state in
            state.queue.retain { known[$0] != nil }
            return state.queue.take(from: candidates, now: time.instant)
        }
        guard let taken, let partitionLog = known[taken] else { return nil }
        do throws(LogError) {
            try clean(partitionLog)
            succeeded(taken)
        } catch {
            note(error, taken)
        }
        return taken
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

    private func candidate(_ partitionLog: PartitionLog) -> CleaningQueue.Candidate? {
        let partition = partitionLog.topicPartition
        guard state.withLock({ $0.queue.admits(partition, now: time.instant) }) else { return nil }
        do throws(LogError) {
            try partitionLog.rollIfAged()
            let survey = try partitionLog.compactionSurvey()
            guard survey.isDue(partitionLog.config) else { return nil }
            return CleaningQueue.Candidate(partition: partition, dirtyRatio: survey.dirtyRatio)
        } catch {
            note(error, partition)
            return nil
        }
    }

    /// Makes as many passes as the number of keys asks for.
    private func clean(_ partitionLog: PartitionLog) throws(LogError) {
        var options = CompactionOptions()
        options.dedupeBufferBytes = settings.dedupeBufferBytes / max(1, settings.threads)
        let control = Pacing(self, partitionLog.topicPartition)
        while true {
            let result = try partitionLog.compact(options, control: control)
            if result.bytesBefore > 0 { log.info("\(CompactionLine(partitionLog.topicPartition, result))") }
            guard result.needsAnotherPass, !result.range.isEmpty else { return }
        }
    }

    private func note(_ error: LogError, _ partition: TopicPartition) {
        // Deleted meanwhile, or the broker stops.
        if case .closed = error { return succeeded(partition) }
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

    private func succeeded(_ partition: TopicPartition) {
        state.withLock { $0.queue.succeeded(partition) }
        health.clear(.compactionFailing, partition.description)
    }

    /// Waits as long as the rate limit asks for; throws when the broker stops.
    fileprivate func pace(_ bytes: Int, _ partition: TopicPartition) throws(LogError) {
        let wait = state.withLock { state in
            state.isStopping ? nil : state.pace.wait(after: bytes, now: time.instant)
        }
        guard let wait else { throw .closed(partition) }
        // Shorter ones add up to one that is worth a system call.
        if wait > .milliseconds(10) { _ = wakeUp.wait(atMost: wait) }
    }
}

/// Slows a compaction down to the configured rate and ends it with the broker. Thread-safe.
private final class Pacing: CompactionControl {
    private let cleaner: LogCleaner
    private let partition: TopicPartition

    init(_ cleaner: LogCleaner, _ partition: TopicPartition) {
        self.cleaner = cleaner
        self.partition = partition
    }

    func transferred(_ bytes: Int) throws(LogError) { try cleaner.pace(bytes, partition) }
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
