import MartletClient

/// What `martlet compact` says in the end. A value.
struct CompactionReport {
    let topics: [(name: String, partitions: [CompactionStatus])]
    let dryRun: Bool

    var hasFailed: Bool {
        topics.contains { $0.partitions.contains { if case .failed = $0.state { true } else { false } } }
    }

    var lines: [String] { topics.flatMap { lines($0.name, $0.partitions) } }

    private func lines(_ name: String, _ partitions: [CompactionStatus]) -> [String] {
        guard partitions.allSatisfy(\.hasEnded) else {
            return [
                "topic \(name): \(partitions.count) partitions are being compacted; "
                    + "'martlet compact \(name) --wait' waits for the end"
            ]
        }
        var lines = partitions.map { "topic \(name) partition \($0.index): \(text($0))" }
        if partitions.count > 1 { lines.append("topic \(name): \(change(Sum(partitions)))") }
        return lines
    }

    private func text(_ partition: CompactionStatus) -> String {
        if case .failed(let reason) = partition.state { return "failed and is tried again by the broker: \(reason)" }
        let more = partition.isPartial ? "; more keys than fit into the broker's memory, so more would go" : ""
        let passes = partition.passes > 1 ? "; \(partition.passes) passes" : ""
        return change(Sum([partition])) + more + passes
    }

    private func change(_ sum: Sum) -> String {
        if sum.bytesBefore == 0 { return "nothing to compact" }
        let verb = dryRun ? "would become" : "became"
        let saved =
            sum.bytesBefore > sum.bytesAfter
            ? " (\((sum.bytesBefore - sum.bytesAfter) * 100 / sum.bytesBefore) % less)" : ""
        return
            "\(Quantity.bytes(Int(clamping: sum.bytesBefore))) \(verb) \(Quantity.bytes(Int(clamping: sum.bytesAfter)))"
            + "\(saved), \(Quantity.count(sum.recordsBefore)) records \(Quantity.count(sum.recordsAfter)), "
            + "\(Quantity.count(sum.segmentsBefore)) segments \(Quantity.count(sum.segmentsAfter))"
    }

    /// What several partitions have come to. A value.
    private struct Sum {
        var bytesBefore: Int64 = 0
        var bytesAfter: Int64 = 0
        var recordsBefore: Int64 = 0
        var recordsAfter: Int64 = 0
        var segmentsBefore: Int64 = 0
        var segmentsAfter: Int64 = 0

        init(_ partitions: [CompactionStatus]) {
            for partition in partitions {
                bytesBefore += partition.bytesBefore
                bytesAfter += partition.bytesAfter
                recordsBefore += partition.recordsBefore
                recordsAfter += partition.recordsAfter
                segmentsBefore += Int64(partition.segmentsBefore)
                segmentsAfter += Int64(partition.segmentsAfter)
            }
        }
    }

    // MARK: JSON

    var json: JSON {
        .array(
            topics.map { name, partitions in
                .object([
                    "name": .string(name),
                    "dry_run": .bool(dryRun),
                    "partitions": .array(partitions.map(json)),
                ])
            }
        )
    }

    private func json(_ partition: CompactionStatus) -> JSON {
        var reason: String?
        if case .failed(let text) = partition.state { reason = text }
        return .object([
            "partition": .int(partition.index),
            "state": .string(partition.state.name),
            "reason": .optional(reason) { .string($0) },
            "passes": .int(partition.passes),
            "bytes_before": .int(partition.bytesBefore),
            "bytes_after": .int(partition.bytesAfter),
            "records_before": .int(partition.recordsBefore),
            "records_after": .int(partition.recordsAfter),
            "segments_before": .int(partition.segmentsBefore),
            "segments_after": .int(partition.segmentsAfter),
            "partial": .bool(partition.isPartial),
        ])
    }
}

extension CompactionStatus.State {
    /// As JSON output says it.
    var name: String {
        switch self {
        case .waiting: "waiting"
        case .running: "running"
        case .done: "done"
        case .failed: "failed"
        }
    }
}
