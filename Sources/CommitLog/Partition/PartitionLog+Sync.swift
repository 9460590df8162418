import Glibc
import Model

/// Making what was appended durable. Waits for the disk: never on an event loop.
extension PartitionLog {
    /// Makes everything appended so far durable, and visible to consumers.
    ///
    /// After a failure the kernel may have dropped what it could not write and claim success the next time: the log
    /// takes no more until it is opened, and looked through, again.
    package func flush() throws(LogError) { try sync(upTo: .logEnd) }

    /// Makes the segments that take no more durable, if they are not yet.
    package func flushFinishedSegments() throws(LogError) {
        if writer.withLock({ $0.unsynced.isEmpty }) { return }
        try sync(upTo: .finishedSegments)
    }

    private func sync(upTo extent: SyncWork.Extent) throws(LogError) {
        var isNews = false
        try maintenance.withLock { () throws(LogError) in
            try requireUse()
            let work = beginSync(extent)
            do throws(FileError) {
                try prepare(work)
                try completeEpochs()
                try sync(work)
            } catch {
                throw fail(work, error)
            }
            isNews = complete(work)
        }
        if isNews { notify { $0.highWatermarkAdvanced() } }
    }

    // MARK: As part of a group

    /// Makes everything durable that was appended so far, unless the log is closed or there is nothing to do.
    func commit() throws(LogError) {
        if isCommitted { return }
        do throws(LogError) {
            try sync(upTo: .logEnd)
        } catch {
            // Whose log was closed or deleted meanwhile need not care.
            if !isRetired { throw error }
        }
    }

    /// The first half of a commit that the caller finishes by syncing the whole file system and calling
    /// ``finishCommit(_:)``; nil if there is nothing to do.
    func beginCommit() throws(LogError) -> SyncWork? {
        if isCommitted { return nil }
        return try maintenance.withLock { () throws(LogError) -> SyncWork? in
            if isRetired { return nil }
            try requireUse()
            let work = beginSync(.logEnd)
            do throws(FileError) {
                try prepare(work)
                try prepareEpochs(writer.withLock { $0 })
            } catch {
                throw fail(work, error)
            }
            return work
        }
    }

    /// Says that the file system was synced since ``beginCommit()``.
    func finishCommit(_ work: SyncWork) {
        if maintenance.withLock({ complete(work) }) { notify { $0.highWatermarkAdvanced() } }
    }

    private var isCommitted: Bool {
        writer.withLock { writer in
            writer.flushUrgency = .none
            let offsets = self.offsets
            return offsets.durable == offsets.logEnd && writer.unsynced.isEmpty && !writer.isNew && !hasPreparedEpochs
        }
    }

    private var isRetired: Bool { snapshot.withLock { $0.isClosed } }

    /// Throws if nothing may be synced any more: once the log is closed its files' names may be those of another one, and
    /// after a failure nobody knows any more what was left out.
    private func requireUse() throws(LogError) {
        if isRetired { throw .closed(topicPartition) }
        if let refusal = writer.withLock({ $0.refusal }), case .failed = refusal { throw refusal }
    }

    // MARK: Steps, each with `maintenance` held

    private func beginSync(_ extent: SyncWork.Extent) -> SyncWork {
        writer.withLock { writer in SyncWork(&writer, extent, end: snapshot.withLock { $0.end }) }
    }

    /// Brings the files of finished segments into their last form: gives back the space that was reserved behind a
    /// segment's end, and completes its indexes. An index that does not fit on a full disk is left to the next time.
    private func prepare(_ work: SyncWork) throws(FileError) {
        for segment in work.finished {
            try segment.file().truncate(to: try segment.sealedSize())
            do throws(FileError) {
                try segment.finishIndexes()
            } catch {
                guard error.isShortage else { throw error }
                writer.withLock { $0.unsynced.insert(segment, at: 0) }
            }
        }
    }

    private func sync(_ work: SyncWork) throws(FileError) {
        let fileSystem = environment.fileSystem
        for segment in work.finished {
            try segment.sync()
            try segment.syncIndexes()
        }
        // Without these, all batches of the segment before would have to be asked for the producers.
        try writeSnapshots(of: work.begun, synced: true)
        if let active = work.active { try active.sync() }
        if work.isNew {
            for name in [LogFileNames.partitionMetadata, LogFileNames.leaderEpochs] {
                try fileSystem.open("\(directory)/\(name)", .existing).sync()
            }
        }
        if work.isDirectoryDirty { try fileSystem.syncDirectory(directory) }
        if work.isNew { try fileSystem.syncDirectory(LogLoader.parent(of: directory)) }
    }

    /// Writes the snapshots of the producers that belong to the beginnings of segments. One that does not fit on a full disk
    /// is left to the next time.
    func writeSnapshots(of begun: [SegmentStart], synced: Bool) throws(FileError) {
        for start in begun {
            do throws(FileError) {
                try writeProducerSnapshot(start.producers, at: start.offset, synced: synced)
            } catch {
                guard error.isShortage else { throw error }
                writer.withLock { $0.begun.append(start) }
            }
        }
    }

    /// Takes note of a sync that failed. If it was only for want of descriptors, memory or space, before anything was
    /// synced, it may be tried again; else the log is out of use.
    private func fail(_ work: SyncWork, _ error: FileError) -> LogError {
        writer.withLock { writer in
            if error.isShortage {
                work.putBack(into: &writer)
            } else {
                writer.refusal = writer.refusal ?? .failed(topicPartition, error)
            }
        }
        return .storage(error)
    }

    /// Returns whether someone may have waited for that.
    private func complete(_ work: SyncWork) -> Bool {
        let config = config
        for segment in work.finished { segment.noteSynced(upTo: .max) }
        work.active?.noteSynced(upTo: work.end.position.bytes)
        // Afterwards: the checkpoint is to find what is new.
        defer { environment.groupCommit?.noteChange() }
        let history = writer.withLock { $0.history }
        // What was cut off meanwhile is not to be declared durable, nor is what has taken its place.
        guard history == work.history else { return false }
        return snapshot.withLock { snapshot in
            if work.end.offset > snapshot.offsets.durable { snapshot.update(durable: work.end.offset) }
            let isVisible = config.durability == .fsync && work.end.offset > snapshot.highWatermark.offset
            if isVisible { snapshot.update(highWatermark: work.end, lastStable: work.end) }
            return isVisible || config.flushMessages < .max || config.flushMilliseconds < .max
        }
    }

}

/// What a sync has to cover. Immutable.
struct SyncWork {
    enum Extent {
        case finishedSegments
        case logEnd
    }

    let finished: [LogSegment]
    /// Those that have followed the finished ones.
    let begun: [SegmentStart]
    let active: LogSegment?
    let isDirectoryDirty: Bool
    let isNew: Bool
    /// Everything below is durable afterwards.
    let end: LogMark
    /// How often the log had been cut.
    let history: Int

    init(_ writer: inout LogWriter, _ extent: Extent, end: LogMark) {
        finished = writer.unsynced
        begun = writer.begun
        isDirectoryDirty = writer.isDirectoryDirty
        writer.unsynced = []
        writer.begun = []
        writer.isDirectoryDirty = false
        isNew = writer.isNew
        writer.isNew = false
        history = writer.history
        switch extent {
        case .finishedSegments:
            let base = writer.active.segment.baseOffset
            active = nil
            self.end = LogMark(offset: base, segment: base, position: .zero)
        case .logEnd:
            active = writer.active.segment
            self.end = end
        }
    }

    func putBack(into writer: inout LogWriter) {
        let present = writer.unsynced
        writer.unsynced = finished.filter { segment in !present.contains { $0 === segment } } + present
        writer.begun = begun.filter { start in !writer.begun.contains { $0.offset == start.offset } } + writer.begun
        writer.isDirectoryDirty = writer.isDirectoryDirty || isDirectoryDirty
        writer.isNew = writer.isNew || isNew
    }
}

extension FileError {
    /// Whether there is no room on the disk, or none for us.
    var isFullDisk: Bool { code == ENOSPC || code == EDQUOT }

    /// Whether something was missing that may be there again later: space, memory, descriptors. A sync that failed is
    /// never that, for the kernel may have dropped what it could not write.
    var isShortage: Bool {
        if operation.hasPrefix("sync") { return false }
        if planted(.descriptorShortageIsDiskFailure), isShortageOfFiles { return false }
        return [ENOSPC, EDQUOT, EMFILE, ENFILE, ENOMEM].contains(code)
    }
}
