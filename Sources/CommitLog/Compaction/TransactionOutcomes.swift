import Model
import Records

/// What became of the transactions in the dirty part of a log: which records were aborted, and from where on nobody knows.
/// A value, made before the first key of a transaction is taken in: an aborted record must not displace a committed one.
///
/// A log says that only at a transaction's end, so its markers are read ahead. Logs without transactions are not.
struct TransactionOutcomes {
    /// Of aborted transactions, from their first record to their marker; ascending, by producer.
    private var aborted: [ProducerID: [Range<Offset>]] = [:]
    /// Where the transactions begin that have no marker so far.
    private var open: [ProducerID: Offset] = [:]

    /// The first record of which nobody knows yet whether it counts.
    var firstUndecided: Offset? { open.values.min() }

    /// Takes in the next batch. `marker`: what it says, if it is a control batch.
    mutating func pass(_ header: BatchHeader, marker: TransactionMarker?) {
        guard header.hasProducerID else { return }
        if header.attributes.isControl {
            guard let start = open.removeValue(forKey: header.producerID), marker == .abort else { return }
            aborted[header.producerID, default: []].append(start..<header.nextOffset)
        } else if header.attributes.isTransactional, open[header.producerID] == nil {
            open[header.producerID] = header.baseOffset
        }
    }

    /// Whether the batch's records belong to an aborted transaction.
    func isAborted(_ header: BatchHeader) -> Bool {
        guard header.attributes.isTransactional, let ranges = aborted[header.producerID] else { return false }
        var (low, high) = (0, ranges.count)
        while low < high {
            let middle = low + (high - low) / 2
            if ranges[middle].upperBound <= header.baseOffset { low = middle + 1 } else { high = middle }
        }
        return low < ranges.count && ranges[low].contains(header.baseOffset)
    }
}

/// What a control batch says about its producer's transaction.
enum TransactionMarker: Int16 {
    case abort = 0
    case commit = 1

    /// The key of its only record: version 2 bytes, type 2 bytes. nil for other kinds, and for a batch without records.
    static func read(_ batch: StoredBatch) throws(BatchError) -> TransactionMarker? {
        var marker: TransactionMarker?
        try batch.forEachRecord { record in
            guard let key = record.key, key.count >= 4 else { return false }
            marker = TransactionMarker(rawValue: bigEndian(key, 2))
            return false
        }
        return marker
    }
}

/// Of which producers a copy has met transactional records since their last marker: a marker stays as long as there is
/// anything of its transaction for readers to judge by it. A value.
struct TransactionTrail {
    private var producers: Set<ProducerID> = []

    mutating func pass(_ header: BatchHeader) {
        if header.attributes.isTransactional { producers.insert(header.producerID) }
    }

    /// Whether records of the transaction that the marker ends were met.
    mutating func end(at marker: BatchHeader) -> Bool { producers.remove(marker.producerID) != nil }
}
