import Synchronization

/// How far into a batch the application has come. Shared by the task that reads the batch, which only moves it forward,
/// and by whoever commits; atomic.
final class BatchMark: Sendable {
    /// The offset behind the batch.
    let end: Int64
    private let reached: Atomic<Int64>

    /// - Parameter start: The offset of the first record that is handed out.
    init(start: Int64, end: Int64) {
        self.end = end
        reached = Atomic(start)
    }

    /// All before this offset is finished.
    var position: Int64 { reached.load(ordering: .relaxed) }

    var isFinished: Bool { position >= end }

    /// Takes note that all before an offset is finished.
    func finish(upTo offset: Int64) { reached.store(offset, ordering: .relaxed) }
}

/// How far a partition was handed out, and up to where all of that is finished. A value; the consumer's core guards it.
///
/// Several tasks may work on batches of one partition at once and finish in any order: only what is finished without a
/// gap counts.
struct PartitionProgress {
    /// The offset to hand out next.
    private(set) var position: Int64
    /// All before it is finished.
    private var finishedUpTo: Int64
    /// What was committed last, or where reading began.
    var committed: Int64
    /// Batches that were handed out, in order, without those finished before all others.
    private var open: [BatchMark] = []
    /// Where records of another leader epoch began, from what is finished on. One entry, but after a change of leaders.
    private var epochs: [(start: Int64, epoch: Int32?)] = []
    private let followsBatches: Bool

    /// - Parameter followsBatches: Whether batches tell what is finished; else only ``finish(upTo:)`` does.
    init(position: Int64, followsBatches: Bool) {
        self.position = position
        self.followsBatches = followsBatches
        finishedUpTo = position
        // Where reading begins, nothing is finished that somebody would have to know of.
        committed = position
    }

    /// Takes note of a batch that is handed out.
    mutating func handOut(_ mark: BatchMark, leaderEpoch: Int32? = nil) {
        let start = mark.position
        position = max(position, mark.end)
        if followsBatches { open.append(mark) }
        if start < mark.end, epochs.isEmpty || epochs.last?.epoch != leaderEpoch { epochs.append((start, leaderEpoch)) }
    }

    /// The leader epoch of the last record handed out before an offset; nil if that is not known. Offsets before it are not
    /// asked for any more.
    mutating func leaderEpoch(before offset: Int64) -> Int32? {
        guard let last = epochs.lastIndex(where: { $0.start < offset }) else { return nil }
        epochs.removeFirst(last)
        return epochs.first?.epoch
    }

    /// Passes offsets in which nothing is to be handed out.
    mutating func pass(upTo offset: Int64) {
        guard offset > position else { return }
        handOut(BatchMark(start: offset, end: offset))
    }

    /// All before it is finished, whatever was said before.
    mutating func finish(upTo offset: Int64) {
        open = []
        finishedUpTo = offset
    }

    /// The offset to commit: all before it is finished.
    mutating func finished() -> Int64 {
        let done = open.prefix(while: \.isFinished)
        if let last = done.last {
            finishedUpTo = last.end
            open.removeFirst(done.count)
        }
        if let next = open.first { return max(finishedUpTo, min(next.position, next.end)) }
        return finishedUpTo
    }
}
