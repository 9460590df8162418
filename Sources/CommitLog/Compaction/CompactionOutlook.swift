package import Model

/// When a log is compacted next without anybody asking, and why then. Immutable.
package struct CompactionOutlook: Equatable, Sendable {
    package enum Urgency: Equatable, Sendable {
        /// Its configuration asks for it.
        case due
        /// It is time, but others that are due go first.
        case idleWork
        /// It is not time.
        case later
    }

    package let urgency: Urgency
    /// In one word.
    package let reason: String
    /// In a few words for people.
    package let explanation: String
    /// When it is due at the latest; nil if that cannot be foretold.
    package let at: Timestamp?

    package init(urgency: Urgency, reason: String, explanation: String, at: Timestamp?) {
        self.urgency = urgency
        self.reason = reason
        self.explanation = explanation
        self.at = at
    }
}

/// What decides about quiet logs: nothing is written to them, so that neither their dirty ratio nor a full segment ever
/// brings their turn. Immutable.
package struct QuietRules: Equatable, Sendable {
    /// `log.cleaner.quiet.ms`: a log to which nothing was written for so long is quiet.
    package var quietMilliseconds: Int64
    /// For how long the log has been as it is.
    package var idleMilliseconds: Int64

    package init(quietMilliseconds: Int64, idleMilliseconds: Int64) {
        self.quietMilliseconds = quietMilliseconds
        self.idleMilliseconds = idleMilliseconds
    }

    /// A log must have been quiet for longer if compacting it is more work: on average no more than so much is read for
    /// the sake of quiet logs.
    private static let bytesPerMillisecond: Int64 = 10_000

    /// How long a log of so many bytes must have been quiet.
    func patience(bytes: Int) -> Int64 { max(quietMilliseconds, Int64(bytes) / Self.bytesPerMillisecond) }
}

extension CompactionSurvey {
    /// When the log is compacted next.
    package func outlook(_ config: LogConfig, _ quiet: QuietRules, now: Timestamp) -> CompactionOutlook {
        if cleanableBytes > 0, isOverdue {
            let lag = "max.compaction.lag.ms=\(config.maxCompactionLagMilliseconds)"
            return .now(.due, "overdue", "a record has waited for \(lag)", now)
        }
        if isDue(config) {
            let limit = "min.cleanable.dirty.ratio=\(config.minCleanableDirtyRatio)"
            return .now(.due, "dirty", "more is new since the last compaction than \(limit)", now)
        }
        let bytes = cleanBytes + cleanableBytes + activeBytes
        let patience = quiet.patience(bytes: bytes)
        let hasNews = cleanableBytes > 0 || activeBytes > 0
        if quiet.idleMilliseconds >= patience {
            let silence = "nothing was written for \(patience) ms"
            if hasNews { return .now(.idleWork, "quiet", silence, now) }
            if tombstonesExpire > .none, tombstonesExpire <= now {
                return .now(.idleWork, "tombstones", "marks of deleted keys are past delete.retention.ms", now)
            }
        }
        let quietAt = now.advanced(milliseconds: max(0, patience - quiet.idleMilliseconds))
        return hasNews ? laterWithNews(config, quietAt) : laterWithoutNews(config, quietAt)
    }

    private func laterWithNews(_ config: LogConfig, _ quietAt: Timestamp) -> CompactionOutlook {
        let limit = "min.cleanable.dirty.ratio=\(config.minCleanableDirtyRatio)"
        let text = "when more is new than \(limit), or nothing is written until then"
        if config.maxCompactionLagMilliseconds < .max, let oldestDirty {
            let overdueAt = oldestDirty.advanced(milliseconds: config.maxCompactionLagMilliseconds)
            if overdueAt < quietAt {
                let lag = "max.compaction.lag.ms=\(config.maxCompactionLagMilliseconds)"
                return .later("lag", "when more is new than \(limit), and at the latest by \(lag)", overdueAt)
            }
        }
        return .later("clean", text, quietAt)
    }

    private func laterWithoutNews(_ config: LogConfig, _ quietAt: Timestamp) -> CompactionOutlook {
        if youngBytes > 0 {
            let lag = "min.compaction.lag.ms=\(config.minCompactionLagMilliseconds)"
            return .later("young", "all that is new is younger than \(lag)", nil)
        }
        if tombstonesExpire > .none {
            let text = "marks of deleted keys are kept for delete.retention.ms"
            return .later("tombstones", text, max(quietAt, tombstonesExpire))
        }
        return .later("nothing", "nothing is new", nil)
    }
}

extension CompactionOutlook {
    fileprivate static func now(
        _ urgency: Urgency,
        _ reason: String,
        _ explanation: String,
        _ now: Timestamp
    ) -> CompactionOutlook {
        CompactionOutlook(urgency: urgency, reason: reason, explanation: explanation, at: now)
    }

    fileprivate static func later(_ reason: String, _ explanation: String, _ at: Timestamp?) -> CompactionOutlook {
        CompactionOutlook(urgency: .later, reason: reason, explanation: explanation, at: at)
    }
}
