package import Model
import Records

/// Removing records from either end. Removes files: never on an event loop.
extension PartitionLog {
    /// Moves the log's start up to `offset` and removes what lies wholly below it (DeleteRecords). Returns the log's
    /// start.
    package func deleteRecords(before offset: Offset) throws(LogError) -> Offset {
        try tellingOfBounds { () throws(LogError) in
            let offsets = try readableSnapshot().offsets
            guard offset >= .zero, offset <= offsets.lastStable else {
                throw .outOfRange(offset, start: offsets.logStart, end: offsets.lastStable)
            }
            if offset <= offsets.logStart { return offsets.logStart }
            return try advanceStart(to: offset)
        }
    }

    /// Removes whole segments whose records all lie below `offset`, for retention: the one that is written too, if it
    /// is not empty. Returns the log's start.
    package func deleteSegments(upTo offset: Offset) throws(LogError) -> Offset {
        try tellingOfBounds { () throws(LogError) in
            var snapshot = try readableSnapshot()
            let bound = min(offset, snapshot.offsets.lastStable)
            if bound == snapshot.offsets.logEnd, snapshot.end.position > .zero {
                try writer.withLock { writer throws(LogError) in
                    if let refusal = writer.refusal { throw refusal }
                    // An append may have come in between; then there is nothing to roll for.
                    if offsets.logEnd == bound { try roll(&writer, at: bound, config: config) }
                }
                snapshot = try readableSnapshot()
            }
            var start = snapshot.offsets.logStart
            for number in 0..<snapshot.sealed.count where snapshot.endOffset(ofSegment: number) <= bound {
                start = max(start, snapshot.endOffset(ofSegment: number))
            }
            // After a power cut files may be back that were removed before.
            let hasLeftovers = !snapshot.sealed.isEmpty && snapshot.endOffset(ofSegment: 0) <= start
            return start > snapshot.offsets.logStart || hasLeftovers ? try advanceStart(to: start) : start
        }
    }

    /// Runs `change` with `maintenance` held, and tells observers if bounds have moved, whether or not it has failed then.
    private func tellingOfBounds<Result>(_ change: () throws(LogError) -> Result) throws(LogError) -> Result {
        let before = offsets
        defer {
            let after = offsets
            if after.logStart != before.logStart || after.logEnd < before.logEnd { notify { $0.boundsMoved() } }
        }
        return try maintenance.withLock(change)
    }

    /// Called with `maintenance` held.
    private func advanceStart(to start: Offset) throws(LogError) -> Offset {
        try forgetInManifest(below: start)
        // What goes must have the name by which it is removed, also after a crash.
        try finishReplacement()
        let (removed, epochs) = writer.withLock { writer in
            let removed = snapshot.withLock { snapshot in
                snapshot.update(logStart: start)
                let count = (0..<snapshot.sealed.count).prefix { snapshot.endOffset(ofSegment: $0) <= start }.count
                let removed = Array(snapshot.sealed.prefix(count))
                snapshot.sealed.removeFirst(count)
                return removed
            }
            writer.unsynced.removeAll { segment in removed.contains { $0 === segment } }
            writer.begun.removeAll { start in removed.contains { $0.baseOffset == start.offset } }
            writer.epochs.truncate(toStart: start)
            return (removed, writer.epochs)
        }
        try save(epochs)
        try remove(removed)
        try forgetDamage { $0.truncate(toStart: start) }
        return start
    }

    private func save(_ epochs: LeaderEpochs) throws(LogError) {
        try storage { () throws(FileError) in
            try epochs.save(in: directory, environment.fileSystem, synced: true)
        }
        epochFile.withLock { $0 = .current }
    }

    /// Begins a leader epoch at the log's end: a new leader has been chosen. Durable when it returns; appends wait.
    package func beginLeaderEpoch(_ epoch: LeaderEpoch) throws(LogError) {
        defer { notify { $0.boundsMoved() } }
        try writer.withLock { writer throws(LogError) in
            if let refusal = writer.refusal { throw refusal }
            guard epoch >= writer.epochs.latest else {
                throw .staleLeaderEpoch(epoch, current: writer.epochs.latest)
            }
            var epochs = writer.epochs
            guard epochs.assign(epoch, at: offsets.logEnd) else { return }
            try save(epochs)
            writer.epochs = epochs
            snapshot.withLock { $0.update(leaderEpoch: epoch) }
        }
    }

    /// Removes all batches that hold `offset` or later ones: a new leader's history is another one (KIP-101). Returns
    /// the log's end.
    ///
    /// The cut segment is written anew under the same name and not shortened, since readers may still send it (I7).
    package func truncate(to offset: Offset) throws(LogError) -> Offset {
        try tellingOfBounds { () throws(LogError) in
            try truncateManifest(to: offset)
            let end = try writer.withLock { writer throws(LogError) in
                if let refusal = writer.refusal { throw refusal }
                let old = try readableSnapshot()
                guard offset < old.offsets.logEnd else { return old.offsets.logEnd }
                guard offset >= old.offsets.logStart else {
                    throw .outOfRange(offset, start: old.offsets.logStart, end: old.offsets.logEnd)
                }
                do throws(LogError) {
                    return try cut(old, at: offset, &writer)
                } catch {
                    // Memory and disk may disagree now.
                    if case .storage(let reason) = error { writer.refusal = .failed(topicPartition, reason) }
                    throw error
                }
            }
            try forgetDamage { $0.truncate(toEnd: end) }
            return end
        }
    }

    private func cut(_ old: LogSnapshot, at offset: Offset, _ writer: inout LogWriter) throws(LogError) -> Offset {
        let number = old.segmentNumber(containing: offset)
        let place = try place(of: offset, number, in: old)
        // If the log's start lies inside the first batch to go, nothing is left: the log goes on, empty, from there.
        let isEmpty = place.end < old.offsets.logStart
        let end = max(place.end, old.offsets.logStart)
        let kept = isEmpty ? [] : Array(old.sealed.prefix(number))
        try storage { () throws(FileError) in
            for later in stride(from: old.segmentCount - 1, to: isEmpty ? -1 : number, by: -1) {
                try old.segment(later).removeFiles()
            }
            if !isEmpty { try copy(old.segment(number), first: place.position) }
        }
        let base = isEmpty ? end : old.segment(number).baseOffset
        let (active, contents) = try reload(base, size: isEmpty ? 0 : place.position, kept, end: end, &writer)
        writer.active = ActiveSegment(segment: active, contents: contents, jitter: config.randomJitter())
        writer.unsynced.removeAll { segment in !kept.contains { $0 === segment } }
        writer.begun.removeAll { $0.offset > base }
        writer.epochs.truncate(toEnd: end)
        writer.history += 1
        try save(writer.epochs)
        let mark = LogMark(offset: end, segment: active.baseOffset, position: FilePosition(contents.size))
        snapshot.withLock { snapshot in
            snapshot.sealed = kept
            snapshot.active = active
            snapshot.activeWrittenFrom = 0
            snapshot.cuts += 1
            snapshot.update(
                end: mark,
                highWatermark: snapshot.highWatermark.offset >= end ? mark : nil,
                lastStable: snapshot.lastStable.offset >= end ? mark : nil,
                durable: min(snapshot.offsets.durable, end)
            )
        }
        return end
    }

    /// Takes up the last segment of a log that was cut, and the producers' state at its end.
    private func reload(
        _ base: Offset,
        size: Int,
        _ kept: [LogSegment],
        end: Offset,
        _ writer: inout LogWriter
    ) throws(LogError) -> (LogSegment, SegmentContents) {
        var loader = LogLoader(
            directory: directory,
            topicPartition: topicPartition,
            topicID: topicID,
            config: config,
            environment: environment,
            hints: OpeningHints(),
            wasClean: true
        )
        let segment = loader.segment(base, isNew: false)
        try storage { () throws(FileError) in
            _ = try segment.file(.createIfMissing)
            try environment.fileSystem.syncDirectory(directory)
        }
        loader.names = try storage { () throws(FileError) in try environment.fileSystem.list(directory) }
        let contents = try segment.rebuildIndexes(size: size, indexIntervalBytes: config.indexIntervalBytes)
        writer.producers = try loader.producers(at: end, segments: kept + [segment])
        return (segment, contents)
    }

    /// Where the first batch to go begins, and its base offset.
    private func place(
        of offset: Offset,
        _ number: Int,
        in snapshot: LogSnapshot
    ) throws(LogError) -> (position: Int, end: Offset) {
        do throws(ReadInterruption) {
            var reader = try reader(number, in: snapshot, limit: snapshot.end, mayWait: true)
            reader.trustsIndex = false
            guard let (position, header) = try reader.firstBatch(atOrAbove: offset) else {
                return (reader.end, offset)
            }
            return (position, header.baseOffset)
        } catch {
            throw error.failure
        }
    }

    /// Gives a segment's name to a file with its first bytes only.
    private func copy(_ segment: LogSegment, first length: Int) throws(FileError) {
        let fileSystem = environment.fileSystem
        let temporary = segment.path + LogFileNames.temporary
        try fileSystem.remove(temporary)
        let source = try segment.file()
        let target = try fileSystem.open(temporary, .createNew)
        var scratch = [UInt8](repeating: 0, count: LogEnvironment.scratchBytes)
        var position = 0
        while position < length {
            let count = try scratch.withMutableBytes { buffer throws(FileError) in
                let piece = UnsafeMutableRawBufferPointer(rebasing: buffer.prefix(length - position))
                let count = try source.read(into: piece, at: FilePosition(position))
                try target.write(
                    UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(piece).prefix(count)),
                    UnsafeRawBufferPointer(start: nil, count: 0),
                    at: FilePosition(position)
                )
                return count
            }
            if count == 0 { break }
            position += count
        }
        try target.sync()
        try fileSystem.rename(temporary, to: segment.path)
    }
}
