import Model
import NIOCore
import Records

/// What a compaction does with transactions, as Kafka does: the records of aborted ones go, those of committed ones are
/// compared by key as all others, and a marker goes `delete.retention.ms` after the first compaction that has found nothing
/// of its transaction left.
extension Compaction {
    /// Reads ahead what became of the transactions.
    mutating func settleTransactions(_ sources: [Source], from start: Offset) throws(LogError) -> TransactionOutcomes {
        var outcomes = TransactionOutcomes()
        for source in sources {
            var walk = try SegmentWalk(source.segment, end: source.facts.size)
            while let header = try walk.next() {
                try account(read: header.totalLength)
                guard header.nextOffset > start else { continue }
                var marker: TransactionMarker?
                if header.attributes.isControl {
                    marker = try walk.withBatch(limit: log.environment.maximumDecompressedBytes) {
                        batch throws(BatchError) in try TransactionMarker.read(batch)
                    }
                }
                outcomes.pass(header, marker: marker)
            }
            try tell()
        }
        return outcomes
    }

    /// Copies a marker, unless it may go. Returns how many records stay.
    mutating func copyMarker(
        _ header: BatchHeader,
        _ walk: inout SegmentWalk,
        _ rules: CompactionRules,
        to sink: inout some BatchSink
    ) throws(LogError) -> Int {
        let isNeeded = trail.end(at: header) || header.baseOffset >= rules.end || !header.hasProducerID
        let hasHorizon = header.attributes.hasDeleteHorizon
        try walk.verify()
        if header.recordCount == 0, !isNeeded, !rules.keepsEmpty(header) { return 0 }
        if isNeeded || header.recordCount == 0 || (hasHorizon && rules.now < header.baseTimestamp) {
            if hasHorizon { noteExpiry(header.baseTimestamp) }
            try walk.withBytes { bytes throws(LogError) in try sink.append(bytes, header) }
            return Int(header.recordCount)
        }
        let left = try walk.withBatch(limit: log.environment.maximumDecompressedBytes) {
            batch throws(BatchError) -> ByteBuffer? in
            if !hasHorizon { return try batch.withDeleteHorizon(rules.horizon) }
            return rules.keepsEmpty(header) ? batch.emptied() : nil
        }
        if !hasHorizon { noteExpiry(rules.horizon) }
        if let left { try sink.append(left) }
        return hasHorizon ? 0 : Int(header.recordCount)
    }
}
