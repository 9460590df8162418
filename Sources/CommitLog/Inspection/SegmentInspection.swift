import Model
import Records

/// What is known of a segment besides its bytes: against this they are checked. Immutable.
struct SegmentExpectation {
    let base: Offset
    /// Where its first batch begins at the latest, and where the next segment begins.
    let end: Offset
    let size: Int
    let epochs: LeaderEpochs
    /// Of all its bytes; nil if nobody has summed them up.
    let checksum: UInt32?
    /// Below, compaction may have taken offsets out.
    let gapsBelow: Offset
    /// What is not there by order.
    let skipped: Quarantine
    let now: Timestamp

    func allows(_ gap: Range<Offset>) -> Bool {
        gap.lowerBound < gapsBelow || skipped.explains(gap)
    }
}

/// Looks at every byte of a segment and tells what in it cannot be served. A value, used once.
///
/// A batch is good if its checksum is right and its offsets follow those before. The 17 bytes that no batch's checksum
/// covers are covered by that rule and, in a segment that takes no more, by the checksum of all its bytes; until that is
/// known, by the history of leader epochs. Damage never goes beyond the batches that are hit: the next good one ends it.
struct SegmentInspection {
    /// More damaged places than this in one segment are taken together.
    static let maximumRanges = 1000
    /// How often the pace is asked for.
    private static let paceBytes = 256 << 10

    let expectation: SegmentExpectation
    private(set) var ranges: [QuarantinedRange] = []
    private(set) var batches = 0
    /// Whether offsets are missing for a good reason.
    private(set) var hasGaps = false
    /// Of all bytes, if there is no damage.
    var checksum: UInt32? { ranges.isEmpty ? running.checksum : nil }

    /// Whether what was not in the page cache is not left in it.
    var leavesCache = false

    private var running = CRC32C.Running()
    /// The offset after the last batch; where the segment ends, if that is damaged.
    private(set) var next: Offset
    /// Where the present damage begins.
    private var damage: (position: Int, reason: String)?
    /// A good batch in front of which offsets are missing, or whose own offset is wrong: the next one tells.
    private var suspect: InspectedBatch?
    /// Batches whose leader epoch is not the one of their offset, by that epoch, as long as only one has it: where more
    /// have, it is the history that is wrong.
    private var strangers: [LeaderEpoch: InspectedBatch?] = [:]

    init(_ expectation: SegmentExpectation) {
        self.expectation = expectation
        next = expectation.base
    }

    /// Looks at the whole segment; nil if its file is gone. `pace` is told how many bytes were read, and may throw to give up.
    mutating func run(
        _ file: (any File)?,
        pace: (Int) throws(LogError) -> Void = { _ throws(LogError) in }
    ) throws(LogError) {
        guard let file else { return finish(at: 0) }
        let present = try storage { () throws(FileError) in try file.size() }
        var walk = LogFileWalk(file: file, size: min(present, expectation.size), leavesCache: leavesCache)
        var unpaced = 0
        while let element = try walk.next() {
            switch element {
            case .damage(let range):
                condemnSuspect()
                begin(range.position.bytes, range.reason)
                unpaced += range.length
            case .batch(let batch):
                batches += 1
                if ranges.isEmpty, damage == nil { try walk.add(batch, to: &running) }
                judge(batch)
                unpaced += batch.header.totalLength
            }
            if unpaced >= Self.paceBytes {
                try pace(unpaced)
                unpaced = 0
            }
        }
        try pace(unpaced)
        finish(at: walk.size)
        if present > expectation.size {
            let reason = "the file has \(present) bytes, \(expectation.size) were written"
            ranges.append(range(next..<next, expectation.size..<present, reason))
        }
        guard ranges.isEmpty, let known = expectation.checksum else { return condemnStrangers() }
        if known != running.checksum { try condemnUncovered(file, syndrome: known ^ running.checksum) }
    }

    // MARK: One batch after the other

    private mutating func judge(_ batch: InspectedBatch) {
        let header = batch.header
        if let suspect { settle(suspect, before: header) }
        guard batch.isIntact else { return begin(batch.position.bytes, "the batch's checksum is wrong") }
        if let reason = problem(with: header) { return begin(batch.position.bytes, reason) }
        if damage != nil { endDamage(at: batch.position.bytes, header.baseOffset) }
        if header.baseOffset > next, !expectation.allows(next..<header.baseOffset) { return suspect = batch }
        hasGaps = hasGaps || header.baseOffset > next
        next = header.nextOffset
        let (found, epoch) = (header.leaderEpoch, expectation.epochs.epoch(of: header.baseOffset))
        if found != epoch, found != .none, epoch != .none {
            strangers.updateValue(strangers.keys.contains(found) ? nil : batch, forKey: found)
        }
    }

    private func problem(with header: BatchHeader) -> String? {
        if header.baseOffset < next { return "its offset is \(header.baseOffset), but \(next) is next" }
        if header.lastOffset - expectation.base > Int64(Int32.max) {
            return "its offset \(header.baseOffset) does not belong into a segment that begins at \(expectation.base)"
        }
        if header.lastOffset >= expectation.end {
            return "its last offset is \(header.lastOffset), and the segment ends at \(expectation.end)"
        }
        return nil
    }

    /// A suspect is right if the next batch follows it, and wrong if the next would follow it had it no gap before it.
    private mutating func settle(_ suspect: InspectedBatch, before header: BatchHeader) {
        if header.baseOffset == suspect.header.nextOffset { return acquitSuspect() }
        condemnSuspect()
    }

    private mutating func acquitSuspect() {
        guard let batch = suspect else { return }
        suspect = nil
        let position = batch.position.bytes
        add(range(next..<batch.header.baseOffset, position..<position, "the records are missing"))
        next = batch.header.nextOffset
    }

    private mutating func condemnSuspect() {
        guard let batch = suspect else { return }
        suspect = nil
        begin(batch.position.bytes, "its offset is \(batch.header.baseOffset), but \(next) is next")
    }

    private mutating func finish(at size: Int) {
        if let suspect {
            if suspect.header.nextOffset == expectation.end { acquitSuspect() } else { condemnSuspect() }
        }
        if damage != nil {
            endDamage(at: size, max(next, expectation.end))
            return
        }
        let lost = max(0, expectation.size - size)
        if next < expectation.end, lost > 0 || !expectation.allows(next..<expectation.end) {
            let reason = lost > 0 ? "the file is \(lost) bytes shorter than it was" : "the records are missing"
            add(range(next..<expectation.end, size..<size, reason))
        }
        hasGaps = hasGaps || next < expectation.end
    }

    // MARK: Damage

    private mutating func begin(_ position: Int, _ reason: String) {
        if damage == nil { damage = (position, reason) }
    }

    private mutating func endDamage(at position: Int, _ offset: Offset) {
        guard let (start, reason) = damage else { return }
        damage = nil
        add(range(next..<offset, start..<position, reason))
        next = offset
    }

    private func range(_ offsets: Range<Offset>, _ bytes: Range<Int>, _ reason: String) -> QuarantinedRange {
        QuarantinedRange(
            offsets: offsets,
            segment: expectation.base,
            position: FilePosition(bytes.lowerBound),
            length: bytes.count,
            found: expectation.now,
            reason: reason
        )
    }

    private mutating func add(_ new: QuarantinedRange) {
        guard let last = ranges.last, ranges.count >= Self.maximumRanges else { return ranges.append(new) }
        let offsets = last.offsets.lowerBound..<new.offsets.upperBound
        ranges[ranges.count - 1] = range(offsets, last.position.bytes..<new.end, "there is much damage from here on")
    }

    private mutating func condemn(_ batch: InspectedBatch, _ reason: String) {
        let offsets = batch.header.baseOffset..<batch.header.nextOffset
        let bytes = batch.position.bytes..<batch.position.bytes + batch.header.totalLength
        add(range(offsets, bytes, reason))
    }

    private mutating func condemnStrangers() {
        for case let batch? in strangers.values {
            let epoch = expectation.epochs.epoch(of: batch.header.baseOffset)
            condemn(batch, "its leader epoch is \(batch.header.leaderEpoch), and \(epoch) is that of its offset")
        }
        ranges.sort { $0.position < $1.position }
    }

    /// All batches look good, and yet the bytes are not those that were written: one of the bytes that only the
    /// segment's checksum covers has changed. Where no single byte explains it, no batch of the segment can be trusted.
    private mutating func condemnUncovered(_ file: any File, syndrome: UInt32) throws(LogError) {
        var walk = LogFileWalk(file: file, size: expectation.size)
        var found: [InspectedBatch] = []
        while case .batch(let batch) = try walk.next() { found.append(batch) }
        var search = ChecksumSearch(syndrome: syndrome, end: expectation.size)
        var hits: [ChecksumSearch.Hit: [InspectedBatch]] = [:]
        for batch in found.reversed() {
            let start = batch.position.bytes
            guard let hit = search.hit(in: start..<start + RecordBatchFormat.magicPosition + 1) else { continue }
            hits[hit, default: []].append(batch)
        }
        // Among a million batches a byte may explain it by chance; a single bit hardly ever does.
        for batch in (hits[.bit] ?? hits[.byte] ?? []).reversed() {
            condemn(batch, "a byte of its header is not as the segment's checksum says")
        }
        if ranges.isEmpty { condemnStrangers() }
        guard ranges.isEmpty else { return }
        let reason = "its bytes do not have the checksum that was noted when the segment was closed"
        add(range(expectation.base..<expectation.end, 0..<expectation.size, reason))
    }
}

/// Finds the byte whose change explains a wrong CRC32C. A value; goes from the end of the bytes to their start.
///
/// A changed byte leaves its trace in the checksum, moved on by every byte that follows it. Going back byte by byte
/// undoes that, until at the right place what is left is the trace of one byte.
struct ChecksumSearch {
    private var register: UInt32
    private var position: Int

    private static let polynomial: UInt32 = 0x82f6_3b78
    private static let table: [UInt32] = (0..<256).map { number in
        (0..<8).reduce(UInt32(number)) { value, _ in value & 1 == 0 ? value >> 1 : value >> 1 ^ polynomial }
    }
    /// By the upper eight bits of an entry of the table, which differ from entry to entry, its number.
    private static let inverse: [UInt32] = {
        var inverse = [UInt32](repeating: 0, count: 256)
        for (number, value) in table.enumerated() { inverse[Int(value >> 24)] = UInt32(number) }
        return inverse
    }()

    /// `syndrome`: the right and the wrong checksum, one flipped by the other.
    init(syndrome: UInt32, end: Int) {
        register = syndrome
        position = end
    }

    /// What has to have changed in the range to explain the checksum.
    enum Hit { case bit, byte }

    /// The change in the range that explains the checksum, if one does. Ranges must be asked for from the last to the
    /// first.
    mutating func hit(in bytes: Range<Int>) -> Hit? {
        var hit: Hit?
        while position > bytes.lowerBound {
            position -= 1
            let number = Self.inverse[Int(register >> 24)]
            let entry = Self.table[Int(number)]
            if position < bytes.upperBound, entry == register, hit != .bit {
                hit = number.nonzeroBitCount == 1 ? .bit : .byte
            }
            register = (register ^ entry) << 8 | number
        }
        return hit
    }
}
