import Model
import NIOCore
import Records

/// A batch that a producer has sent, and where it came to lie. Owned by its simulation.
final class SentBatch {
    struct Content: Equatable {
        let key: String?
        let value: String?
        let timestamp: Int64
    }

    let bytes: ByteBuffer
    let records: [Content]
    let firstSequence: Int32
    let sentAt: Int64
    /// The offset of its first record, as the log has said, or as it was found after a crash.
    var base: Int64?

    init(bytes: ByteBuffer, records: [Content], firstSequence: Int32, sentAt: Int64) {
        self.bytes = bytes
        self.records = records
        self.firstSequence = firstSequence
        self.sentAt = sentAt
    }

    /// The offset behind its last record, if it lies at `base`.
    func end(from base: Int64) -> Int64 { base + Int64(records.count) }

    var nextSequence: Int32 { firstSequence + Int32(records.count) }
}

/// An idempotent producer of one partition: what it has sent, and what it has to send again. Owned by its simulation.
final class SimulatedProducer {
    let id: ProducerID
    /// Everything that is in the log, in order.
    private(set) var history: [SentBatch] = []
    /// What failed, or was interrupted: a client sends it again before anything else.
    var unanswered: SentBatch?

    init(id: ProducerID) { self.id = id }

    var nextSequence: Int32 { unanswered?.nextSequence ?? history.last?.nextSequence ?? 0 }

    func noteAnswer(_ batch: SentBatch) {
        unanswered = nil
        history.append(batch)
    }

    /// The batches that the log has to recognise: the last five, as many as a producer may have in flight.
    func recognisable(from start: Int64) -> [SentBatch] { history.suffix(5).filter { ($0.base ?? -1) >= start } }

    /// After a crash: some batches are lost. A client that goes on begins behind what is left.
    func forget(_ isLost: (SentBatch) -> Bool) {
        // What was interrupted may have been found all the same.
        if let batch = unanswered, batch.base != nil { noteAnswer(batch) }
        history.removeAll(where: isLost)
        if let batch = unanswered, batch.firstSequence != history.last?.nextSequence ?? 0 { unanswered = nil }
    }
}
