import Model

/// The outcome of a batch, shared by the deliveries of its records. Guarded by its promise's lock.
final class BatchResult: Sendable {
    /// What became of a batch that was not refused.
    enum Fate: Sendable {
        case stored(BatchPlacement)
        /// It was too large, and its records go on in two batches; `count` of them in the first.
        case split(first: BatchResult, count: Int32, second: BatchResult)
    }

    let partition: TopicPartition
    let promise = Promise<Fate>()
    private let refusals = Locked<[Int32: ClientError]>([:])

    init(_ partition: TopicPartition) { self.partition = partition }

    func complete(_ placement: BatchPlacement) { promise.complete(.success(.stored(placement))) }

    /// Refers to the batches in which the records go on.
    func split(_ first: ProducerBatch, _ second: ProducerBatch) {
        promise.complete(.success(.split(first: first.result, count: first.count, second: second.result)))
    }

    /// Waits until every record has an outcome. Throws the first failure.
    func settled() async throws(ClientError) {
        guard case .split(let first, _, let second) = try await promise.value() else { return }
        try await first.settled()
        try await second.settled()
    }

    func fail(_ refusal: BatchRefusal) {
        refusals.withLock { $0 = refusal.records }
        promise.complete(.failure(refusal.error))
    }

    func refusal(of place: Int32) -> ClientError? { refusals.withLock { $0[place] } }
}

/// A record's delivery, which happens in the background. Immutable; cheap to keep, as a batch's records share their state.
public struct Delivery: Sendable {
    let batch: BatchResult
    let place: Int32

    /// What became of the record: where it was stored, or why it was not. nil while it is under way.
    public var outcome: Result<RecordMetadata, ClientError>? {
        switch batch.promise.outcome {
        case nil: nil
        case .failure(let error): .failure(self.error(error))
        case .success(.stored(let placement)): .success(metadata(placement))
        case .success(.split(let first, let count, let second)): part(first, count, second).outcome
        }
    }

    /// Waits for the record's delivery and says where it was stored.
    ///
    /// Throws ``ClientError``: of kind ``ClientError/Kind/broker`` if the record was refused,
    /// ``ClientError/Kind/timeout`` if it could not be delivered within ``ProducerConfiguration/deliveryTimeout``,
    /// ``ClientError/Kind/cancelled`` if the calling task is cancelled; the delivery goes on then.
    public func metadata() async throws(ClientError) -> RecordMetadata {
        do throws(ClientError) {
            switch try await batch.promise.value() {
            case .stored(let placement): return metadata(placement)
            case .split(let first, let count, let second): return try await part(first, count, second).metadata()
            }
        } catch {
            throw self.error(error)
        }
    }

    /// The same record's delivery in one of the batches that its own was split into.
    private func part(_ first: BatchResult, _ count: Int32, _ second: BatchResult) -> Delivery {
        place < count ? Delivery(batch: first, place: place) : Delivery(batch: second, place: place - count)
    }

    private func metadata(_ placement: BatchPlacement) -> RecordMetadata {
        RecordMetadata(
            topic: batch.partition.topic,
            partition: batch.partition.partition,
            offset: placement.baseOffset.map { $0 + Int64(place) },
            logAppendTime: placement.logAppendTime
        )
    }

    private func error(_ shared: ClientError) -> ClientError { batch.refusal(of: place) ?? shared }
}
