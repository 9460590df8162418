import CommitLog
import Model
import TestSupport

/// Compaction, closing segments for it, and the scrubber in a simulation.
extension Simulation {
    /// What a cleaner's thread does: pass after pass as long as there are keys that did not fit, with other work meanwhile.
    func compact(_ partition: SimulatedPartition) throws {
        if has(.haltsInside), !isInterrupted, chance(20) {
            fileSystem.halt(at: fileSystem.operationCount + Int.random(in: 1...150, using: &generator))
        }
        var options = CompactionOptions()
        // Room for one key, for a few, for all.
        options.dedupeBufferBytes = [48, 120, 1 << 20].randomElement(using: &generator) ?? 48
        options.purgesTombstones = chance(5)
        for _ in 0..<Int.random(in: 1...4, using: &generator) {
            guard try makePass(partition, options) else { return }
        }
    }

    /// Returns whether another pass has to follow.
    private func makePass(_ partition: SimulatedPartition, _ options: CompactionOptions) throws -> Bool {
        guard let log = partition.log else { return false }
        let begin = time.now.milliseconds
        let deleteRetention = swarm.config.deleteRetentionMilliseconds
        var bound: Int64 = 0
        let isPrepared = try attempt("look how dirty \(partition.name) is") {
            _ = try log.compactionSurvey()
            // What is written takes no part, be it durable or not.
            bound = try log.segmentsToScrub(onlyNew: false).last?.rawValue ?? 0
        }
        guard isPrepared else { return false }
        partition.model.changeCompaction { compaction in
            compaction.noteAttempt(
                upTo: bound,
                from: begin,
                to: begin,
                deleteRetention: deleteRetention,
                purges: options.purgesTombstones
            )
        }
        let meanwhile = Meanwhile { [unowned self] in try goOn(partition) }
        var result = CompactionResult()
        try attempt("compact \(partition.name) up to \(bound)") {
            do {
                result = try log.compact(options, control: meanwhile)
            } catch LogError.closed where meanwhile.isOver {
                result.isOutdated = true
                note("the compaction is given up")
            }
        }
        if let failure = meanwhile.failure { throw failure }
        let reach = result.range
        try require(reach.upperBound <= max(bound, reach.lowerBound), "a compaction went to \(reach), beyond \(bound)")
        if !result.isOutdated {
            let start = partition.model.start
            partition.model.changeCompaction { $0.noteEnd(of: result.range.upperBound, from: start) }
        }
        return result.needsAnotherPass && !result.isOutdated
    }

    /// What others do while a compaction goes on; whether it is to go on.
    private func goOn(_ partition: SimulatedPartition) throws -> Bool {
        switch Int.random(in: 0..<100, using: &generator) {
        case ..<3: return false
        case ..<15: try append(to: partition)
        case ..<20: try commit()
        case ..<25: try read(partition)
        case ..<28 where has(.deletions): try deleteRecords(partition)
        case ..<31 where has(.retention): try applyRetention(partition)
        case ..<33 where has(.handleReleases): partition.log?.releaseHandles()
        default: break
        }
        return true
    }

    /// What is written can be compacted only once it is closed.
    func close(_ partition: SimulatedPartition) throws {
        try attempt("close \(partition.name)'s segment") { try partition.log?.rollIfAged(always: true) }
    }

    /// Nothing is ever found on a disk without damage.
    func scrub(_ partition: SimulatedPartition) throws {
        guard let log = partition.log else { return }
        try attempt("scrub \(partition.name)") {
            for base in try log.segmentsToScrub(onlyNew: chance(60)) {
                let found = try log.scrub(segment: base).found
                try require(found.isEmpty || mayFail, "\(partition.name): the scrubber takes for damaged: \(found)")
            }
        }
    }

    // MARK: Every operation of a compaction

    /// A short run to a compaction that stops at its operation `number`, and `end`. False if it has not so many.
    func runIntoCompaction(stoppingAt number: Int, _ end: End) throws -> Bool {
        try begin()
        isInterrupted = true
        guard let partition = partitions.first else { return false }
        for count in 0..<Self.appendsBeforeCompaction {
            try append(to: partition)
            if count % 7 == 6 { try close(partition) }
            if count == Self.appendsBeforeCompaction / 2 { try compact(partition) }
        }
        try close(partition)
        try partition.log?.flush()
        fileSystem.halt(at: fileSystem.operationCount + number)
        try compact(partition)
        let isStopped = fileSystem.isHalted
        try crash(end)
        try compact(partition)
        try finish()
        return isStopped
    }

    private static let appendsBeforeCompaction = 30
}

/// Lets a compaction run, or not, and others work meanwhile. Used by the simulation's one thread only.
private final class Meanwhile: CompactionControl, @unchecked Sendable {
    private let goesOn: () throws -> Bool
    private(set) var isOver = false
    /// What went wrong with the others.
    private(set) var failure: (any Error)?

    init(_ goesOn: @escaping () throws -> Bool) { self.goesOn = goesOn }

    func transferred(_ bytes: Int) throws(LogError) {
        do {
            if try goesOn() { return }
        } catch {
            failure = error
        }
        isOver = true
        throw .closed(TopicPartition("given-up", 0))
    }
}
