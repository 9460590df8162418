import CommitLog
import Model

/// What a partition has to hold: a list of batches and what was promised of them. A value.
struct PartitionModel {
    /// A batch in its place.
    struct Placed {
        let base: Int64
        let batch: SentBatch

        var end: Int64 { batch.end(from: base) }
    }

    /// In order, from ``savedStart`` on: what lies below ``start`` may come back with a crash.
    private(set) var batches: [Placed] = []
    /// Batches whose append failed or was interrupted, each with the offset it would have got: a crash may show them.
    private(set) var doubtful: [Placed] = []
    private(set) var start: Int64 = 0
    /// How far a removal that was interrupted may have moved the start.
    private(set) var attemptedStart: Int64 = 0
    /// The start that is on record, durably.
    private(set) var savedStart: Int64 = 0
    private(set) var end: Int64 = 0
    /// Everything below was declared durable, or was seen by consumers.
    private(set) var survives: Int64 = 0
    private(set) var epoch: Int32 = -1
    /// What is left out of `batches` in the log.
    private(set) var compaction = CompactionModel()

    // MARK: What happens

    mutating func append(_ batch: SentBatch) {
        let placed = Placed(base: end, batch: batch)
        batch.base = end
        batches.append(placed)
        compaction.append(placed)
        end = placed.end
    }

    mutating func noteFailure(of batch: SentBatch) { doubtful.append(Placed(base: end, batch: batch)) }

    mutating func removeRecords(below offset: Int64) {
        start = max(start, offset)
        attemptedStart = max(attemptedStart, start)
    }

    /// A removal up to there was interrupted: it may have happened.
    mutating func noteAttempt(toRemoveBelow offset: Int64) { attemptedStart = max(attemptedStart, offset) }

    mutating func noteSavedStart() {
        savedStart = start
        batches.removeAll { $0.end <= savedStart }
    }

    /// The log was closed in order.
    mutating func noteCleanStop() {
        survives = end
        noteSavedStart()
    }

    mutating func changeCompaction(_ change: (inout CompactionModel) -> Void) { change(&compaction) }

    // MARK: While the log is open

    /// Compares the log's offsets with what they should be, and holds the log to what they promise.
    mutating func check(_ offsets: LogOffsets, durability: Durability) throws(Violation) {
        try require(offsets.logEnd.rawValue == end, "the log ends at \(offsets.logEnd), not at \(end)")
        try require(offsets.logStart.rawValue == start, "the log starts at \(offsets.logStart), not at \(start)")
        try require(
            offsets.durable.rawValue >= survives || survives > end,
            "the durable offset went back from \(survives) to \(offsets.durable)"
        )
        switch durability {
        case .fsync:
            try require(
                offsets.highWatermark <= offsets.durable,
                "consumers see up to \(offsets.highWatermark), durable is \(offsets.durable)"
            )
        case .pageCache:
            try require(offsets.highWatermark == offsets.logEnd, "consumers see only up to \(offsets.highWatermark)")
        }
        survives = max(survives, offsets.durable.rawValue)
    }

    /// Checks batches that were read from `offset` on.
    func check(_ found: [ReadBatch], from offset: Int64, upTo limit: Int64) throws(Violation) {
        var rest = batches[(batches.firstIndex { $0.end > offset } ?? batches.count)...]
        for batch in found {
            rest = rest.drop { $0.end <= batch.base && compaction.mayBeGone($0) }
            guard let expected = rest.popFirst() else {
                throw Violation("a batch at \(batch.base) was read, there should be none")
            }
            try batch.compare(with: expected, compaction)
            try require(batch.end <= limit, "a batch up to \(batch.end) was read, only \(limit) may be seen")
        }
        if found.isEmpty { try require(offset >= limit, "nothing was read at \(offset), though \(limit) may be seen") }
    }

    /// Checks what a search has found for the first record, below `limit`, that is not older than `target`.
    func check(_ found: (offset: Int64, timestamp: Int64)?, notBefore target: Int64, below limit: Int64)
        throws(Violation)
    {
        for placed in batches where placed.end > start {
            for (number, record) in placed.batch.records.enumerated() where record.timestamp >= target {
                let offset = placed.base + Int64(number)
                guard offset >= start else { continue }
                if offset >= limit { return try require(found == nil, "\(found?.offset ?? -1) is not visible") }
                if let found, found.offset == offset, found.timestamp == record.timestamp { return }
                let isLeftOut = compaction.mayBeGone(offset)
                try require(isLeftOut, "the first is at \(offset), not at \(found?.offset ?? -1)")
            }
        }
        try require(found == nil, "there is none, and \(found?.offset ?? -1) was found")
    }

    // MARK: After a crash

    /// Takes over what was found after a start, having checked that it is what must be there: everything below
    /// `survivingEnd`, and of what follows a first part. `hasBeenKept`: the log was there before.
    mutating func takeOver(
        _ found: [ReadBatch],
        _ offsets: LogOffsets,
        survivingEnd: Int64,
        wasClean: Bool,
        hasBeenKept: Bool
    ) throws(Violation) {
        let (logStart, logEnd) = (offsets.logStart.rawValue, offsets.logEnd.rawValue)
        // Of what was never synced, the first files may be gone as well as the last.
        let lowest = survivingEnd < savedStart ? min(savedStart, logEnd) : savedStart
        try require(
            logStart >= lowest && (logStart <= attemptedStart || survivingEnd <= start),
            "the log starts at \(logStart), not between \(savedStart) and \(attemptedStart)"
        )
        let kept = try identify(found, from: logStart)
        let needed = max(survivingEnd, logStart)
        try require(logEnd >= needed, "records from \(logEnd) on are lost, everything below \(needed) had to be there")
        if let last = found.last {
            try require(logEnd == last.end, "the log ends at \(logEnd), its last batch at \(last.end)")
        }
        let newEpoch = offsets.leaderEpoch.rawValue
        if hasBeenKept {
            // Who has seen what is lost must be able to notice.
            try require(
                wasClean ? newEpoch >= epoch : newEpoch > epoch,
                "the leader epoch is \(newEpoch) after a \(wasClean ? "stop" : "crash"), as it was \(epoch) before"
            )
        }
        for placed in kept { placed.batch.base = placed.base }
        batches = kept
        // A failed append that was cut off in the page cache only may still be back after a power cut that comes later, as
        // long as nothing else is durable in its place.
        doubtful.removeAll { $0.base < offsets.durable.rawValue }
        (start, attemptedStart, end, survives) = (logStart, logStart, logEnd, offsets.durable.rawValue)
        savedStart = min(savedStart, start)
        epoch = newEpoch
        compaction.rebuild(kept, end: end)
    }

    /// Whether a batch that was in the log is not there any more, be it behind the end or with another in its place.
    func hasLost(_ batch: SentBatch) -> Bool {
        guard let base = batch.base, base < end else { return true }
        guard let first = batches.first, base >= first.base else { return false }
        return !batches.contains { $0.batch === batch }
    }

    /// Which batches these are; there is one after the other from the log's start on, but for what compaction leaves out.
    /// That is among the result.
    private func identify(_ found: [ReadBatch], from logStart: Int64) throws(Violation) -> [Placed] {
        var expected = batches.filter { $0.end > logStart }[...]
        var next = expected.first?.base ?? logStart
        var kept: [Placed] = []
        for batch in found {
            expected = expected.drop { $0.base < next }
            while next < batch.base, let gone = expected.first, gone.base == next, compaction.mayBeGone(gone) {
                kept.append(gone)
                next = gone.end
                expected.removeFirst()
            }
            try require(batch.base == next, "after \(next) the log goes on at \(batch.base)")
            expected = expected.drop { $0.base < batch.base }
            kept.append(try identify(batch, expected.first))
            next = batch.end
        }
        return kept
    }

    /// Which batch that is: the one that belongs there, or one whose append was interrupted.
    private func identify(_ batch: ReadBatch, _ expected: Placed?) throws(Violation) -> Placed {
        let candidates = doubtful.filter { $0.base == batch.base }
        if let expected, expected.base == batch.base, batch.matches(expected, compaction) { return expected }
        if let known = candidates.first(where: { batch.matches($0, compaction) }) { return known }
        guard let expected else { throw Violation("nobody has sent the batch at \(batch.base)") }
        try batch.compare(with: expected, compaction)
        return expected
    }
}
