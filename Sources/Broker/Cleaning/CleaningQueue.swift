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

/// Which partition is compacted next, what is under way and what has failed. A value; decides only.
struct CleaningQueue {
    /// A partition that its configuration wants compacted.
    struct Candidate {
        let partition: TopicPartition
        let dirtyRatio: Double
    }

    private var running: Set<TopicPartition> = []
    private(set) var failures: [TopicPartition: CleaningFailure] = [:]
    /// After the first failure; doubled with each that follows.
    private let backoff: Duration

    private static let longestBackoff = Duration.seconds(600)

    init(backoff: Duration) { self.backoff = max(backoff, .milliseconds(1)) }

    /// Whether the partition may be compacted now.
    func admits(_ partition: TopicPartition, now: Instant) -> Bool {
        if running.contains(partition) { return false }
        guard let failure = failures[partition] else { return true }
        return failure.retry <= now
    }

    /// Takes the dirtiest that may be compacted now; it is under way until it is said to have ended.
    mutating func take(from candidates: [Candidate], now: Instant) -> TopicPartition? {
        let admitted = candidates.filter { admits($0.partition, now: now) }
        let dirtiest = admitted.max { left, right in
            left.dirtyRatio == right.dirtyRatio
                ? left.partition > right.partition : left.dirtyRatio < right.dirtyRatio
        }
        if let dirtiest { running.insert(dirtiest.partition) }
        return dirtiest?.partition
    }

    mutating func succeeded(_ partition: TopicPartition) {
        running.remove(partition)
        failures[partition] = nil
    }

    mutating func failed(_ partition: TopicPartition, _ reason: String, at timestamp: Timestamp, now: Instant) {
        running.remove(partition)
        let attempts = (failures[partition]?.attempts ?? 0) + 1
        var pause = backoff
        for _ in 1..<attempts where pause < Self.longestBackoff { pause = pause * 2 }
        failures[partition] = CleaningFailure(
            reason: reason,
            at: timestamp,
            attempts: attempts,
            retry: now.advanced(by: min(pause, max(backoff, Self.longestBackoff)))
        )
    }

    /// Forgets partitions that are not there any more.
    mutating func retain(_ isKnown: (TopicPartition) -> Bool) { failures = failures.filter { isKnown($0.key) } }
}
