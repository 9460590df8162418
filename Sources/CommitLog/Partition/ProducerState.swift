import Model
import Records

/// What one partition remembers of its idempotent producers, to tell a retried batch from a new one and to notice a lost
/// one (KIP-98). A value, owned by the log's lock; always describes the log up to its end.
struct ProducerState: Equatable {
    /// How many batches per producer are remembered: as many as a producer may have in flight.
    static let batchesPerProducer = 5

    /// A batch that was appended. Immutable.
    struct Batch: Equatable {
        let lastSequence: SequenceNumber
        let lastOffset: Offset
        /// Its records, less one.
        let offsetDelta: Int32
        let timestamp: Timestamp

        var firstSequence: SequenceNumber {
            lastSequence.rawValue < 0 ? lastSequence : lastSequence.advanced(by: -offsetDelta)
        }
        var baseOffset: Offset { lastOffset + Int64(-offsetDelta) }
    }

    /// One producer.
    struct Producer: Equatable {
        var epoch: Int16
        /// Oldest first, at most ``batchesPerProducer``, all of the present epoch.
        var batches: [Batch] = []
        var lastTimestamp = Timestamp.none
        var coordinatorEpoch: Int32 = -1
        /// The first offset of the transaction that is under way.
        var transactionStart: Offset?
    }

    /// What to do with a batch.
    enum Verdict: Equatable {
        case append
        /// It was appended before; the answer is that of the first time.
        case duplicate(Batch)
    }

    private(set) var producers: [ProducerID: Producer] = [:]
    private let maximumProducers: Int

    init(maximumProducers: Int) { self.maximumProducers = maximumProducers }

    /// Decides about a batch before it is appended; the rules are Kafka's. Only clients' sequence numbers are checked,
    /// the broker's own writers have none.
    func check(_ header: BatchHeader, origin: AppendOrigin) throws(LogError) -> Verdict {
        guard header.hasProducerID, let producer = producers[header.producerID] else { return .append }
        if origin == .client, let duplicate = producer.duplicate(of: header) { return .duplicate(duplicate) }
        guard header.producerEpoch >= producer.epoch else {
            throw .invalidProducerEpoch(
                producer: header.producerID,
                epoch: header.producerEpoch,
                current: producer.epoch
            )
        }
        guard origin == .client else { return .append }
        let expected = producer.nextSequence(inEpoch: header.producerEpoch)
        guard header.baseSequence == expected else {
            throw .outOfOrderSequence(
                producer: header.producerID,
                epoch: header.producerEpoch,
                expected: expected,
                found: header.baseSequence
            )
        }
        return .append
    }

    /// Remembers a batch that is in the log now.
    mutating func record(_ header: BatchHeader, lastOffset: Offset, maxTimestamp: Timestamp) {
        guard header.hasProducerID else { return }
        if producers[header.producerID] == nil { makeRoom() }
        producers[header.producerID, default: Producer(epoch: header.producerEpoch)].record(
            header,
            lastOffset: lastOffset,
            maxTimestamp: maxTimestamp
        )
    }

    /// Takes over a producer from a snapshot.
    mutating func restore(_ id: ProducerID, _ producer: Producer) {
        if producers[id] == nil { makeRoom() }
        producers[id] = producer
    }

    /// Forgets who has been silent for `expiration`; one inside a transaction is never forgotten.
    mutating func removeExpired(now: Timestamp, expirationMilliseconds: Int64) {
        let (bound, overflow) = now.milliseconds.subtractingReportingOverflow(expirationMilliseconds)
        if overflow { return }
        producers = producers.filter { $0.value.transactionStart != nil || $0.value.lastTimestamp.milliseconds > bound }
    }

    /// Keeps the number of producers bounded by forgetting a tenth of them, the longest silent: they are accepted as
    /// unknown producers when they come back. A tenth, so that sorting costs little per producer.
    private mutating func makeRoom() {
        guard producers.count >= maximumProducers else { return }
        let idle = producers.filter { $0.value.transactionStart == nil }
        let oldestFirst = idle.sorted { left, right in
            let offsets = [left, right].map { $0.value.batches.last?.lastOffset ?? Offset(-1) }
            return (offsets[0], left.key.rawValue) < (offsets[1], right.key.rawValue)
        }
        for (id, _) in oldestFirst.prefix(max(1, maximumProducers / 10)) { producers[id] = nil }
    }
}

extension ProducerState.Producer {
    /// The remembered batch with the same epoch and sequence numbers.
    func duplicate(of header: BatchHeader) -> ProducerState.Batch? {
        guard header.producerEpoch == epoch else { return nil }
        return batches.first {
            $0.firstSequence == header.baseSequence && $0.lastSequence == header.lastSequence
        }
    }

    /// What the first sequence number of the next batch has to be: 0 in a new epoch.
    func nextSequence(inEpoch epoch: Int16) -> SequenceNumber {
        guard epoch == self.epoch, let last = batches.last else { return SequenceNumber(0) }
        return last.lastSequence.advanced(by: 1)
    }

    mutating func record(_ header: BatchHeader, lastOffset: Offset, maxTimestamp: Timestamp) {
        if header.producerEpoch != epoch {
            epoch = header.producerEpoch
            batches.removeAll(keepingCapacity: true)
        }
        if header.attributes.isControl {
            transactionStart = nil
        } else {
            let most = planted(.fourBatchWindow) ? 4 : ProducerState.batchesPerProducer
            if batches.count == most { batches.removeFirst() }
            batches.append(
                ProducerState.Batch(
                    lastSequence: header.lastSequence,
                    lastOffset: lastOffset,
                    offsetDelta: header.lastOffsetDelta,
                    timestamp: maxTimestamp
                )
            )
            if header.attributes.isTransactional, transactionStart == nil {
                transactionStart = lastOffset + Int64(-header.lastOffsetDelta)
            }
        }
        lastTimestamp = maxTimestamp
    }
}

/// Who writes a batch. Immutable.
package enum AppendOrigin: Sendable {
    /// A client, through Produce: everything is checked.
    case client
    /// A part of this broker: control batches are allowed, and sequence numbers are not needed.
    case broker
}
