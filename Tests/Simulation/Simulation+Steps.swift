import CommitLog
import Model
import NIOCore
import Records
import TestSupport

/// What happens in a simulation, one step at a time.
extension Simulation {
    func perform() throws {
        faults.end(at: step, fileSystem)
        try lookAtSpace()
        time.advance(milliseconds: Int64.random(in: 0...20, using: &generator))
        beginFault()
        if has(.haltsInside), !isInterrupted, !fileSystem.isHalted, chance(3) {
            fileSystem.halt(at: fileSystem.operationCount + Int.random(in: 1...25, using: &generator))
        }
        guard let partition = partitions.randomElement(using: &generator) else { return }
        if has(.compaction), chance(8) { return try chance(70) ? compact(partition) : close(partition) }
        if has(.scrubs), chance(4) { return try scrub(partition) }
        switch Int.random(in: 0..<1000, using: &generator) {
        case ..<450: try append(to: partition)
        case ..<560: try read(partition)
        case ..<600 where has(.searches): try search(partition)
        case ..<700 where has(.commits): try commit()
        case ..<740 where has(.checkpoints): try attempt("checkpoint") { try directory?.checkpoint() }
        case ..<770 where has(.flushes): try attempt("flush") { try partition.log?.flush() }
        case ..<800 where has(.deletions): try deleteRecords(partition)
        case ..<840 where has(.retention):
            if chance(30) { time.advance(milliseconds: 1500) }
            try applyRetention(partition)
        case ..<860 where has(.deletions): try attempt("remove files") { try partition.log?.removeDueFiles() }
        case ..<890 where has(.idempotence): try retry(partition)
        case ..<910 where has(.handleReleases): partition.log?.releaseHandles()
        case ..<920 where has(.comingAndGoing): try delete(partition)
        case ..<935 where has(.kills): end = .kill
        case ..<950 where has(.powerCuts): end = .powerCut
        case ..<960 where has(.cleanStops): end = .clean
        case ..<980 where has(.clockJumps): jump()
        default: try append(to: partition)
        }
    }

    /// What the thread that looks after the disk's space does after a shortage: it believes in the end of it when the
    /// second look finds nothing new.
    private func lookAtSpace() throws {
        guard !faults.isActive else { return }
        for _ in 0..<2 where directory?.space.status.level != .ample {
            try attempt("look at the space") { _ = try directory?.space.check() }
        }
    }

    private func beginFault() {
        guard !faults.isActive, chance(2) else { return }
        let kinds = SimulatedFaults.Kind.allCases.filter { kind in
            switch kind {
            case .write: has(.writeErrors)
            case .sync: has(.syncErrors)
            case .read: has(.readErrors)
            case .fullDisk, .spaceForWrites, .descriptors: has(.shortages)
            }
        }
        guard let kind = kinds.randomElement(using: &generator) else { return }
        note("fault: \(kind)")
        faults.begin(kind, at: step, fileSystem, &generator)
    }

    /// Whether an error needs no explanation.
    var mayFail: Bool { faults.isActive || faults.mayHaveBroken || fileSystem.isHalted }

    /// Does something that a fault may prevent.
    @discardableResult
    func attempt(_ what: String, _ body: () throws -> Void) throws -> Bool {
        note(what)
        do {
            try body()
            return true
        } catch let error where !(error is Violation) {
            note("\(what) failed: \(error)")
            try require(mayFail, "\(what) failed for no reason: \(error)")
            return false
        }
    }

    // MARK: Writing

    func append(to partition: SimulatedPartition) throws {
        let producer = chooseProducer(of: partition)
        let batch = try producer?.unanswered ?? makeBatch(for: producer)
        guard let log = partition.log else { return }
        note("append \(batch.records.count) records to \(partition.name) by \(producer?.id.rawValue ?? -1)")
        do {
            let urgency: FlushUrgency = chance(50) ? .urgent : .relaxed
            let result = try log.append(batch.bytes, urgency: urgency)
            try note(result, of: batch, producer, partition)
        } catch let error as LogError {
            note("append failed: \(error)")
            try require(mayFail, "\(partition.name): an append failed for no reason: \(error)")
            partition.model.noteFailure(of: batch)
            producer?.unanswered = batch
        }
    }

    private func note(
        _ result: AppendResult,
        of batch: SentBatch,
        _ producer: SimulatedProducer?,
        _ partition: SimulatedPartition
    ) throws {
        if result.isDuplicate {
            // It was sent before, and no answer came.
            try require(
                producer != nil && batch.base == result.baseOffset.rawValue,
                "\(partition.name): a new batch was taken for the one at \(result.baseOffset)"
            )
        } else {
            let end = partition.model.end
            try require(
                result.baseOffset.rawValue == end,
                "\(partition.name): a batch got the offset \(result.baseOffset), \(end) was next"
            )
            try require(
                !(producer?.unanswered === batch && batch.base.map { $0 < end } ?? false),
                "\(partition.name): a batch that is at \(batch.base ?? -1) was appended again at \(end)"
            )
            partition.model.append(batch)
        }
        producer?.noteAnswer(batch)
    }

    private func chooseProducer(of partition: SimulatedPartition) -> SimulatedProducer? {
        guard has(.idempotence), chance(60) else { return nil }
        if partition.producers.count < 3, chance(20) || partition.producers.isEmpty {
            partition.producers.append(
                SimulatedProducer(id: ProducerID(Int64.random(in: 1...1_000_000_000, using: &generator)))
            )
        }
        return partition.producers.randomElement(using: &generator)
    }

    private func makeBatch(for producer: SimulatedProducer?) throws -> SentBatch {
        let compression: Compression = has(.compression) && chance(20) ? .lz4 : .none
        let sequence = producer?.nextSequence ?? -1
        var builder = BatchBuilder(
            compression: compression,
            producerID: producer?.id ?? .none,
            producerEpoch: producer == nil ? -1 : 0,
            baseSequence: SequenceNumber(sequence)
        )
        let size = has(.bigBatches) && chance(10) ? 700 : Int.random(in: 0...60, using: &generator)
        let now = time.now.milliseconds
        var records: [SentBatch.Content] = []
        for _ in 0..<Int.random(in: 1...3, using: &generator) {
            let filler = String(repeating: "x", count: size / 3)
            let key = "key\(Int.random(in: 0..<8, using: &generator))"
            let value = "\(generator.next() & 0xffff_ffff)\(filler)"
            let content = SentBatch.Content(
                key: key,
                value: has(.compaction) && chance(20) ? nil : value,
                timestamp: now + Int64.random(in: -50...50, using: &generator)
            )
            try builder.append(
                key: content.key.map { ByteBuffer(string: $0) },
                value: content.value.map { ByteBuffer(string: $0) },
                timestamp: Timestamp(milliseconds: content.timestamp)
            )
            records.append(content)
        }
        return SentBatch(bytes: try builder.finish(), records: records, firstSequence: sequence, sentAt: now)
    }

    /// A producer that has not heard the answer to one of its last batches sends it again.
    private func retry(_ partition: SimulatedPartition) throws {
        guard let producer = partition.producers.randomElement(using: &generator), producer.unanswered == nil,
            let batch = producer.recognisable(from: partition.model.start).randomElement(using: &generator)
        else { return }
        try attempt("send the batch at \(batch.base ?? -1) again") {
            try partition.retry(batch, of: producer)
        }
    }

    /// What the group commit's thread does.
    func commit() throws {
        note("commit")
        guard let directory else { return }
        directory.commit()
        if let failure = directory.failure { try require(mayFail, "a commit failed for no reason: \(failure)") }
    }

    // MARK: Reading

    func read(_ partition: SimulatedPartition) throws {
        guard let log = partition.log else { return }
        let offsets = log.offsets
        let limit: ReadLimit = chance(70) ? .highWatermark : .logEnd
        let end = limit == .logEnd ? offsets.logEnd : offsets.highWatermark
        guard offsets.logStart <= end else { return }
        let offset = Int64.random(in: offsets.logStart.rawValue...end.rawValue, using: &generator)
        let maximum = [1, 300, 1 << 20].randomElement(using: &generator) ?? 1
        try attempt("read \(partition.name) from \(offset)") {
            let found = try ReadBatch.read(
                log,
                from: offset,
                maximumBytes: maximum,
                upTo: limit,
                mayWait: chance(50)
            )
            do throws(Violation) {
                try partition.model.check(found, from: offset, upTo: end.rawValue)
            } catch {
                throw Violation("\(partition.name): \(error)")
            }
        }
    }

    private func search(_ partition: SimulatedPartition) throws {
        guard let log = partition.log else { return }
        let target = time.now.milliseconds - Int64.random(in: 0...3000, using: &generator)
        let limit = log.offsets.highWatermark.rawValue
        try attempt("search \(partition.name) for \(target)") {
            let found = try log.offset(forTimestamp: Timestamp(milliseconds: target))
            let place = found.map { (offset: $0.offset.rawValue, timestamp: $0.timestamp.milliseconds) }
            do throws(Violation) {
                try partition.model.check(place, notBefore: target, below: limit)
            } catch {
                throw Violation("\(partition.name): of the records not before \(target), \(error)")
            }
        }
    }

    // MARK: Removing

    func deleteRecords(_ partition: SimulatedPartition) throws {
        guard let log = partition.log, partition.model.start <= log.offsets.lastStable.rawValue else { return }
        let end = log.offsets.lastStable.rawValue
        let offset = Int64.random(in: partition.model.start...end, using: &generator)
        partition.model.noteAttempt(toRemoveBelow: offset)
        try attempt("delete \(partition.name)'s records before \(offset)") {
            _ = try log.deleteRecords(before: Offset(offset))
        }
        // A removal that failed half way has happened all the same, as far as readers can see.
        partition.model.removeRecords(below: log.offsets.logStart.rawValue)
        try saveStarts()
    }

    private func saveStarts() throws {
        if chance(80), try attempt("save starts", { try directory?.saveLogStarts() }) {
            for partition in partitions { partition.model.noteSavedStart() }
        }
    }

    func applyRetention(_ partition: SimulatedPartition) throws {
        guard let log = partition.log else { return }
        let now = time.now
        let old = partition.model
        partition.model.noteAttempt(toRemoveBelow: old.end)
        var segments: [SegmentDescription] = []
        try attempt("apply retention to \(partition.name)") {
            segments = try log.segments()
            _ = try log.applyRetention(at: WitnessedTime(now: now, isSteady: true))
        }
        let start = log.offsets.logStart.rawValue
        try checkRemoval(old, to: start, segments, now)
        partition.model.removeRecords(below: start)
        try saveStarts()
    }

    /// Retention may remove only what is too old, or what is too much. `segments`: as they were before.
    private func checkRemoval(
        _ old: PartitionModel,
        to start: Int64,
        _ segments: [SegmentDescription],
        _ now: Timestamp
    ) throws {
        try require(start >= old.start, "retention moved the start back from \(old.start) to \(start)")
        let config = swarm.config
        let deletes = config.cleanupPolicy.contains(.delete)
        for placed in old.batches where placed.end > old.start && placed.end <= start {
            // What compaction has removed keeps nothing.
            let offsets = (placed.base..<placed.end).filter { !old.compaction.mayBeGone($0) }
            if deletes, offsets.isEmpty { continue }
            let newest = offsets.map { placed.batch.records[Int($0 - placed.base)].timestamp }.max()
            let age = now.milliseconds - min(placed.batch.sentAt, newest ?? .max)
            let isOld = config.retentionMilliseconds.map { age > $0 } ?? false
            // Without the batch's own segment. Others behind it may have gone as well, by their age.
            let left = segments.filter { $0.baseOffset.rawValue > placed.base }.reduce(0) { $0 + $1.sizeInBytes }
            let isMuch = config.retentionBytes.map { left >= $0 } ?? false
            try require(
                deletes && (isOld || isMuch),
                "retention removed the batch at \(placed.base), which is neither old nor much"
            )
        }
    }

    private func delete(_ partition: SimulatedPartition) throws {
        guard let directory else { return }
        partition.isDoomed = true
        let isGone = try attempt("delete \(partition.name)") {
            try directory.delete(partition.name)
            partition.log = nil
            if chance(50) { try directory.removeDeleted() }
        }
        guard isGone else { return end = .kill }
        partitions.removeAll { $0 === partition }
        let name = Int(partition.name.partition)
        if try !attempt("create \(partition.name)", { try create(name) }) { end = .kill }
    }

    private func jump() {
        // Forward only a little: what expires by a jump is the retention's own test.
        time.advance(milliseconds: Int64.random(in: 0...500, using: &generator))
    }
}
