import CommitLog
import Model

/// A partition in a simulation: the log, what it has to hold, and who writes to it. Owned by its simulation.
final class SimulatedPartition {
    let name: TopicPartition
    let topicID: TopicID
    var log: PartitionLog?
    var model = PartitionModel()
    var producers: [SimulatedProducer] = []
    /// Whether it is being created or deleted, so that a crash may find it or not.
    var isDoomed = false

    init(_ number: Int, topicID: TopicID) {
        name = TopicPartition("events", Int32(number))
        self.topicID = topicID
    }

    /// Compares what a start has found with what has to be there.
    func takeOver(_ log: PartitionLog, cutsPower: Bool, isNew: Bool, wasClean: Bool) throws {
        self.log = log
        isDoomed = false
        let found = try ReadBatch.readAll(log)
        do throws(Violation) {
            try model.takeOver(
                found,
                log.offsets,
                survivingEnd: cutsPower ? model.survives : model.end,
                wasClean: wasClean,
                hasBeenKept: !isNew && (!cutsPower || model.survives > 0)
            )
        } catch {
            throw Violation("\(name): \(error)\n  recovery: \(log.recovery)")
        }
        for producer in producers { producer.forget(model.hasLost) }
    }

    /// Sends what producers have sent before once more, as a client does that has not heard the answer.
    func checkRetries() throws {
        for producer in producers {
            for batch in producer.recognisable(from: model.start) { try retry(batch, of: producer) }
        }
    }

    /// An idempotent producer's batch that is in the log gets its first answer again, and is not appended again. Of what was
    /// compacted a start may know each producer's last batch only: the others are refused then.
    func retry(_ batch: SentBatch, of producer: SimulatedProducer) throws {
        guard let log, let base = batch.base else { return }
        let result: AppendResult
        do throws(LogError) {
            result = try log.append(batch.bytes)
        } catch {
            let mayBeForgotten = base < model.compaction.mayReach && batch !== producer.history.last
            guard mayBeForgotten, case .outOfOrderSequence = error else { throw error }
            return
        }
        try require(
            result.isDuplicate && result.baseOffset.rawValue == base,
            "\(name): the batch at \(base) was sent again and got \(result)"
        )
    }
}
