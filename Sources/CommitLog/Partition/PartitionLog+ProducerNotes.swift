import Model

/// Snapshots of the producers inside long segments, so that recovery need not look at all batches of one to know them.
extension PartitionLog {
    /// Writes a snapshot, durably, if enough was appended since the last one. The indexes are made durable before: where there
    /// is a snapshot, recovery relies on them up to its offset, and makes anew only what follows. Waits for the disk.
    func noteProducers() {
        let interval = environment.producerNoteBytes
        guard writer.withLock({ $0.active.size - $0.notes.sizeAtLast(in: $0.active.segment) >= interval }) else {
            return
        }
        maintenance.withLock {
            let due = writer.withLock { writer -> DueNote? in
                guard writer.refusal == nil else { return nil }
                let end = offsets.logEnd
                return writer.noteProducers(at: end, every: interval).map {
                    DueNote(producers: writer.producers, segment: writer.active.segment, end: end, old: $0)
                }
            }
            guard let due else { return }
            do throws(FileError) {
                try syncIndexes(of: due.segment)
                try writeProducerSnapshot(due.producers, at: due.end, synced: true)
                try environment.fileSystem.syncDirectory(directory)
                for offset in due.old {
                    let name = LogFileNames.name(offset, LogFileNames.snapshot)
                    try environment.fileSystem.remove("\(directory)/\(name)")
                }
            } catch {
                // For want of space or descriptors recovery takes longer, no more.
                if !error.isShortage { environment.groupCommit?.fail(error) }
            }
        }
    }

    /// Writes the snapshots that a stop has left out until the indexes below them are durable. Returns whether there were
    /// any.
    func writeAwaitingNote() throws(FileError) -> Bool {
        try maintenance.withLock { () throws(FileError) in
            let awaiting = writer.withLock { writer -> [SegmentStart]? in
                guard writer.notes.isAwaitingSync else { return nil }
                defer { writer.begun = [] }
                return writer.begun + [SegmentStart(offset: offsets.logEnd, producers: writer.producers)]
            }
            guard let awaiting else { return false }
            try writeSnapshots(of: awaiting, synced: false)
            writer.withLock { $0.notes.isAwaitingSync = false }
            return true
        }
    }

    /// Makes a segment's indexes durable, and their names. Called with `maintenance` held.
    func syncIndexes(of segment: LogSegment) throws(FileError) {
        try segment.syncIndexes()
        try environment.fileSystem.syncDirectory(directory)
    }
}

/// A snapshot that is about to be written. Immutable.
private struct DueNote {
    let producers: ProducerState
    let segment: LogSegment
    let end: Offset
    /// Those that are not needed any more after it.
    let old: [Offset]
}

/// Where snapshots of the producers lie inside the active segment.
struct ProducerNotes {
    /// The segment that it is about.
    var segment: Offset
    /// The segment's size at the last one.
    var size = 0
    /// Oldest first.
    var offsets: [Offset] = []
    /// Whether a stop has one to write, as soon as the indexes below it are durable.
    var isAwaitingSync = false

    func sizeAtLast(in active: LogSegment) -> Int { active.baseOffset == segment ? size : 0 }
}

extension LogWriter {
    /// Whether a snapshot is due, and which ones are not needed any more after it; nil if none is due.
    fileprivate mutating func noteProducers(at end: Offset, every bytes: Int) -> [Offset]? {
        let base = active.segment.baseOffset
        guard active.size - notes.sizeAtLast(in: active.segment) >= bytes else { return nil }
        var old: [Offset] = []
        if notes.segment != base {
            old = notes.offsets
            notes = ProducerNotes(segment: base)
        }
        notes.size = active.size
        // The last but one may be the last below the checkpoint.
        let kept = notes.offsets.suffix(1)
        old += notes.offsets.dropLast(kept.count)
        notes.offsets = kept + [end]
        return old.filter { $0 != base }
    }
}
