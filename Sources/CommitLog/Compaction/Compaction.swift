import Model
import Records

/// One pass over a log: takes in the keys of the dirty part, then copies every segment below it without what later
/// records supersede. Owned by one thread; holds no lock of the log while it reads and writes.
struct Compaction {
    /// A segment as the pass sees it, whatever is appended behind that.
    struct Source {
        let segment: LogSegment
        let facts: SegmentFacts
    }

    let log: PartitionLog
    let options: CompactionOptions
    let control: any CompactionControl
    /// The last offset of each producer's last batch that is sure to survive a power cut.
    let lastOffsets: [ProducerID: Offset]
    var result = CompactionResult()
    /// Read and written since `control` was told.
    private var untold = 0
    private var bytesRead = 0
    private var bytesToRead = 0
    /// What is still to be read.
    private(set) var pending: [LogSegment] = []
    /// When the last of the tombstones and markers that stay may go.
    private var tombstonesExpire = Timestamp.none
    /// What became of the transactions; nil as long as none was met.
    private var outcomes: TransactionOutcomes?
    var trail = TransactionTrail()

    /// After so many bytes the control is told: each time costs a lock and a look at the clock.
    private static let reportInterval = 256 << 10

    init(
        log: PartitionLog,
        options: CompactionOptions,
        control: any CompactionControl,
        lastOffsets: [ProducerID: Offset]
    ) {
        self.lastOffsets = lastOffsets
        self.log = log
        self.options = options
        self.control = control
    }

    /// Runs one pass, from the survey's first dirty offset as far as the keys fit.
    mutating func run(_ survey: CompactionSurvey, _ sources: [Source]) throws(LogError) {
        let start = survey.firstDirty
        var generator = SystemRandomNumberGenerator()
        let keys = try KeyMap(
            bytes: options.dedupeBufferBytes,
            expectedKeys: Int(clamping: survey.firstUncleanable - start),
            from: start,
            secret: KeyDigest.Secret(using: &generator)
        )
        let dirty = sources.filter { $0.facts.endOffset > start && $0.facts.endOffset <= survey.firstUncleanable }
        let all = sources.filter { $0.facts.baseOffset < survey.firstUncleanable }
        pending = all.map(\.segment)
        bytesToRead = (dirty + all).reduce(0) { $0 + $1.facts.size }
        let isHeldUp = try takeIn(keys, dirty, start: start)
        result.range = start.rawValue..<keys.end.rawValue
        result.keys = keys.count
        result.needsAnotherPass = keys.end < survey.firstUncleanable && !isHeldUp
        if isHeldUp, keys.end == start { return try tell() }
        let rules = CompactionRules(
            keys: keys,
            lastOffsets: lastOffsets,
            end: keys.end,
            now: log.environment.time.now,
            deleteRetentionMilliseconds: log.config.deleteRetentionMilliseconds,
            purgesTombstones: options.purgesTombstones
        )
        try copy(sources.filter { $0.facts.baseOffset < keys.end }, rules)
        try tell()
    }

    private mutating func copy(_ sources: [Source], _ rules: CompactionRules) throws(LogError) {
        var rest = sources[...]
        while !rest.isEmpty {
            pending = rest.map(\.segment)
            if options.isDryRun {
                try measure(&rest, rules)
            } else if try !replace(&rest, rules) {
                // Something was removed or cut meanwhile; what is to be done now is for another look.
                return result.isOutdated = true
            }
        }
    }

    /// Notes when something that stays may go.
    mutating func noteExpiry(_ time: Timestamp) { tombstonesExpire = max(tombstonesExpire, time) }

    /// Notes what was read and written.
    mutating func account(read: Int, written: Int = 0) throws(LogError) {
        bytesRead += read
        untold += read + written
        if untold >= Self.reportInterval { try tell() }
    }

    mutating func tell() throws(LogError) {
        control.progressed(to: min(bytesRead, bytesToRead), of: bytesToRead)
        if untold > 0 { try control.transferred(untold) }
        untold = 0
    }

    // MARK: The keys

    /// Returns whether a transaction that has no end yet stands in the way of more.
    private mutating func takeIn(_ keys: KeyMap, _ sources: [Source], start: Offset) throws(LogError) -> Bool {
        for source in sources {
            var isFull = false
            var walk = try SegmentWalk(source.segment, end: source.facts.size)
            while let header = try walk.next() {
                try account(read: header.totalLength)
                guard header.lastOffset >= start, CompactionRules.isCompacted(header) else { continue }
                if header.attributes.isTransactional, outcomes == nil {
                    outcomes = try settleTransactions(sources, from: start)
                }
                if let limit = outcomes?.firstUndecided, header.nextOffset > limit { return true }
                if outcomes?.isAborted(header) ?? false {
                    keys.pass(to: header.nextOffset)
                    continue
                }
                try walk.withBatch(limit: log.environment.maximumDecompressedBytes) { batch throws(BatchError) in
                    try batch.forEachRecord { record in
                        if record.offset < start || keys.note(record.key, at: record.offset) { return true }
                        isFull = true
                        return false
                    }
                }
                if isFull { return false }
                keys.pass(to: header.nextOffset)
            }
            keys.pass(to: source.facts.endOffset)
            try tell()
        }
        return false
    }

    // MARK: The copy

    /// Finds out what would be left of the first sources.
    private mutating func measure(_ rest: inout ArraySlice<Source>, _ rules: CompactionRules) throws(LogError) {
        var sink = MeasuringSink()
        result.segmentsBefore += try copyGroup(&rest, rules, to: &sink).count
        result.segmentsAfter += 1
    }

    /// Replaces the first sources by one segment.
    private mutating func replace(
        _ rest: inout ArraySlice<Source>,
        _ rules: CompactionRules
    ) throws(LogError) -> Bool {
        guard let first = rest.first else { return true }
        let generation = log.nextGeneration
        var writer = try CleanedSegmentWriter(
            first.facts.baseOffset,
            directory: log.directory,
            environment: log.environment,
            ending: ".\(generation)\(LogFileNames.cleaned)",
            indexIntervalBytes: log.config.indexIntervalBytes
        )
        do throws(LogError) {
            let group = try copyGroup(&rest, rules, to: &writer)
            let cleaned = try writer.finish()
            let end = CompactionEnd(offset: rules.end, tombstonesExpire: tombstonesExpire)
            let finishing = rest.isEmpty ? end : nil
            guard try log.replace(group, with: cleaned, generation: generation, finishing: finishing) else {
                writer.discard(unless: false)
                return false
            }
            result.segmentsBefore += group.count
            result.segmentsAfter += 1
        } catch {
            writer.discard(unless: log.mayHaveCommitted)
            throw error
        }
        return true
    }

    /// Copies what stays of as many sources as are sure to fit into one segment, and takes them off `rest`.
    private mutating func copyGroup(
        _ rest: inout ArraySlice<Source>,
        _ rules: CompactionRules,
        to sink: inout some BatchSink
    ) throws(LogError) -> [LogSegment] {
        var group: [LogSegment] = []
        let base = rest.first?.facts.baseOffset ?? .zero
        while let next = rest.first {
            let fits = CompactionGroups.takes(
                next.facts,
                after: group.count,
                from: base,
                size: sink.size,
                config: log.config
            )
            if !group.isEmpty, !fits { break }
            try copy(next, rules, to: &sink)
            group.append(next.segment)
            rest.removeFirst()
        }
        return group
    }

    private mutating func copy(
        _ source: Source,
        _ rules: CompactionRules,
        to sink: inout some BatchSink
    ) throws(LogError) {
        var walk = try SegmentWalk(source.segment, end: source.facts.size)
        while let header = try walk.next() {
            result.recordsBefore += Int(header.recordCount)
            result.bytesBefore += header.totalLength
            if planted(.dropLastBatchBeforeBoundary), header.nextOffset == source.facts.endOffset { continue }
            let before = sink.size
            let kept = try copy(header, &walk, rules, to: &sink)
            result.recordsAfter += kept
            result.bytesAfter += sink.size - before
            try account(read: header.totalLength, written: options.isDryRun ? 0 : sink.size - before)
        }
        try log.checkAgainstManifest(source.segment, checksum: walk.checksum)
        try tell()
    }

    /// Copies what stays of one batch; returns how many records that is.
    private mutating func copy(
        _ header: BatchHeader,
        _ walk: inout SegmentWalk,
        _ rules: CompactionRules,
        to sink: inout some BatchSink
    ) throws(LogError) -> Int {
        if header.attributes.isControl { return try copyMarker(header, &walk, rules, to: &sink) }
        trail.pass(header)
        guard header.baseOffset < rules.end else {
            try walk.verify()
            try walk.withBytes { bytes throws(LogError) in try sink.append(bytes, header) }
            return Int(header.recordCount)
        }
        let isAborted = outcomes?.isAborted(header) ?? false
        let keepsTombstones = rules.keepsTombstones(of: header)
        var kept = 0
        var hasTombstone = false
        let (outcome, empty) = try walk.withBatch(limit: log.environment.maximumDecompressedBytes) {
            batch throws(BatchError) in
            let outcome = try batch.rewritten(horizon: rules.horizon) { record in
                let stays = !isAborted && rules.keeps(record, keepsTombstones: keepsTombstones)
                if stays {
                    kept += 1
                    hasTombstone = hasTombstone || record.isTombstone
                }
                return stays
            }
            return (outcome, outcome == .empty && rules.keepsEmpty(header) ? batch.emptied() : nil)
        }
        if hasTombstone {
            let known = header.attributes.hasDeleteHorizon
            noteExpiry(known ? header.baseTimestamp : rules.horizon)
        }
        switch outcome {
        case .unchanged: try walk.withBytes { bytes throws(LogError) in try sink.append(bytes, header) }
        case .rewritten(let bytes): try sink.append(bytes)
        case .empty: if let empty { try sink.append(empty) }
        }
        return kept
    }
}
