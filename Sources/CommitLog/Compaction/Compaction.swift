import Model
import Records

/// What a compaction may use, and what it is asked beyond the topic's configuration. Immutable.
package struct CompactionOptions: Sendable {
    /// Memory for the keys: `log.cleaner.dedupe.buffer.size`, shared by the cleaner's threads.
    package var dedupeBufferBytes = 128 << 20
    /// Whether tombstones go now, before `delete.retention.ms`.
    package var purgesTombstones = false

    package init() {}
}

/// Told how a compaction gets on; can slow it down or end it. Thread-safe.
package protocol CompactionControl: AnyObject, Sendable {
    /// So many bytes were read or written. May wait, to limit the rate; throws to end the compaction.
    func transferred(_ bytes: Int) throws(LogError)
}

/// What a compaction has done. Immutable.
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

    package init() {}
}

/// One pass over a log: takes in the keys of the dirty part, then copies every segment below it without what later
/// records supersede. Owned by one thread; holds no lock of the log while it reads and writes.
struct Compaction {
    let log: PartitionLog
    let options: CompactionOptions
    let control: any CompactionControl
    var result = CompactionResult()

    /// Runs one pass, from the survey's first dirty offset as far as the keys fit.
    mutating func run(_ survey: CompactionSurvey, _ segments: [LogSegment], _ facts: [SegmentFacts]) throws(LogError) {
        let start = survey.firstDirty
        var generator = SystemRandomNumberGenerator()
        let keys = try KeyMap(
            bytes: options.dedupeBufferBytes,
            expectedKeys: Int(clamping: survey.firstUncleanable - start),
            from: start,
            secret: KeyDigest.Secret(using: &generator)
        )
        try takeIn(keys, segments, facts, start: start, end: survey.firstUncleanable)
        result.range = start.rawValue..<keys.end.rawValue
        result.keys = keys.count
        result.needsAnotherPass = keys.end < survey.firstUncleanable
        let rules = CompactionRules(
            keys: keys,
            lastOffsets: log.lastOffsetsOfProducers(),
            end: keys.end,
            now: log.environment.time.now,
            deleteRetentionMilliseconds: log.config.deleteRetentionMilliseconds,
            purgesTombstones: options.purgesTombstones
        )
        let count = facts.prefix { $0.baseOffset < keys.end }.count
        let groups = CompactionGroups.groups(of: Array(facts.prefix(count)), config: log.config)
        for (number, group) in groups.enumerated() {
            let isLast = number == groups.count - 1
            let isDone = try replace(Array(segments[group]), rules, compactedTo: isLast ? keys.end : nil)
            // Something was removed or cut meanwhile; what is to be done now is for another look.
            guard isDone else { return result.needsAnotherPass = true }
        }
    }

    // MARK: The keys

    private func takeIn(
        _ keys: KeyMap,
        _ segments: [LogSegment],
        _ facts: [SegmentFacts],
        start: Offset,
        end: Offset
    ) throws(LogError) {
        for (segment, facts) in zip(segments, facts) where facts.endOffset > start && facts.endOffset <= end {
            var isFull = false
            var walk = try SegmentWalk(segment)
            while let header = try walk.next() {
                try control.transferred(header.totalLength)
                guard header.lastOffset >= start, CompactionRules.isCompacted(header) else { continue }
                try walk.withBatch(limit: log.environment.maximumDecompressedBytes) { batch throws(BatchError) in
                    try batch.forEachRecord { record in
                        if record.offset < start || keys.note(record.key, at: record.offset) { return true }
                        isFull = true
                        return false
                    }
                }
                if isFull { return }
                keys.pass(to: header.nextOffset)
            }
            keys.pass(to: facts.endOffset)
        }
    }

    // MARK: The copy

    private mutating func replace(
        _ sources: [LogSegment],
        _ rules: CompactionRules,
        compactedTo: Offset?
    ) throws(LogError) -> Bool {
        let generation = log.nextGeneration
        var writer = try CleanedSegmentWriter(
            sources[0].baseOffset,
            directory: log.directory,
            environment: log.environment,
            ending: ".\(generation)\(LogFileNames.cleaned)",
            indexIntervalBytes: log.config.indexIntervalBytes
        )
        do throws(LogError) {
            for source in sources { try copy(source, rules, to: &writer) }
            let cleaned = try writer.finish()
            guard try log.replace(sources, with: cleaned, generation: generation, compactedTo: compactedTo) else {
                writer.discard(unless: false)
                return false
            }
        } catch {
            writer.discard(unless: log.mayHaveCommitted)
            throw error
        }
        result.segmentsBefore += sources.count
        result.segmentsAfter += 1
        return true
    }

    private mutating func copy(
        _ source: LogSegment,
        _ rules: CompactionRules,
        to writer: inout CleanedSegmentWriter
    ) throws(LogError) {
        var walk = try SegmentWalk(source)
        while let header = try walk.next() {
            result.recordsBefore += Int(header.recordCount)
            result.bytesBefore += header.totalLength
            let before = writer.size
            let kept = try copy(header, &walk, rules, to: &writer)
            result.recordsAfter += kept
            result.bytesAfter += writer.size - before
            try control.transferred(header.totalLength + writer.size - before)
        }
        try log.checkAgainstManifest(source, checksum: walk.checksum)
    }

    /// Copies what stays of one batch; returns how many records that is.
    private func copy(
        _ header: BatchHeader,
        _ walk: inout SegmentWalk,
        _ rules: CompactionRules,
        to writer: inout CleanedSegmentWriter
    ) throws(LogError) -> Int {
        guard CompactionRules.isCompacted(header), header.baseOffset < rules.end else {
            try walk.verify()
            try walk.withBytes { bytes throws(LogError) in try writer.append(bytes, header) }
            return Int(header.recordCount)
        }
        let keepsTombstones = rules.keepsTombstones(of: header)
        var kept = 0
        let (outcome, empty) = try walk.withBatch(limit: log.environment.maximumDecompressedBytes) {
            batch throws(BatchError) in
            let outcome = try batch.rewritten(horizon: rules.horizon) { record in
                let stays = rules.keeps(record, keepsTombstones: keepsTombstones)
                if stays { kept += 1 }
                return stays
            }
            return (outcome, outcome == .empty && rules.keepsEmpty(header) ? batch.emptied() : nil)
        }
        switch outcome {
        case .unchanged: try walk.withBytes { bytes throws(LogError) in try writer.append(bytes, header) }
        case .rewritten(let bytes): try writer.append(bytes)
        case .empty: if let empty { try writer.append(empty) }
        }
        return kept
    }
}
