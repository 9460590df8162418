/// Which records compactions may have removed so far, and which they must have. A value, part of a partition's model.
///
/// What a compaction that was interrupted has done nobody knows: it may have gone as far as it meant to. Below what one has
/// gone through to its end, only the last record of each key is left, for good.
struct CompactionModel {
    /// By offset, that of the next record of the same key.
    private var successors: [Int64: Int64] = [:]
    private var lastOffsets: [String: Int64] = [:]
    private var tombstones: [Int64: Tombstone] = [:]
    /// Compactions may have gone up to here.
    private(set) var mayReach: Int64 = 0
    /// One has certainly gone up to here, from where the log began at the time.
    private(set) var reaches: Int64 = 0
    private var began: Int64 = 0

    private struct Tombstone {
        /// When a compaction has met it first, from which `delete.retention.ms` counts.
        var metAt: Int64?
        var mayBeGone = false
    }

    mutating func append(_ batch: PartitionModel.Placed) {
        for (number, record) in batch.batch.records.enumerated() {
            guard let key = record.key else { continue }
            let offset = batch.base + Int64(number)
            if let last = lastOffsets.updateValue(offset, forKey: key) { successors[last] = offset }
            if record.value == nil, tombstones[offset] == nil { tombstones[offset] = Tombstone() }
        }
    }

    /// What is left of the log after a crash.
    mutating func rebuild(_ batches: [PartitionModel.Placed], end: Int64) {
        successors = [:]
        lastOffsets = [:]
        tombstones = tombstones.filter { $0.key < end }
        mayReach = min(mayReach, end)
        reaches = min(reaches, end)
        for batch in batches { append(batch) }
    }

    // MARK: What happens

    /// A pass may go, or may have gone, up to `end`, at some time between `begin` and `now`.
    mutating func noteAttempt(upTo end: Int64, from begin: Int64, to now: Int64, deleteRetention: Int64, purges: Bool) {
        mayReach = max(mayReach, end)
        for (offset, tombstone) in tombstones where offset < end {
            var met = tombstone
            if let metAt = tombstone.metAt, now >= metAt + deleteRetention { met.mayBeGone = true }
            met.metAt = tombstone.metAt ?? begin
            if purges { met.mayBeGone = true }
            tombstones[offset] = met
        }
    }

    /// A pass has gone through to its end, of a log that began at `start`.
    mutating func noteEnd(of end: Int64, from start: Int64) {
        reaches = max(reaches, end)
        began = max(began, start)
    }

    // MARK: What follows

    func mayBeGone(_ offset: Int64) -> Bool {
        if let next = successors[offset], next < mayReach { return true }
        return tombstones[offset]?.mayBeGone ?? false
    }

    func mayBeGone(_ batch: PartitionModel.Placed) -> Bool {
        (batch.base..<batch.end).allSatisfy { mayBeGone($0) }
    }

    /// Once gone, it may not come back.
    func mustBeGone(_ offset: Int64) -> Bool {
        // What had been removed, and is back since nobody had noted where the log began, was not looked at.
        if let next = successors[offset] { return next < reaches && offset >= began }
        return false
    }
}
