package import Model

/// What is known of a segment when it is decided what to compact. Immutable.
struct SegmentFacts: Equatable {
    let baseOffset: Offset
    let endOffset: Offset
    let size: Int
    let largestTimestamp: Timestamp?
    /// Of its first batch; only needed where `max.compaction.lag.ms` is set.
    let firstTimestamp: Timestamp?
}

/// How much of a log is dirty, and whether it should be compacted: Kafka's rules. Immutable.
package struct CompactionSurvey: Equatable, Sendable {
    /// Below, only the last record of each key is left.
    package let firstDirty: Offset
    /// From here on nothing may be compacted yet.
    package let firstUncleanable: Offset
    package let cleanBytes: Int
    package let cleanableBytes: Int
    /// What is written, and could be compacted if it were closed.
    package let activeBytes: Int
    /// What is new, but younger than `min.compaction.lag.ms`.
    package let youngBytes: Int
    /// The oldest timestamp of what is dirty, as far as that was asked for.
    package let oldestDirty: Timestamp?
    /// After this, no tombstone that a compaction has left need stay; -1 if it has left none.
    package let tombstonesExpire: Timestamp
    /// Whether something dirty has waited for `max.compaction.lag.ms`.
    package let isOverdue: Bool

    /// How much of what could be compacted is dirty.
    package var dirtyRatio: Double {
        let all = cleanBytes + cleanableBytes
        return all == 0 ? 0 : Double(cleanableBytes) / Double(all)
    }

    /// Whether the configuration asks for a compaction now.
    package func isDue(_ config: LogConfig) -> Bool {
        guard config.cleanupPolicy.contains(.compact), cleanableBytes > 0 else { return false }
        return isOverdue || dirtyRatio > config.minCleanableDirtyRatio
    }

    /// - Parameters:
    ///   - segments: Those that take no more, oldest first.
    ///   - active: The one that is written, if it holds anything.
    ///   - bound: Records from here on are not durable, not visible or still written.
    init(
        _ segments: [SegmentFacts],
        active: SegmentFacts? = nil,
        compactedTo: Offset,
        logStart: Offset,
        bound: Offset,
        tombstonesExpire: Timestamp = .none,
        config: LogConfig,
        now: Timestamp
    ) {
        let firstDirty = max(compactedTo, logStart)
        var limit = segments.last { $0.endOffset <= bound }?.endOffset ?? firstDirty
        let lag = config.minCompactionLagMilliseconds
        if lag > 0 {
            let recent = segments.first { segment in
                segment.endOffset > firstDirty && Self.isYounger(segment.largestTimestamp, than: lag, at: now)
            }
            if let recent { limit = min(limit, recent.baseOffset) }
        }
        limit = max(limit, firstDirty)
        self.firstDirty = firstDirty
        firstUncleanable = limit
        let dirty = segments.filter { $0.endOffset > firstDirty && $0.endOffset <= limit }
        cleanBytes = segments.reduce(0) { $1.endOffset <= firstDirty ? $0 + $1.size : $0 }
        // What retention has removed needs no compaction.
        self.tombstonesExpire = cleanBytes > 0 ? tombstonesExpire : .none
        cleanableBytes = dirty.reduce(0) { $0 + $1.size }
        let isActiveYoung = active.map { lag > 0 && Self.isYounger($0.largestTimestamp, than: lag, at: now) } ?? false
        activeBytes = isActiveYoung ? 0 : active?.size ?? 0
        let young = segments.filter { $0.endOffset > limit && $0.endOffset <= bound }
        youngBytes = young.reduce(isActiveYoung ? active?.size ?? 0 : 0) { $0 + $1.size }
        oldestDirty = (dirty + [active].compactMap { $0 }).compactMap(\.firstTimestamp).min()
        let patience = max(config.maxCompactionLagMilliseconds, lag)
        isOverdue = dirty.contains { segment in
            guard let first = segment.firstTimestamp, first.milliseconds > 0 else { return false }
            return !Self.isYounger(first, than: patience, at: now)
        }
    }

    private static func isYounger(_ timestamp: Timestamp?, than milliseconds: Int64, at now: Timestamp) -> Bool {
        guard let timestamp else { return false }
        let (bound, overflow) = now.milliseconds.subtractingReportingOverflow(milliseconds)
        return overflow || timestamp.milliseconds > bound
    }
}

/// Decides which segments become one. Pure.
enum CompactionGroups {
    /// How many segments are replaced at once at most: each keeps three files open until the last reader has gone.
    static let maximumSegments = 64

    /// Whether `next` goes into the new segment, too, into which `count` segments from `base` on have gone: all of them
    /// together fit into one segment, even if everything of `next` stays.
    static func takes(
        _ next: SegmentFacts,
        after count: Int,
        from base: Offset,
        size: Int,
        config: LogConfig
    ) -> Bool {
        let (sum, overflow) = size.addingReportingOverflow(next.size)
        return !overflow && sum <= config.segmentBytes && count < maximumSegments
            && next.endOffset - base <= Int64(Int32.max)
    }
}
