/// What a compaction may use, and what it is asked beyond the topic's configuration. Immutable.
package struct CompactionOptions: Sendable {
    /// Memory for the keys: `log.cleaner.dedupe.buffer.size`, shared by the cleaner's threads.
    package var dedupeBufferBytes = 128 << 20
    /// Whether tombstones go now, before `delete.retention.ms`.
    package var purgesTombstones = false
    /// Whether everything is read and nothing changed, only to know what would be left. The segment that is written
    /// counts as if it had been closed.
    package var isDryRun = false

    package init() {}
}

/// Told how a compaction gets on; can slow it down or end it. Thread-safe.
package protocol CompactionControl: AnyObject, Sendable {
    /// So many bytes were read or written. May wait, to limit the rate; throws to end the compaction.
    func transferred(_ bytes: Int) throws(LogError)
    /// Of all that a pass has to read, so much is done.
    func progressed(to done: Int, of total: Int)
}

extension CompactionControl {
    package func progressed(to done: Int, of total: Int) {}
}

/// What one pass of a compaction has done, or would do. Immutable.
package struct CompactionResult: Equatable, Sendable {
    /// The offsets whose keys were taken in.
    package var range: Range<Int64> = 0..<0
    package var keys = 0
    package var bytesBefore = 0
    package var bytesAfter = 0
    package var recordsBefore = 0
    package var recordsAfter = 0
    package var segmentsBefore = 0
    package var segmentsAfter = 0
    /// Whether there were more keys than fit, so that another pass has to follow.
    package var needsAnotherPass = false
    /// Whether segments were removed or cut meanwhile, so that it has ended early and should begin anew.
    package var isOutdated = false

    package init() {}

    /// What this pass and the one before it have done together: each begins at the log's start, the later one goes
    /// further.
    package func following(_ earlier: CompactionResult) -> CompactionResult {
        var both = self
        both.range = min(earlier.range.lowerBound, range.lowerBound)..<max(earlier.range.upperBound, range.upperBound)
        both.keys = earlier.keys + keys
        both.bytesBefore += earlier.bytesBefore - earlier.bytesAfter
        both.recordsBefore += earlier.recordsBefore - earlier.recordsAfter
        both.segmentsBefore += earlier.segmentsBefore - earlier.segmentsAfter
        return both
    }
}
