package import Model

/// What retention has done to a partition, or would do, and why. Immutable.
package struct RetentionOutcome: Sendable {
    package let config: LogConfig
    /// The log's start afterwards, or as it would be.
    package let logStart: Offset
    /// Every segment there was, oldest first, with what became of it.
    package let segments: [(segment: SegmentDescription, fate: SegmentFate)]

    package var removed: [(segment: SegmentDescription, reason: SegmentFate.Removal)] {
        segments.compactMap { segment, fate in
            guard case .remove(let reason) = fate else { return nil }
            return (segment, reason)
        }
    }

    /// How long it is until the next segment goes by its age, as far as that can be foretold.
    package func timeToExpiry(from now: Timestamp) -> Duration? {
        let expiries = segments.compactMap { _, fate in
            if case .keep(.young, let until) = fate { until } else { nil }
        }
        // One more: it goes when it is older than that.
        return expiries.min().map { .milliseconds($0.milliseconds(since: now)) + .milliseconds(1) }
    }

    package var removedBytes: Int { removed.reduce(0) { $0 + $1.segment.sizeInBytes } }
}

/// Retention. Reads and removes files: never on an event loop.
extension PartitionLog {
    /// What retention would do now.
    package func explainRetention(at time: WitnessedTime) throws(LogError) -> RetentionOutcome {
        let snapshot = try readableSnapshot()
        let decision = RetentionDecision(
            config: config,
            logStart: snapshot.offsets.logStart,
            bound: snapshot.offsets.lastStable,
            time: time
        )
        var segments = try segments()
        var fates = decision.fates(of: segments)
        // An index is a hint: nothing is deleted by its age before its batches were asked.
        while let suspect = try firstUnverified(segments, fates) {
            try verify(suspect)
            segments = try self.segments()
            fates = decision.fates(of: segments)
        }
        let pairs = Array(zip(segments, fates)).map { (segment: $0, fate: $1) }
        let start = pairs.last { if case .remove = $0.fate { true } else { false } }?.segment.endOffset
        return RetentionOutcome(
            config: decision.config,
            logStart: max(start ?? decision.logStart, decision.logStart),
            segments: pairs
        )
    }

    /// Removes what retention says, now. What it did is what is returned.
    package func applyRetention(at time: WitnessedTime) throws(LogError) -> RetentionOutcome {
        let outcome = try explainRetention(at: time)
        guard !outcome.removed.isEmpty else { return outcome }
        let start = try deleteSegments(upTo: outcome.logStart)
        // An append may have come in between and kept the segment that is written.
        let done = outcome.segments.map { segment, fate -> (segment: SegmentDescription, fate: SegmentFate) in
            guard case .remove = fate, segment.endOffset > start else { return (segment, fate) }
            return (segment, .keep(.young(0), until: nil))
        }
        return RetentionOutcome(config: outcome.config, logStart: start, segments: done)
    }

    /// The first segment that is about to go by its age on an index's word alone.
    private func firstUnverified(
        _ segments: [SegmentDescription],
        _ fates: [SegmentFate]
    ) throws(LogError) -> Offset? {
        let snapshot = try readableSnapshot()
        for (segment, fate) in zip(segments, fates) {
            guard case .remove(.age) = fate, !segment.isActive else { continue }
            guard segment.knownForMilliseconds <= config.retentionMilliseconds ?? .max else { continue }
            let number = snapshot.segmentNumber(containing: segment.baseOffset)
            if snapshot.segment(number).verifiedLargest == nil { return segment.baseOffset }
        }
        return nil
    }

    private func verify(_ base: Offset) throws(LogError) {
        try examiningDamage { () throws(LogError) in
            let snapshot = try readableSnapshot()
            let number = snapshot.segmentNumber(containing: base)
            let largest = try search(number, in: snapshot, limit: .logEnd)?.largest()
            snapshot.segment(number).noteVerified(largest ?? .none)
        }
    }

    // MARK: Files of removed segments

    /// Puts the files of segments that are out of the log where the next start removes them, or removes them at once if
    /// that is what the topic wants. Called with `maintenance` held.
    func remove(_ segments: [LogSegment]) throws(LogError) {
        let delay = config.fileDeleteDelayMilliseconds
        guard delay > 0 else { return try removeFiles(of: segments) }
        let due = environment.time.instant.advanced(by: .milliseconds(delay))
        removals.withLock { $0 += segments.map { PendingRemoval(segment: $0, due: due) } }
        try storage { () throws(FileError) in
            for segment in segments { try segment.putAside() }
        }
    }

    /// Frees the space of what was deleted long enough ago. Returns when there is more to free.
    @discardableResult
    package func removeDueFiles() throws(LogError) -> Instant? {
        let now = environment.time.instant
        try maintenance.withLock { () throws(LogError) in
            let due = removals.withLock { removals in
                defer { removals.removeAll { $0.due <= now } }
                return removals.filter { $0.due <= now }
            }
            try removeFiles(of: due.map(\.segment))
        }
        return removals.withLock { $0.map(\.due).min() }
    }

    private func removeFiles(of segments: [LogSegment]) throws(LogError) {
        try storage { () throws(FileError) in
            for segment in segments {
                segment.releaseHandles()
                try segment.removeFiles()
            }
        }
    }
}

/// A segment whose files are about to go. Immutable.
struct PendingRemoval {
    let segment: LogSegment
    let due: Instant
}
