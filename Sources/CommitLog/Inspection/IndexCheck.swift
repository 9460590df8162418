import Model
import Records

/// Compares an offset index with the batches, in the order they lie in the file. A value, owned by ``SegmentVerifier``.
struct OffsetIndexCheck {
    let path: String
    private let entries: [OffsetIndexEntry]
    private var number = 0
    /// An entry of a batch that ends later: Kafka's followers make one entry for several batches.
    private var awaited: OffsetIndexEntry?

    init(path: String, index: InspectedIndex<OffsetIndexEntry>? = nil) {
        self.path = path
        entries = index?.entries ?? []
    }

    /// I3: every index entry points at the start of a batch, and no record below its offset lies behind it.
    mutating func pass(_ batch: InspectedBatch) -> [Finding] {
        var findings: [Finding] = []
        while number < entries.count, entries[number].position < batch.position {
            findings.append(astray(entries[number], "inside a batch"))
            number += 1
        }
        if number < entries.count, entries[number].position == batch.position {
            if let awaited { findings.append(astray(awaited, "before a batch of other offsets")) }
            awaited = entries[number]
            number += 1
        }
        guard let entry = awaited, batch.header.lastOffset >= entry.offset else { return findings }
        awaited = nil
        if batch.header.lastOffset > entry.offset {
            findings.append(astray(entry, "before a batch of other offsets"))
        }
        return findings
    }

    /// Goes on behind bytes of which nothing can be said.
    mutating func pass(_ range: DamagedRange) {
        awaited = nil
        while number < entries.count, entries[number].position < range.position + range.length { number += 1 }
    }

    /// Goes on behind a batch whose offsets cannot be believed.
    mutating func passUnknown(at position: FilePosition) {
        awaited = nil
        while number < entries.count, entries[number].position <= position { number += 1 }
    }

    mutating func finish(size: Int) -> [Finding] {
        let rest = entries[number...].map { astray($0, "behind the last batch") }
        return (awaited.map { [astray($0, "before a batch of other offsets")] } ?? []) + rest
    }

    private func astray(_ entry: OffsetIndexEntry, _ place: String) -> Finding {
        Finding(.index, path, "its entry of offset \(entry.offset) points at byte \(entry.position), \(place)")
    }
}

/// Compares a time index with the batches, in the order they lie in the file. A value, owned by ``SegmentVerifier``.
struct TimeIndexCheck {
    let path: String
    /// Whether the index has to end with the segment's largest timestamp.
    let isSealed: Bool
    /// Nothing is said any more once a batch could not be read.
    var isSound = true
    private let entries: [TimeIndexEntry]
    private let isMissing: Bool
    private var number = 0
    private var largest = Timestamp.none

    init(path: String, index: InspectedIndex<TimeIndexEntry>? = nil, isSealed: Bool) {
        self.path = path
        self.isSealed = isSealed
        isMissing = index == nil
        entries = index?.entries ?? []
    }

    mutating func pass(_ header: BatchHeader) -> [Finding] {
        guard isSound else { return [] }
        largest = max(largest, header.maxTimestamp)
        var findings: [Finding] = []
        while number < entries.count, entries[number].offset <= header.lastOffset {
            let entry = entries[number]
            if entry.timestamp != largest || entry.offset < header.baseOffset {
                findings.append(
                    Finding(
                        .index,
                        path,
                        "its entry says that up to offset \(entry.offset) the largest timestamp is \(entry.timestamp), "
                            + "but it is \(largest)"
                    )
                )
            }
            number += 1
        }
        return findings
    }

    mutating func finish() -> [Finding] {
        guard isSound, !isMissing else { return [] }
        var findings = entries[number...].map {
            Finding(.index, path, "its entry is of offset \($0.offset), which the segment does not have")
        }
        if isSealed, largest > .none, entries.last?.timestamp != largest {
            let last = entries.last.map { "ends with the timestamp \($0.timestamp)" } ?? "is empty"
            findings.append(Finding(.index, path, "it \(last), but the segment's largest is \(largest)"))
        }
        return findings
    }
}
