import Model
import Records

extension PartitionLog {
    /// Ends the log's use: writes what makes the next opening quick and syncs it. What was read keeps its files open.
    /// Waits for the disk. A second call does nothing.
    ///
    /// With `syncs` false, the log is not durable before the caller has synced the file system and said so by
    /// ``declareDurable()``.
    package func close(syncs: Bool = true) throws(LogError) {
        let refusal = writer.withLock { writer in
            let refusal = writer.refusal
            if refusal == nil { writer.refusal = .closed(topicPartition) }
            return refusal
        }
        if case .closed = refusal { return }
        defer { retire() }
        if let refusal { throw refusal }
        try maintenance.withLock { () throws(LogError) in try finish(syncs: syncs) }
        if syncs, offsets.durable < offsets.logEnd || writer.withLock({ $0.isChanged }) { try flush() }
    }

    /// Notes that someone has synced everything that the log has written.
    package func declareDurable() {
        snapshot.withLock { $0.update(highWatermark: $0.end, lastStable: $0.end, durable: $0.offsets.logEnd) }
    }

    /// Ends the log's use without a last write: for one that is about to be deleted. Waits for a sync that is under way.
    package func abandon() {
        writer.withLock { $0.refusal = .closed(topicPartition) }
        maintenance.withLock { retire() }
    }

    private func finish(syncs: Bool) throws(LogError) {
        try writer.withLock { writer throws(LogError) in
            guard writer.isChanged else { return }
            writer.isDirectoryDirty = true
            try storage { () throws(FileError) in
                for segment in writer.unsynced { try trim(segment) }
                try writer.active.finishTimeIndex()
                try writer.active.discardPartialWrite(in: writer.active.segment.file())
                try writer.active.segment.finishIndexes()
                if syncs { try syncIndexes(of: writer.active.segment) }
                // Recovery relies on the indexes below a snapshot, except for short segments, which it reads from their start.
                let hasShortOnly = writer.active.size <= environment.fullScanBytes && writer.unsynced.isEmpty
                writer.notes.isAwaitingSync = !syncs && !(hasShortOnly && writer.begun.isEmpty)
                if !writer.notes.isAwaitingSync {
                    try writeProducerSnapshot(writer.producers, at: offsets.logEnd, synced: false)
                }
                if !syncs { try prepareEpochs(writer) }
            }
        }
    }

    /// Gives back the space that was reserved behind a segment's end, and makes its indexes complete.
    private func trim(_ segment: LogSegment) throws(FileError) {
        try segment.file().truncate(to: try segment.sealedSize())
        try segment.finishIndexes()
    }

    private func retire() {
        let snapshot = snapshot.withLock { snapshot in
            snapshot.isClosed = true
            return snapshot
        }
        for number in 0..<snapshot.segmentCount { snapshot.segment(number).releaseHandles() }
        notify { $0.logClosed() }
    }

    /// Makes a segment's indexes anew. If that fails, reading goes on without them.
    func rebuildIndex(of segment: LogSegment) {
        let interval = config.indexIntervalBytes
        maintenance.withLock {
            do throws(LogError) {
                let isActive = try writer.withLock { writer throws(LogError) in
                    guard writer.active.segment === segment else { return false }
                    try writer.active.rebuildIndexes(indexIntervalBytes: interval)
                    return true
                }
                if !isActive { _ = try segment.rebuildIndexes(size: nil, indexIntervalBytes: interval) }
            } catch {
                // The disk is full or failing. Whoever reads walks from the segment's start meanwhile.
            }
        }
    }

    /// Closes files and mappings until they are needed again. For whoever keeps the number of descriptors and mappings
    /// inside the process's limits.
    package func releaseHandles() {
        let snapshot = snapshot.withLock { $0 }
        for number in 0..<snapshot.segmentCount { snapshot.segment(number).releaseHandles() }
    }

    /// Forgets producers that have been silent for longer than the environment's expiration.
    package func removeExpiredProducers() {
        let now = environment.time.now
        writer.withLock { writer in
            writer.producers.removeExpired(
                now: now,
                expirationMilliseconds: environment.producerExpirationMilliseconds
            )
        }
    }
}
