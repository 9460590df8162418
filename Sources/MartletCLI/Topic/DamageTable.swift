import MartletClient

/// What is damaged in a topic's partitions, for `topic explain`. Stateless.
enum DamageTable {
    /// Which partitions were read in full, and what is wrong in them.
    static func lines(_ partitions: [PartitionExplanation]) -> [String] {
        var table = Table([
            ("PARTITION", .right), ("OFFSETS", .left), ("FOUND", .left), ("CONSUMERS", .left), ("WHY", .left),
        ])
        for partition in partitions {
            for damage in partition.damage {
                table.add([
                    String(partition.index),
                    "\(damage.firstOffset) to \(damage.endOffset - 1)",
                    Moment.text(damage.foundAt),
                    damage.isSkipped ? "pass it" : "are refused",
                    damage.reason,
                ])
            }
        }
        let hasDamage = partitions.contains { !$0.damage.isEmpty }
        return scrubs(partitions) + (hasDamage ? ["Damage:"] + table.lines : [])
    }

    private static func scrubs(_ partitions: [PartitionExplanation]) -> [String] {
        let times = partitions.compactMap(\.lastScrub)
        guard let oldest = times.min() else { return [] }
        let never = partitions.count - times.count
        return ["Last read in full: \(Moment.text(oldest))" + (never == 0 ? "" : ", \(never) partitions never")]
    }

    static func json(_ damage: DamageExplanation) -> JSON {
        .object([
            "first_offset": .int(damage.firstOffset),
            "end_offset": .int(damage.endOffset),
            "segment": .int(damage.segment),
            "position": .int(damage.position),
            "bytes": .int(damage.sizeInBytes),
            "found": .int(damage.foundAt),
            "skipped": .bool(damage.isSkipped),
            "reason": .string(damage.reason),
        ])
    }
}
