import Model

/// The outcome of a batch, shared by the deliveries of its records. Guarded by its promise's lock.
final class BatchResult: Sendable {
    typealias Outcome = Result<BatchPlacement, ClientError>

    let partition: TopicPartition
    let promise = Promise<BatchPlacement>()
    private let refusals = Locked<[Int32: ClientError]>([:])

    init(_ partition: TopicPartition) { self.partition = partition }

    func complete(_ placement: BatchPlacement) { promise.complete(.success(placement)) }

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
        batch.promise.outcome.map { $0.map(metadata).mapError(error) }
    }

    /// Waits for the record's delivery and says where it was stored.
    ///
    /// Throws ``ClientError``: of kind ``ClientError/Kind/broker`` if the record was refused,
    /// ``ClientError/Kind/timeout`` if it could not be delivered within ``ProducerConfiguration/deliveryTimeout``,
    /// ``ClientError/Kind/cancelled`` if the calling task is cancelled; the delivery goes on then.
    public func metadata() async throws(ClientError) -> RecordMetadata {
        do throws(ClientError) {
            return metadata(try await batch.promise.value())
        } catch {
            throw self.error(error)
        }
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
