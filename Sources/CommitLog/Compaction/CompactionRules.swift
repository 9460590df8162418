import Model
import Records

/// Decides what of each batch a compaction keeps: Kafka's rules. Owned by one compaction; decides only, reads nothing.
///
/// What becomes of transactions is ``Compaction``'s to decide, by ``TransactionOutcomes``.
struct CompactionRules {
    let keys: KeyMap
    /// The last offset of each producer's last batch: without it, a restart would forget the sequence numbers.
    let lastOffsets: [ProducerID: Offset]
    /// Where this round ends. Its last batch stays, if only empty, so that the end is not forgotten.
    let end: Offset
    let now: Timestamp
    let deleteRetentionMilliseconds: Int64
    /// Whether tombstones go now, whatever their time.
    let purgesTombstones: Bool

    /// Whether the batch's records are compared by key at all.
    static func isCompacted(_ header: BatchHeader) -> Bool {
        !header.attributes.isControl
    }

    /// When tombstones that are met for the first time may go.
    var horizon: Timestamp {
        let (sum, overflow) = now.milliseconds.addingReportingOverflow(deleteRetentionMilliseconds)
        return Timestamp(milliseconds: overflow ? .max : sum)
    }

    /// Whether tombstones of the batch stay.
    func keepsTombstones(of header: BatchHeader) -> Bool {
        if purgesTombstones || planted(.removeTombstonesEarly) { return false }
        return !header.attributes.hasDeleteHorizon || now < header.baseTimestamp
    }

    func keeps(_ record: StoredRecord, keepsTombstones: Bool) -> Bool {
        if record.offset >= keys.end { return true }
        // Not identifiable, so that nothing could ever replace it: Kafka drops it, too.
        guard let key = record.key else { return false }
        if keys.isSuperseded(key, at: record.offset) { return false }
        return !record.isTombstone || keepsTombstones
    }

    /// Whether the batch stays even without any record.
    func keepsEmpty(_ header: BatchHeader) -> Bool {
        if header.hasProducerID, lastOffsets[header.producerID] == header.lastOffset { return true }
        return header.nextOffset >= end
    }
}
