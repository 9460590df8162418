import Model
import NIOCore
import Records
import Wire

/// Tells which batches of a Fetch response belong to aborted transactions (KIP-98). A value, owned by whoever reads.
///
/// The broker lists for each aborted transaction its producer and first offset; it lasts until the producer's next abort
/// marker.
struct AbortedTransactions {
    /// By first offset, descending.
    private var upcoming: [FetchResponse.AbortedTransaction]
    private var open: Set<ProducerID> = []

    init(_ transactions: [FetchResponse.AbortedTransaction]) {
        upcoming = transactions.sorted { $0.firstOffset > $1.firstOffset }
    }

    /// Whether the batch's records are to be left out. To be called with each batch, in order.
    mutating func contains(_ batch: BatchSequence.Element) -> Bool {
        let header = batch.header
        while let next = upcoming.last, next.firstOffset <= header.lastOffset.rawValue {
            open.insert(ProducerID(next.producerID))
            upcoming.removeLast()
        }
        guard header.attributes.isTransactional, open.contains(header.producerID) else { return false }
        if header.attributes.isControl, isAbort(batch) { open.remove(header.producerID) }
        return true
    }

    /// A control record's key is a version and a type of two bytes each: 0 aborts, 1 commits.
    private func isAbort(_ batch: BatchSequence.Element) -> Bool {
        do throws(BatchError) {
            var reader = try RecordReader(batch: batch.bytes)
            guard let key = try reader.next()?.key else { return false }
            return key.getInteger(at: key.readerIndex + 2, as: Int16.self) == 0
        } catch {
            // An unreadable marker ends nothing; the records behind it stay hidden, which is the safe side.
            return false
        }
    }
}
