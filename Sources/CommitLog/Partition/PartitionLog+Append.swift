package import Model
package import NIOCore
import Records

/// What an append has done; what a Produce response says. Immutable.
package struct AppendResult: Equatable, Sendable {
    package let baseOffset: Offset
    package let lastOffset: Offset
    /// The time the broker stamped; -1 if the records keep the producer's.
    package let logAppendTime: Timestamp
    package let logStart: Offset
    /// The batch had been appended before, at these offsets.
    package let isDuplicate: Bool
    /// `flush.messages` is reached: not to be acknowledged before it is durable, whoever asks.
    package var mustBeDurable = false
}

extension PartitionLog {
    /// Appends one batch, in the page cache when this returns. Does not wait for the disk; `urgency` says how soon the
    /// batch should be there where the topic wants its records durable.
    package func append(
        _ batch: ByteBuffer,
        origin: AppendOrigin = .client,
        urgency: FlushUrgency = .relaxed
    ) throws(LogError) -> AppendResult {
        if let failure { throw failure }
        let settings = settings.withLock { $0 }
        if let refusal = environment.space?.refusal(of: origin, settings.config) { throw refusal }
        let moment = AppendMoment(now: environment.time.now, instant: environment.time.instant)
        // Costs the most and needs nothing of the log: outside the lock.
        let validated = try checkingBatch { () throws(BatchError) in
            try settings.validator(for: origin).inspect(batch, now: moment.now)
        }
        guard validated.header.totalLength <= settings.config.segmentBytes else {
            throw .batchLargerThanSegment(bytes: validated.header.totalLength, limit: settings.config.segmentBytes)
        }
        let request = AppendRequest(
            batch: batch,
            validated: validated,
            origin: origin,
            config: settings.config,
            moment: moment
        )
        let (result, flush) = try noticingFailures { () throws(LogError) in
            try writer.withLock { writer throws(LogError) in
                var result = try append(request, &writer)
                let flush = demandFlush(for: &result, urgency, settings.config, &writer)
                return (result, flush)
            }
        }
        if !result.isDuplicate { environment.space?.noteWritten(validated.header.totalLength) }
        if let flush { environment.groupCommit?.request(self, flush) }
        if !result.isDuplicate, settings.config.durability == .pageCache { notify { $0.highWatermarkAdvanced() } }
        return result
    }

    /// A write that failed for another reason than a shortage puts the whole directory out of use: what else is on its way
    /// to that disk is not to be trusted either.
    private func noticingFailures<Result>(_ body: () throws(LogError) -> Result) throws(LogError) -> Result {
        do throws(LogError) {
            return try body()
        } catch {
            if case .storage(let reason) = error, !reason.isShortage { environment.groupCommit?.fail(reason) }
            throw error
        }
    }

    private func append(_ request: AppendRequest, _ writer: inout LogWriter) throws(LogError) -> AppendResult {
        if let refusal = writer.refusal { throw refusal }
        let offsets = self.offsets
        let header = request.validated.header
        if case .duplicate(let first) = try writer.producers.check(header, origin: request.origin) {
            return AppendResult(
                baseOffset: first.baseOffset,
                lastOffset: first.lastOffset,
                logAppendTime: request.config.timestampType == .logAppendTime ? first.timestamp : .none,
                logStart: offsets.logStart,
                isDuplicate: true
            )
        }
        let (bytes, timestamp) = request.stamped(notBefore: writer.lastAppendTime)
        guard
            let placed = PlacedBatch(
                header,
                at: offsets.logEnd,
                maxTimestamp: timestamp,
                leaderEpoch: offsets.leaderEpoch
            )
        else {
            throw .batch(.badOffsets(base: offsets.logEnd.rawValue, lastDelta: header.lastOffsetDelta))
        }
        if writer.active.shouldRoll(before: placed, config: request.config, at: request.moment) {
            try roll(&writer, at: offsets.logEnd, config: request.config)
        }
        try write(placed, bytes, &writer, request.config)
        writer.active.note(request.moment)
        let isStamped = request.config.timestampType == .logAppendTime
        if isStamped { writer.lastAppendTime = timestamp }
        return AppendResult(
            baseOffset: placed.baseOffset,
            lastOffset: placed.lastOffset,
            logAppendTime: isStamped ? timestamp : .none,
            logStart: offsets.logStart,
            isDuplicate: false
        )
    }

    /// Writes a batch and publishes it. If the write fails, the log is as before; if not even that can be had, the log
    /// takes no more.
    private func write(
        _ batch: PlacedBatch,
        _ bytes: ByteBuffer,
        _ writer: inout LogWriter,
        _ config: LogConfig
    ) throws(LogError) {
        // Opened before anything is written, and kept open: want of a descriptor leaves nothing to be undone.
        let file = try storage { () throws(FileError) in try writer.active.file(for: batch) }
        do throws(FileError) {
            try writer.active.append(
                batch,
                bytes: bytes,
                to: file,
                config: config,
                reserveStep: environment.reserveStep
            )
        } catch {
            if planted(.acknowledgeBeforeWrite) { return }
            do throws(FileError) {
                try writer.active.discardPartialWrite(in: file)
            } catch {
                writer.refusal = .failed(topicPartition, error)
            }
            if error.isFullDisk { environment.space?.noteShortage() }
            throw .storage(error)
        }
        writer.isChanged = true
        writer.producers.record(batch.header, lastOffset: batch.lastOffset, maxTimestamp: batch.maxTimestamp)
        let end = LogMark(
            offset: batch.nextOffset,
            segment: writer.active.segment.baseOffset,
            position: FilePosition(writer.active.size)
        )
        switch planted(.highWatermarkAheadOfDurable) ? .pageCache : config.durability {
        case .pageCache: snapshot.withLock { $0.update(end: end, highWatermark: end, lastStable: end) }
        // Seen when it is durable.
        case .fsync: snapshot.withLock { $0.update(end: end) }
        }
    }

    /// Begins a new segment at the log's end. The finished one is synced later, by ``flush()``.
    func roll(_ writer: inout LogWriter, at end: Offset, config: LogConfig) throws(LogError) {
        let segment = LogSegment(directory: directory, baseOffset: end, environment: environment, isNew: true)
        try storage { () throws(FileError) in
            let file = try segment.file(.createIfMissing)
            // Left by an attempt that failed half way.
            if try file.size() != 0 { try file.truncate(to: 0) }
        }
        let finished = writer.active.segment
        if !planted(.skipDirectorySyncOnRoll) { writer.isDirectoryDirty = true }
        do throws(FileError) {
            try writer.active.finishTimeIndex()
            // Where nobody knows better, recovery takes every segment but the last for complete.
            try writer.active.segment.flushIndexes()
        } catch {
            // It can be made again from the batches: a full disk must not stop an append before its own write does.
        }
        // Its snapshot is written once the finished segment's indexes are durable, which it is the sign of.
        writer.begun.append(SegmentStart(offset: end, producers: writer.producers))
        // For the checkpoint, which syncs finished segments where nothing else does.
        environment.groupCommit?.noteChange()
        finished.seal(
            size: writer.active.size,
            largest: writer.active.largest,
            lastAppend: writer.active.lastAppend
        )
        writer.unsynced.append(finished)
        writer.active = ActiveSegment(segment: segment, jitter: config.randomJitter())
        snapshot.withLock { snapshot in
            snapshot.sealed.append(finished)
            snapshot.active = segment
            snapshot.activeWrittenFrom = 0
            let mark = LogMark(offset: end, segment: end, position: .zero)
            snapshot.update(
                end: mark,
                highWatermark: snapshot.highWatermark.offset == end ? mark : nil,
                lastStable: snapshot.lastStable.offset == end ? mark : nil
            )
        }
    }

    func writeProducerSnapshot(_ producers: ProducerState, at offset: Offset, synced: Bool) throws(FileError) {
        try SmallFile.write(
            ProducerSnapshotFormat.encode(producers),
            to: "\(directory)/\(LogFileNames.name(offset, LogFileNames.snapshot))",
            environment.fileSystem,
            synced: synced
        )
    }
}

/// A batch on its way into the log. Immutable.
private struct AppendRequest {
    let batch: ByteBuffer
    let validated: ValidatedBatch
    let origin: AppendOrigin
    let config: LogConfig
    let moment: AppendMoment

    /// The bytes to write and the largest timestamp they carry: stamped with the append time where the topic says so,
    /// with the header's timestamp put right where the producer left it wrong.
    func stamped(notBefore last: Timestamp) -> (ByteBuffer, Timestamp) {
        var bytes = batch
        if config.timestampType == .logAppendTime {
            let stamp = max(moment.now, last)
            BatchPatch.stampAppendTime(&bytes, stamp)
            return (bytes, stamp)
        }
        if validated.needsMaximumTimestamp { BatchPatch.setMaximumTimestamp(&bytes, validated.maximumTimestamp) }
        return (bytes, validated.maximumTimestamp)
    }
}
