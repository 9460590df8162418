import CommitLog
import Model

/// How the compaction of one partition stands. Immutable.
struct CleaningExplanation {
    let survey: CompactionSurvey
    /// How far the last compaction went, and when it ended; nil if there was none.
    let lastCompaction: (end: Offset, at: Timestamp)?
    /// What it has done, if that was since the broker's start.
    let lastRun: CompactionRun?
    let next: CompactionOutlook
}
