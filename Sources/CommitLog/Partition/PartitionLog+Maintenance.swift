import Model
import Records

extension PartitionLog {
    /// Makes everything appended so far durable. Waits for the disk: never on an event loop.
    ///
    /// After a failure the kernel may have dropped what it could not write and claim success the next time: the log
    /// takes no more until it is opened, and looked through, again.
    package func flush() throws(LogError) {
        try maintenance.withLock { () throws(LogError) in
            let work = writer.withLock { writer in SyncWork(&writer, end: offsets.logEnd) }
            do throws(FileError) {
                try sync(work)
            } catch {
                writer.withLock { $0.refusal = $0.refusal ?? .failed(topicPartition, error) }
                throw .storage(error)
            }
            snapshot.withLock { $0.update(durable: max($0.offsets.durable, work.end)) }
        }
    }

    private func sync(_ work: SyncWork) throws(FileError) {
        for segment in work.finished {
            let file = try segment.file()
            // Gives back the space that was reserved behind the end.
            try file.truncate(to: try segment.sealedSize())
            try file.sync()
            try sealIndexes(of: segment)
        }
        try work.active.file().sync()
        if work.isDirectoryDirty { try environment.fileSystem.syncDirectory(directory) }
    }

    private func sealIndexes(of segment: LogSegment) throws(FileError) {
        for index in [segment.offsetIndex.file, segment.timeIndex.file] {
            try index.trim()
            try index.sync()
        }
    }

    /// Ends the log's use: syncs it and writes what makes the next opening quick. What was read keeps its files open.
    /// Waits for the disk. A second call does nothing.
    package func close() throws(LogError) {
        let wasOpen = writer.withLock { writer in
            if case .closed = writer.refusal { return false }
            if writer.refusal == nil { writer.refusal = .closed(topicPartition) }
            return true
        }
        guard wasOpen else { return }
        defer { retire() }
        let refusal = writer.withLock { $0.refusal }
        if case .failed = refusal, let refusal { throw refusal }
        try maintenance.withLock { () throws(LogError) in try finish() }
        try flush()
    }

    /// Ends the log's use without a last write: for one that is about to be deleted.
    package func abandon() {
        writer.withLock { $0.refusal = .closed(topicPartition) }
        retire()
    }

    private func finish() throws(LogError) {
        try writer.withLock { writer throws(LogError) in
            try storage { () throws(FileError) in
                try writer.active.finishTimeIndex()
                try writer.active.discardPartialWrite()
                try sealIndexes(of: writer.active.segment)
                let end = offsets.logEnd
                if end > writer.active.segment.baseOffset || !writer.producers.producers.isEmpty {
                    try writeProducerSnapshot(writer.producers, at: end, synced: true)
                }
            }
            writer.isDirectoryDirty = true
        }
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

    /// Closes files and mappings of segments that take no more, until they are read again.
    package func releaseIdleHandles() {
        for segment in snapshot.withLock({ $0.sealed }) { segment.releaseHandles() }
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

/// What a sync has to cover. Immutable.
private struct SyncWork {
    let finished: [LogSegment]
    let active: LogSegment
    let isDirectoryDirty: Bool
    let end: Offset

    init(_ writer: inout LogWriter, end: Offset) {
        finished = writer.unsynced
        active = writer.active.segment
        isDirectoryDirty = writer.isDirectoryDirty
        self.end = end
        writer.unsynced = []
        writer.isDirectoryDirty = false
    }
}
