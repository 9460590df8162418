import CoreMetrics
import Model
import NIOCore
import Synchronization

extension ConsumerCore.State {
    /// Whether nothing of a partition is to be handed out at the moment.
    func isHeld(_ partition: TopicPartition) -> Bool { suspended.contains(partition) || plan.isPaused(partition) }

    /// Whether there is nothing left to hand out, now or later.
    var isAtEnd: Bool { isStopped || (!awaitsAssignment && plan.isFinished) }
}

/// Partitions that come and go, and positions that the application moves.
extension ConsumerCore {
    /// Leaves the group, if there is one.
    func leave() async {
        let session = session.withLock { session in
            defer { session = nil }
            return session
        }
        await session?.close()
    }

    /// Whether some task waits for records.
    var isAwaited: Bool { state.withLock { !$0.readers.isEmpty } }

    /// What is to become of a chunk that a reader holds.
    enum Standing: Equatable {
        case current
        /// Its partition is paused.
        case paused
        /// Its partition is being given up.
        case suspended
        /// Its partition was given up or moved.
        case void
    }

    func standing(of chunk: FetchedChunk) -> Standing {
        state.withLock { state in
            guard state.plan.isCurrent(chunk.partition, chunk.epoch) else { return .void }
            if state.suspended.contains(chunk.partition) { return .suspended }
            return state.plan.isPaused(chunk.partition) ? .paused : .current
        }
    }

    /// Takes note that a batch is handed out.
    ///
    /// - Returns: Where to note how much of it is finished; nil if its partition was given up in this moment.
    func handOut(_ batch: [ConsumedRecord], of chunk: FetchedChunk) -> BatchMark? {
        guard let first = batch.first, let last = batch.last else { return nil }
        let mark = BatchMark(start: first.offset, end: last.offset + 1)
        return state.withLock { state in
            guard state.plan.isCurrent(chunk.partition, chunk.epoch), !state.isHeld(chunk.partition) else { return nil }
            state.progress[chunk.partition]?.handOut(mark, leaderEpoch: chunk.leaderEpoch)
            metrics.records.increment(by: Int64(batch.count))
            return mark
        }
    }

    /// Puts a chunk back that cannot be handed out at the moment.
    func putBack(_ chunk: FetchedChunk) {
        state.withLock { state in
            if state.plan.isCurrent(chunk.partition, chunk.epoch) { state.chunks.prepend(chunk) }
        }
    }

    // MARK: Coming and going

    /// The partitions that are being read.
    var partitions: Set<TopicPartition> { state.withLock { $0.plan.all } }

    /// Begins to read partitions.
    func add(_ positions: [TopicPartition: StartPositions.Found]) {
        wakeReaders { state in
            for (partition, found) in positions {
                state.plan.add(partition, position: found.start, end: found.end)
                state.progress[partition] = progress(at: found.start)
            }
            // A group's member that was given nothing is at an end only if it reads up to one.
            state.awaitsAssignment = state.plan.all.isEmpty && !configuration.stopsAtEnd
            return state.isAtEnd
        }
        wakeAll()
    }

    /// Hands out nothing more of partitions, which stay ours for the moment.
    func suspend(_ partitions: Set<TopicPartition>) {
        state.withLock { $0.suspended.formUnion(partitions) }
        changes.add(1, ordering: .relaxed)
    }

    /// Gives partitions up.
    func remove(_ partitions: Set<TopicPartition>) {
        state.withLock { state in
            for partition in partitions {
                state.plan.remove(partition)
                state.progress[partition] = nil
            }
            state.suspended.subtract(partitions)
            state.chunks.removeAll { partitions.contains($0.partition) }
            if configuration.group != nil, state.plan.all.isEmpty { state.awaitsAssignment = true }
        }
        metrics.forget(partitions)
        changes.add(1, ordering: .relaxed)
    }

    // MARK: Positions

    /// The offset of the next record to hand out; nil if the partition is not read.
    func position(of partition: TopicPartition) -> Int64? { state.withLock { $0.progress[partition]?.position } }

    /// Goes on elsewhere. False if the partition is not read.
    func seek(_ partition: TopicPartition, to position: Int64) -> Bool {
        let isRead = state.withLock { state in
            guard state.plan.all.contains(partition) else { return false }
            state.plan.seek(partition, to: position)
            state.progress[partition] = progress(at: position)
            state.chunks.removeAll { $0.partition == partition }
            return true
        }
        changes.add(1, ordering: .relaxed)
        wakeAll()
        return isRead
    }

    /// Stops, or resumes, handing out and fetching.
    func setPaused(_ partitions: [TopicPartition], _ isPaused: Bool) {
        wakeReaders { state in
            for partition in partitions { state.plan.setPaused(partition, isPaused) }
            return !isPaused
        }
        changes.add(1, ordering: .relaxed)
        wakeAll()
    }

    var paused: [TopicPartition] { state.withLock { state in state.plan.all.filter { state.plan.isPaused($0) } } }

    func progress(at position: Int64) -> PartitionProgress {
        PartitionProgress(position: position, followsBatches: configuration.group?.finishesWhenReadOn ?? false)
    }

    // MARK: Commits

    /// What is finished and not committed yet.
    ///
    /// - Parameter partitions: Only of these; nil for all.
    func uncommitted(_ partitions: Set<TopicPartition>? = nil) -> [TopicPartition: CommittedOffset] {
        state.withLock { state in
            var offsets: [TopicPartition: CommittedOffset] = [:]
            for partition in state.progress.keys where partitions?.contains(partition) ?? true {
                guard let finished = state.progress[partition]?.finished() else { continue }
                if finished == state.progress[partition]?.committed { continue }
                let epoch = state.progress[partition]?.leaderEpoch(before: finished)
                offsets[partition] = CommittedOffset(offset: finished, leaderEpoch: epoch)
            }
            return offsets
        }
    }

    func committed(_ offsets: [TopicPartition: CommittedOffset]) {
        state.withLock { state in
            for (partition, committed) in offsets { state.progress[partition]?.committed = committed.offset }
        }
    }

    /// Takes the application's word for what is finished. Partitions that are not read any more are left out.
    func finish(_ offsets: [TopicPartition: Int64]) {
        state.withLock { state in
            for (partition, offset) in offsets { state.progress[partition]?.finish(upTo: offset) }
        }
    }
}
