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
