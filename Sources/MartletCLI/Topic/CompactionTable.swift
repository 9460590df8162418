import MartletClient

/// How the compaction of a topic's partitions stands, for `topic explain` and `topic describe`. Stateless.
enum CompactionTable {
    /// Nothing if the topic is not compacted.
    static func lines(_ partitions: [PartitionExplanation]) -> [String] {
        var table = Table([
            ("PARTITION", .right), ("DIRTY", .right), ("CLEAN TO", .right), ("LAST COMPACTION", .left),
            ("NEXT", .left), ("WHY", .left),
        ])
        var isCompacted = false
        for partition in partitions {
            guard let compaction = partition.compaction else { continue }
            isCompacted = true
            table.add([
                String(partition.index),
                "\(Int(compaction.dirtyRatio * 100)) %",
                String(compaction.compactedTo),
                last(compaction),
                compaction.isDue ? "now" : compaction.nextTime.map(Moment.text) ?? "-",
                compaction.explanation,
            ])
        }
        return isCompacted ? ["Compaction:"] + table.lines : []
    }

    private static func last(_ compaction: CompactionExplanation) -> String {
        guard let time = compaction.lastTime else { return "never" }
        guard let before = compaction.lastBytesBefore, let after = compaction.lastBytesAfter else {
            return Moment.text(time)
        }
        let (old, new) = (Quantity.bytes(Int(clamping: before)), Quantity.bytes(Int(clamping: after)))
        return "\(Moment.text(time)), \(old) to \(new)"
    }

    static func json(_ compaction: CompactionExplanation) -> JSON {
        .object([
            "dirty_ratio": .double(compaction.dirtyRatio),
            "clean_bytes": .int(compaction.cleanBytes),
            "dirty_bytes": .int(compaction.dirtyBytes),
            "active_bytes": .int(compaction.activeBytes),
            "young_bytes": .int(compaction.youngBytes),
            "compacted_to": .int(compaction.compactedTo),
            "last_time": .optional(compaction.lastTime) { .int($0) },
            "last_bytes_before": .optional(compaction.lastBytesBefore) { .int($0) },
            "last_bytes_after": .optional(compaction.lastBytesAfter) { .int($0) },
            "due": .bool(compaction.isDue),
            "reason": .string(compaction.reason),
            "explanation": .string(compaction.explanation),
            "next_time": .optional(compaction.nextTime) { .int($0) },
        ])
    }
}
