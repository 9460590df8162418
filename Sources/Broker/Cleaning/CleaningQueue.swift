import CommitLog
package import Model

/// Why a partition could not be compacted. Immutable.
package struct CleaningFailure: Equatable, Sendable {
    package let reason: String
    /// When it happened last.
    package let at: Timestamp
    /// How often in a row.
    package let attempts: Int
    /// Not before this is it tried again.
    let retry: Instant
}

/// Which partition is compacted next, what is under way, what has been done and what has failed. A value; decides only.
struct CleaningQueue {
    /// A partition that its configuration wants compacted.
    struct Candidate {
        let partition: TopicPartition
        let dirtyRatio: Double
        /// Whether it can wait until no other one is a candidate.
        var isIdleWork = false
    }

    private var waiting: [CompactionRun] = []
    private(set) var running: [TopicPartition: CompactionRun] = [:]
    /// The last order of each partition that has ended.
    private var answered: [TopicPartition: CompactionRun] = [:]
    /// The last run of each partition that has compacted it.
    private(set) var last: [TopicPartition: CompactionRun] = [:]
    private(set) var failures: [TopicPartition: CleaningFailure] = [:]
    private var nextNumber: Int64 = 1
    /// After the first failure; doubled with each that follows.
    private var backoff: Duration

    private static let longestBackoff = Duration.seconds(600)
    /// A year is as good as for ever, and does not overflow.
    private static let possibleBackoffs = Duration.milliseconds(1)...Duration.seconds(365 * 86_400)

    init(backoff: Duration) { self.backoff = Self.possible(backoff) }

    /// Takes effect with the next failure.
    mutating func setBackoff(_ backoff: Duration) { self.backoff = Self.possible(backoff) }

    private static func possible(_ backoff: Duration) -> Duration {
        min(max(backoff, possibleBackoffs.lowerBound), possibleBackoffs.upperBound)
    }

    // MARK: Orders

    /// Takes an order, to be run before everything that nobody has asked for. What is ordered already is not ordered
    /// twice; nil if something else is, and has not ended yet.
    mutating func order(_ order: CompactionOrder, for partition: TopicPartition) -> CompactionRun? {
        if let present = ordered(partition), !present.hasEnded {
            return present.order == order ? present : nil
        }
        answered[partition] = nil
        let run = run(of: partition, order, .waiting)
        waiting.append(run)
        return run
    }

    /// What has become of the partition's last order; nil if there was none.
    func ordered(_ partition: TopicPartition) -> CompactionRun? {
        if let waiting = waiting.first(where: { $0.partition == partition }) { return waiting }
        if let running = running[partition], running.order != nil { return running }
        return answered[partition]
    }

    /// The oldest order that can be run now; it is under way until it is said to have ended.
    mutating func takeOrder() -> CompactionRun? {
        guard let index = waiting.firstIndex(where: { running[$0.partition] == nil }) else { return nil }
        return begin(waiting.remove(at: index))
    }

    // MARK: What is due

    /// Whether the partition may be compacted now.
    func admits(_ partition: TopicPartition, now: Instant) -> Bool {
        if running[partition] != nil { return false }
        guard let failure = failures[partition] else { return true }
        return failure.retry <= now
    }

    /// Takes the dirtiest that may be compacted now; it is under way until it is said to have ended.
    mutating func take(from candidates: [Candidate], now: Instant) -> CompactionRun? {
        let admitted = candidates.filter { admits($0.partition, now: now) }
        let first = admitted.max { left, right in
            if left.isIdleWork != right.isIdleWork { return left.isIdleWork }
            return left.dirtyRatio == right.dirtyRatio
                ? left.partition > right.partition : left.dirtyRatio < right.dirtyRatio
        }
        return first.map { begin(run(of: $0.partition, nil, .running, isIdleWork: $0.isIdleWork)) }
    }

    /// What is next for the partition, if that is not for its log and configuration to say.
    func plan(_ partition: TopicPartition, now: Timestamp, instant: Instant, isEnabled: Bool) -> CompactionOutlook? {
        if let run = running[partition] {
            let share = run.progress.total > 0 ? run.progress.done * 100 / run.progress.total : 0
            let pass = run.passes > 0 ? " of pass \(run.passes + 1)" : ""
            return CompactionOutlook(
                urgency: .due,
                reason: "running",
                explanation: "\(share) %\(pass) is done",
                at: now
            )
        }
        if waiting.contains(where: { $0.partition == partition }) {
            return CompactionOutlook(urgency: .due, reason: "ordered", explanation: "it waits for a thread", at: now)
        }
        if let failure = failures[partition], failure.retry > instant {
            let wait = instant.duration(to: failure.retry).wholeNanoseconds / 1_000_000
            return CompactionOutlook(
                urgency: .later,
                reason: "failed",
                explanation: "it has failed (\(failure.reason)) and is tried again",
                at: now.advanced(milliseconds: wait)
            )
        }
        if isEnabled { return nil }
        return CompactionOutlook(
            urgency: .later,
            reason: "off",
            explanation: "only on demand, because log.cleaner.enable=false",
            at: nil
        )
    }

    // MARK: What becomes of it

    mutating func progressed(_ partition: TopicPartition, to done: Int, of total: Int) {
        running[partition]?.progress = (done, total)
    }

    /// A pass has ended.
    mutating func passed(_ partition: TopicPartition, _ result: CompactionResult) {
        guard let before = running[partition] else { return }
        running[partition]?.passes += 1
        running[partition]?.result = before.result.map { result.following($0) } ?? result
    }

    mutating func succeeded(_ partition: TopicPartition, at timestamp: Timestamp) {
        failures[partition] = nil
        end(partition, .done, at: timestamp)
    }

    mutating func failed(_ partition: TopicPartition, _ reason: String, at timestamp: Timestamp, now: Instant) {
        let attempts = (failures[partition]?.attempts ?? 0) + 1
        var pause = backoff
        for _ in 1..<attempts where pause < Self.longestBackoff { pause = pause * 2 }
        failures[partition] = CleaningFailure(
            reason: reason,
            at: timestamp,
            attempts: attempts,
            retry: now.advanced(by: min(pause, max(backoff, Self.longestBackoff)))
        )
        end(partition, .failed(reason: reason), at: timestamp)
    }

    /// The thread has given up half way, because it has to end: what was asked for waits for another one.
    mutating func interrupted(_ partition: TopicPartition) {
        guard var run = running.removeValue(forKey: partition), run.order != nil else { return }
        run.state = .waiting
        waiting.insert(run, at: 0)
    }

    /// The partition has gone while it was compacted.
    mutating func closed(_ partition: TopicPartition, at timestamp: Timestamp) {
        end(partition, .failed(reason: "the partition was closed meanwhile"), at: timestamp)
    }

    /// Forgets partitions that are not there any more, or not compacted.
    mutating func retain(_ isKnown: (TopicPartition) -> Bool) {
        failures = failures.filter { isKnown($0.key) }
        answered = answered.filter { isKnown($0.key) }
        last = last.filter { isKnown($0.key) }
        waiting.removeAll { !isKnown($0.partition) }
    }

    private mutating func run(
        of partition: TopicPartition,
        _ order: CompactionOrder?,
        _ state: CompactionRun.State,
        isIdleWork: Bool = false
    ) -> CompactionRun {
        defer { nextNumber += 1 }
        return CompactionRun(
            number: nextNumber,
            partition: partition,
            order: order,
            isIdleWork: isIdleWork,
            state: state
        )
    }

    private mutating func begin(_ run: CompactionRun) -> CompactionRun {
        var run = run
        run.state = .running
        running[run.partition] = run
        return run
    }

    private mutating func end(_ partition: TopicPartition, _ state: CompactionRun.State, at timestamp: Timestamp) {
        guard var run = running.removeValue(forKey: partition) else { return }
        run.state = state
        run.ended = timestamp
        if run.order != nil { answered[partition] = run }
        let hasChanged = run.order?.isDryRun != true && run.result.map { $0.bytesBefore > 0 } ?? false
        if state == .done, hasChanged { last[partition] = run }
    }
}
