package import Model

/// What opening a partition's log has found and repaired. Immutable; for the operator's log, since this module has none.
package struct RecoveryReport: Equatable, Sendable {
    /// A segment whose end was cut off.
    package struct Truncation: Equatable, Sendable {
        /// The segment's file.
        package let path: String
        /// The first offset that is no longer there.
        package let offset: Offset
        package let bytes: Int
        package let reason: String
    }

    package let topicPartition: TopicPartition
    package let wasClean: Bool
    /// Segments that were read from front to back.
    package var scannedSegments = 0
    package var scannedBytes = 0
    package var truncations: [Truncation] = []
    /// Files that were put aside because what precedes them was cut off.
    package var discardedFiles: [String] = []
    /// Metadata files that were damaged and were made anew.
    package var repairedFiles: [String] = []
    /// Damage in what was durable already: kept, and not served.
    package var quarantined: [QuarantinedRange] = []
    package var logStart = Offset.zero
    package var logEnd = Offset.zero
    package var leaderEpoch = LeaderEpoch.none

    init(_ topicPartition: TopicPartition, wasClean: Bool) {
        self.topicPartition = topicPartition
        self.wasClean = wasClean
    }

    /// Whether records are gone or files were damaged.
    package var isNoteworthy: Bool {
        !truncations.isEmpty || !discardedFiles.isEmpty || !repairedFiles.isEmpty || !quarantined.isEmpty
    }
}

/// What the log directory's checkpoints say about a partition. Immutable.
package struct OpeningHints: Equatable, Sendable {
    /// The log's start, where it is above the first segment's.
    package var logStart: Offset?
    /// Everything below was synced, so that only what follows needs to be looked at.
    package var recoveryPoint: Offset?
    /// Whether a sync had failed before, so that nothing behind the recovery point need be on the disk, even if it can be
    /// read.
    package var isSuspect: Bool
    /// The most bytes that may be read now: a log of which more has to be read is not opened, but left for later.
    package var maximumScan: Int?
    /// The least epoch of what is appended from now on, durably on record: see ``LeaderEpochFloor``.
    package var epochFloor: LeaderEpoch

    package init(
        logStart: Offset? = nil,
        recoveryPoint: Offset? = nil,
        isSuspect: Bool = false,
        maximumScan: Int? = nil,
        epochFloor: LeaderEpoch = LeaderEpoch(0)
    ) {
        self.logStart = logStart
        self.recoveryPoint = recoveryPoint
        self.isSuspect = isSuspect
        self.maximumScan = maximumScan
        self.epochFloor = epochFloor
    }
}
