import Model
import Records

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
        // A batch that compaction has emptied keeps its timestamp, but there is no record that has it.
        if header.recordCount > 0 { largest = max(largest, header.maxTimestamp) }
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
