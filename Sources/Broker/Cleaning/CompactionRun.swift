package import CommitLog
package import Model

/// What someone asked for beyond what the cleaner does by itself. Immutable.
package struct CompactionOrder: Equatable, Sendable {
    /// Whether tombstones go before `delete.retention.ms`.
    package var purgesTombstones = false
    /// Whether only to say what would be left.
    package var isDryRun = false

    package init(purgesTombstones: Bool = false, isDryRun: Bool = false) {
        self.purgesTombstones = purgesTombstones
        self.isDryRun = isDryRun
    }
}

/// One compaction of a partition, from the order or its begin to its end. Immutable but for its progress.
package struct CompactionRun: Sendable {
    package enum State: Equatable, Sendable {
        /// For a thread, or for another compaction of the same partition.
        case waiting
        case running
        case done
        case failed(reason: String)
    }

    /// Tells this run from others of the same partition while the broker runs.
    package let number: Int64
    package let partition: TopicPartition
    /// nil if nobody has asked for it.
    package let order: CompactionOrder?
    /// Whether it is done because nothing is written and nothing else is due.
    package let isIdleWork: Bool
    package internal(set) var state: State
    /// Bytes read of those that the present pass has to read.
    package internal(set) var progress = (done: 0, total: 0)
    package internal(set) var passes = 0
    /// What the passes so far have done together.
    package internal(set) var result: CompactionResult?
    /// -1 before it has ended.
    package internal(set) var ended = Timestamp.none

    package var hasEnded: Bool {
        switch state {
        case .waiting, .running: false
        case .done, .failed: true
        }
    }
}
