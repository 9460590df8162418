package import Model
import Records

/// Compacting a log. Reads and writes much: on a thread of its own.
extension PartitionLog {
    /// How dirty the log is. Reads little, but may read: never on an event loop.
    package func compactionSurvey() throws(LogError) -> CompactionSurvey {
        let active = activeFacts
        let snapshot = try readableSnapshot()
        let bound = compactionBound(of: snapshot)
        return survey(try facts(of: snapshot), active: active, in: snapshot, bound: bound)
    }

    /// For how long nothing was appended, as far as this process knows.
    package var idleMilliseconds: Int64 {
        let last = writer.withLock { $0.active.lastAppend?.instant ?? $0.active.segment.createdInstant }
        return max(0, last.duration(to: environment.time.instant).wholeNanoseconds / 1_000_000)
    }

    /// Of the segment that is written; nil if nothing is in it.
    private var activeFacts: SegmentFacts? {
        writer.withLock { writer in
            guard writer.active.size > 0 else { return nil }
            return SegmentFacts(
                baseOffset: writer.active.segment.baseOffset,
                endOffset: offsets.logEnd,
                size: writer.active.size,
                largestTimestamp: writer.active.largest?.timestamp,
                firstTimestamp: writer.active.firstTimestamp
            )
        }
    }

    /// Below which offset a compaction has gone, and when; nil if there was none.
    package var lastCompaction: (end: Offset, at: Timestamp)? {
        let manifest = manifest.withLock { $0.manifest }
        return manifest.compactedAt == .none ? nil : (manifest.compactedTo, manifest.compactedAt)
    }

    /// Closes the segment that is written, if it holds anything and is older than `segment.ms` or, where the topic is
    /// compacted, `max.compaction.lag.ms`: what is written can neither be compacted nor deleted, however quiet the log.
    /// With `always`, whatever its age.
    package func rollIfAged(always: Bool = false) throws(LogError) {
        let config = config
        let now = environment.time.now
        try writer.withLock { writer throws(LogError) in
            if let refusal = writer.refusal { throw refusal }
            let isDue = always ? writer.active.size > 0 : writer.active.isAged(config: config, now: now)
            if isDue { try roll(&writer, at: offsets.logEnd, config: config) }
        }
    }

    /// Makes one pass over the log: what is dirty becomes clean, or as much of it as there is room for keys. Whatever
    /// happens, the log holds its old or its new contents; a failure leaves the rest as it was.
    @discardableResult
    package func compact(
        _ options: CompactionOptions = CompactionOptions(),
        control: any CompactionControl
    ) throws(LogError) -> CompactionResult {
        try compacting.withLock { () throws(LogError) in
            // Damage that it meets ends a compaction; once it is known, what precedes it can be compacted.
            try examiningDamage { () throws(LogError) in try compactSound(options, control: control) }
        }
    }

    private func compactSound(
        _ options: CompactionOptions,
        control: any CompactionControl
    ) throws(LogError) -> CompactionResult {
        if options.isDryRun { return try measure(options, control: control) }
        try maintenance.withLock { () throws(LogError) in try settleManifest() }
        // What has not reached the disk must not replace what has: no record, and no batch by which a producer is known.
        let lastOffsets = lastOffsetsOfProducers()
        try flush()
        let snapshot = try readableSnapshot()
        let facts = try facts(of: snapshot)
        let bound = min(compactionBound(of: snapshot), snapshot.offsets.durable)
        let survey = survey(facts, in: snapshot, bound: bound)
        let compaction = Compaction(log: self, options: options, control: control, lastOffsets: lastOffsets)
        return try run(compaction, survey, zip(snapshot.sealed, facts).map(Compaction.Source.init))
    }

    /// Reads what ``compact(_:control:)`` would read if the segment that is written were closed, and says what would be
    /// left. Changes nothing.
    private func measure(
        _ options: CompactionOptions,
        control: any CompactionControl
    ) throws(LogError) -> CompactionResult {
        let largest = activeFacts?.largestTimestamp
        let snapshot = try readableSnapshot()
        var sources = zip(snapshot.sealed, try facts(of: snapshot)).map(Compaction.Source.init)
        let mark =
            snapshot.highWatermark.offset < snapshot.lastStable.offset
            ? snapshot.highWatermark : snapshot.lastStable
        if mark.segment == snapshot.active.baseOffset, mark.position > .zero {
            let facts = SegmentFacts(
                baseOffset: mark.segment,
                endOffset: mark.offset,
                size: mark.position.bytes,
                largestTimestamp: largest,
                firstTimestamp: nil
            )
            sources.append(Compaction.Source(segment: snapshot.active, facts: facts))
        }
        let bound = min(mark.offset, firstDamage?.segment ?? mark.offset)
        let survey = survey(sources.map(\.facts), in: snapshot, bound: bound)
        let compaction = Compaction(
            log: self,
            options: options,
            control: control,
            lastOffsets: lastOffsetsOfProducers()
        )
        return try run(compaction, survey, sources)
    }

    private func run(
        _ compaction: Compaction,
        _ survey: CompactionSurvey,
        _ sources: [Compaction.Source]
    ) throws(LogError) -> CompactionResult {
        var compaction = compaction
        let isTombstoneDue = survey.tombstonesExpire > .none && survey.tombstonesExpire <= environment.time.now
        guard survey.cleanableBytes > 0 || compaction.options.purgesTombstones || isTombstoneDue else {
            // Nobody should take the log for compacted when damage is all that keeps it from that.
            if let damage = firstDamage { throw .damaged(damage) }
            return compaction.result
        }
        // A pass copies everything below its end.
        if let damage = firstDamage, damage.segment < survey.firstDirty { throw .damaged(damage) }
        defer { environment.groupCommit?.noteChange() }
        do throws(LogError) {
            try compaction.run(survey, sources)
        } catch {
            // What was removed meanwhile, by retention or on demand, cannot be read, and need not be.
            guard !holds(compaction.pending) else { throw error }
            compaction.result.isOutdated = true
        }
        return compaction.result
    }

    /// Whether all of these belong to the log and may be read.
    private func holds(_ segments: [LogSegment]) -> Bool {
        let snapshot = snapshot.withLock { $0 }
        let present = Set((snapshot.sealed + [snapshot.active]).map(ObjectIdentifier.init))
        return segments.allSatisfy { present.contains(ObjectIdentifier($0)) }
    }

    private var firstDamage: QuarantinedRange? { quarantine.withLock { $0.firstDamage } }

    /// The last offset of each producer's last batch.
    func lastOffsetsOfProducers() -> [ProducerID: Offset] {
        writer.withLock { $0.producers.producers.compactMapValues { $0.batches.last?.lastOffset } }
    }

    /// Segments from here on are written, or something a reader is told lies in them, or they are damaged: what cannot
    /// be read is not copied, and what follows it may supersede what precedes it.
    private func compactionBound(of snapshot: LogSnapshot) -> Offset {
        let marks = [snapshot.highWatermark, snapshot.lastStable]
        let bound = marks.reduce(snapshot.active.baseOffset) { min($0, $1.segment, $1.offset) }
        // Nobody knows yet whether the records of a transaction count that is under way.
        let open = writer.withLock { $0.producers.producers.values.compactMap(\.transactionStart).min() }
        return min(bound, firstDamage?.segment ?? bound, open ?? bound)
    }

    private func survey(
        _ facts: [SegmentFacts],
        active: SegmentFacts? = nil,
        in snapshot: LogSnapshot,
        bound: Offset
    ) -> CompactionSurvey {
        let manifest = manifest.withLock { $0.manifest }
        return CompactionSurvey(
            facts,
            active: active,
            compactedTo: manifest.compactedTo,
            logStart: snapshot.offsets.logStart,
            bound: bound,
            tombstonesExpire: manifest.tombstonesExpire,
            config: config,
            now: environment.time.now
        )
    }

    private func facts(of snapshot: LogSnapshot) throws(LogError) -> [SegmentFacts] {
        let config = config
        let compactedTo = manifest.withLock { $0.manifest.compactedTo }
        var facts: [SegmentFacts] = []
        facts.reserveCapacity(snapshot.sealed.count)
        for (number, segment) in snapshot.sealed.enumerated() {
            let end = snapshot.endOffset(ofSegment: number)
            let isDirty = end > compactedTo
            let wasOpen = segment.openFile != nil
            let times = try storage { () throws(FileError) in
                // Each costs a look at the disk, and few topics need it.
                let needsLargest = isDirty && config.minCompactionLagMilliseconds > 0
                let needsFirst = isDirty && config.maxCompactionLagMilliseconds < .max
                return (
                    size: try segment.sealedSize(),
                    largest: needsLargest ? try segment.largest()?.timestamp : nil,
                    first: needsFirst ? try segment.firstTimestamp() : nil
                )
            }
            if !wasOpen { segment.releaseHandles() }
            facts.append(
                SegmentFacts(
                    baseOffset: segment.baseOffset,
                    endOffset: end,
                    size: times.size,
                    largestTimestamp: times.largest,
                    firstTimestamp: times.first
                )
            )
        }
        return facts
    }
}

extension LogSegment {
    /// The largest timestamp of the first batch; nil if there is none or it cannot be read.
    fileprivate func firstTimestamp() throws(FileError) -> Timestamp? {
        var bytes = [UInt8](repeating: 0, count: BatchHeader.length)
        let file = try file()
        let count = try bytes.withMutableBytes { buffer throws(FileError) in try file.read(into: buffer, at: .zero) }
        guard count == bytes.count else { return nil }
        return bytes.withBytes { bytes in
            do throws(BatchError) { return try BatchHeader(bytes).maxTimestamp } catch { return nil }
        }
    }
}
