import Model
import NIOCore
import Records

/// Verifies one segment's `.log` file against itself, against what precedes it, and its indexes against it. A value, used
/// once.
///
/// The checksum of a batch leaves out its first 17 bytes. Of these, the length is wrong if the checksum is right only
/// without it, the base offset has to follow the batch before, and the leader epoch has to be the checkpoint's for that
/// offset. Of a closed segment the manifest has a checksum of the whole file. What nobody can notice without it: in a
/// compacted log a base offset that stays inside its gap, and a leader epoch where there is no checkpoint.
struct SegmentVerifier {
    let directory: String
    let base: Offset
    /// Whether the log goes on in another segment, so that this one is complete.
    let isSealed: Bool
    let epochs: LeaderEpochs
    /// Below, all epochs are in the checkpoint; what was appended later may be of one that is not there yet.
    let epochsCompleteBelow: Offset
    /// Below, compaction may have taken offsets out.
    let compactedBelow: Offset
    /// What the manifest says of it; nil if it says nothing.
    let closed: Manifest.Segment?
    /// What the broker knows to be damaged.
    let quarantine: Quarantine

    /// What comes next; nil where damage makes that unknown.
    private var next: Offset?
    private var damage: DamagedRange?
    /// Of all batches so far.
    private var running = CRC32C.Running()
    private var isSound = true
    private var offsetCheck: OffsetIndexCheck
    private var timeCheck: TimeIndexCheck

    init(
        directory: String,
        base: Offset,
        isSealed: Bool,
        epochs: LeaderEpochs,
        epochsCompleteBelow: Offset = LogFileNames.maximumOffset,
        compactedBelow: Offset,
        closed: Manifest.Segment? = nil,
        quarantine: Quarantine = Quarantine()
    ) {
        self.directory = directory
        self.base = base
        self.isSealed = isSealed
        self.epochs = epochs
        self.epochsCompleteBelow = epochsCompleteBelow
        self.compactedBelow = compactedBelow
        self.closed = closed
        self.quarantine = quarantine
        next = base
        offsetCheck = OffsetIndexCheck(path: "")
        timeCheck = TimeIndexCheck(path: "", isSealed: isSealed)
    }

    private var path: String { path(LogFileNames.log) }

    private func path(_ suffix: String) -> String { "\(directory)/\(LogFileNames.name(base, suffix))" }

    /// Returns the offset after the segment; nil if damage makes it unknown.
    mutating func verify(_ run: inout VerificationRun) throws(LogError) -> Offset? {
        var walk = try LogFileWalk(path: path, run.fileSystem)
        loadIndexes(isEmpty: walk.size == 0, &run)
        while let element = try walk.next() {
            switch element {
            case .damage(let range):
                damage = range
                offsetCheck.pass(range)
                timeCheck.isSound = false
                run.summary.bytes += range.length
            case .batch(let batch):
                try walk.add(batch, to: &running)
                check(batch, &run)
                if run.options.readsRecords, batch.isIntact { try readRecords(of: batch, &walk, &run) }
                run.summary.batches += 1
                run.summary.records += Int(batch.header.recordCount)
                run.summary.bytes += batch.header.totalLength
            }
            run.progress(run.summary)
        }
        if let damage { report(damage, before: nil, &run) }
        try compareWithManifest(size: walk.size, &run)
        reportRefused(&run)
        for finding in offsetCheck.finish(size: walk.size) + timeCheck.finish() { run.find(finding) }
        run.summary.segments += 1
        return damage == nil ? next : nil
    }

    private mutating func loadIndexes(isEmpty: Bool, _ run: inout VerificationRun) {
        let base = base
        let offsets = path(LogFileNames.offsetIndex)
        let times = path(LogFileNames.timeIndex)
        let fileSystem = run.fileSystem
        let index = run.guarding(.index, offsets) { _ throws(LogError) in
            try InspectedIndex<OffsetIndexEntry>.read(offsets, base: base, fileSystem)
        }
        let timeIndex = run.guarding(.index, times) { _ throws(LogError) in
            try InspectedIndex<TimeIndexEntry>.read(times, base: base, fileSystem)
        }
        offsetCheck = OffsetIndexCheck(path: offsets, index: index)
        timeCheck = TimeIndexCheck(path: times, index: timeIndex, isSealed: isSealed)
        for problem in index?.problems ?? [] {
            run.find(Finding(.index, offsets, at: problem.position, problem.reason))
        }
        for problem in timeIndex?.problems ?? [] {
            run.find(Finding(.index, times, at: problem.position, problem.reason))
        }
        guard isSealed, !isEmpty else { return }
        for path in [offsets, times] {
            let isThere = run.guarding(.index, path) { _ throws(LogError) in
                try storage { () throws(FileError) in try fileSystem.exists(path) }
            }
            if isThere == false { run.find(Finding(.index, path, "it is missing")) }
        }
    }

    private mutating func report(_ range: DamagedRange, before header: BatchHeader?, _ run: inout VerificationRun) {
        var offsets: Range<Offset>?
        if let next, let header, next < header.baseOffset { offsets = next..<header.baseOffset }
        let reason = "\(range.length) bytes are no batch: \(range.reason)"
        isSound = false
        run.find(Finding(.records, path, at: range.position, offsets: offsets, reason))
    }

    private mutating func check(_ batch: InspectedBatch, _ run: inout VerificationRun) {
        let header = batch.header
        let offsets = header.baseOffset..<header.nextOffset
        if let damage { report(damage, before: header, &run) }
        guard batch.isIntact else {
            let reason = "the batch's checksum is wrong"
            run.find(Finding(.records, path, at: batch.position, offsets: offsets, reason))
            isSound = false
            // Where it ends may be what is wrong.
            (next, damage, timeCheck.isSound) = (nil, nil, false)
            offsetCheck.passUnknown(at: batch.position)
            return
        }
        if let reason = offsetProblem(header) {
            run.find(Finding(.records, path, at: batch.position, offsets: offsets, reason))
            next = nil
            isSound = false
            timeCheck.isSound = false
            offsetCheck.passUnknown(at: batch.position)
        } else {
            next = header.nextOffset
            if let reason = epochProblem(header) {
                isSound = false
                run.find(Finding(.records, path, at: batch.position, offsets: offsets, reason))
            }
            for finding in offsetCheck.pass(batch) + timeCheck.pass(header) { run.find(finding) }
        }
        damage = nil
    }

    private func offsetProblem(_ header: BatchHeader) -> String? {
        if header.lastOffset - base > Int64(Int32.max) {
            return "offset \(header.lastOffset) does not belong into a segment that begins at \(base)"
        }
        guard let next else { return nil }
        if header.baseOffset < next { return "its offset is \(header.baseOffset), but \(next) is next" }
        if header.baseOffset > next, damage == nil, header.baseOffset > compactedBelow,
            !quarantine.explains(next..<header.baseOffset)
        {
            return "offsets \(next) to \(header.baseOffset + -1) are missing before it"
        }
        return nil
    }

    /// Every byte of a closed segment was summed up.
    private mutating func compareWithManifest(size: Int, _ run: inout VerificationRun) throws(LogError) {
        guard let closed else { return }
        let end = closed.lastOffset + 1
        if size != closed.size {
            isSound = false
            var offsets: Range<Offset>?
            if let next, next < end { offsets = next..<end }
            let reason = "the file has \(size) bytes, and \(closed.size) were noted when it was closed"
            run.find(Finding(.records, path, at: FilePosition(min(size, closed.size)), offsets: offsets, reason))
        }
        guard isSound, let checksum = closed.checksum, checksum != running.checksum else { return }
        isSound = false
        var inspection = SegmentInspection(
            SegmentExpectation(
                base: base,
                end: end,
                size: closed.size,
                epochs: epochs,
                checksum: checksum,
                gapsBelow: LogFileNames.maximumOffset,
                skipped: Quarantine(),
                now: .none
            )
        )
        let (path, fileSystem) = (path, run.fileSystem)
        try inspection.run(try storage { () throws(FileError) in try fileSystem.open(path, .read) })
        for range in inspection.ranges {
            run.find(Finding(.records, path, at: range.position, offsets: range.offsets, range.reason))
        }
    }

    /// Damage that the broker has found and this verification has not, as that of a leader epoch whose history is gone.
    private func reportRefused(_ run: inout VerificationRun) {
        guard isSound else { return }
        for range in quarantine.damage(of: base) {
            let reason = "a broker refuses to serve it: \(range.reason)"
            run.find(Finding(.records, path, at: range.position, offsets: range.offsets, reason))
        }
    }

    private func epochProblem(_ header: BatchHeader) -> String? {
        let found = header.leaderEpoch
        let known = epochs.epoch(of: header.baseOffset)
        guard found != .none, known != .none, known != found else { return nil }
        if found > epochs.latest, header.baseOffset >= epochsCompleteBelow { return nil }
        return "its leader epoch is \(found), and by the checkpoint \(known) is that of its offset"
    }

    private func readRecords(
        of batch: InspectedBatch,
        _ walk: inout LogFileWalk,
        _ run: inout VerificationRun
    ) throws(LogError) {
        let bytes = try walk.bytes(of: batch)
        do throws(BatchError) {
            var reader = try RecordReader(batch: bytes, limits: ReadLimits(verifiesChecksum: false))
            while try reader.next() != nil {}
        } catch {
            let offsets = batch.header.baseOffset..<batch.header.nextOffset
            run.find(Finding(.records, path, at: batch.position, offsets: offsets, error.description))
        }
    }
}
