/// A consumer's records, a batch of one partition at a time: cheaper than one by one, and what belongs together in one
/// transaction of a database. Made by ``Consumer/batches``; shares the consumer's position with its other iterators.
///
/// ```swift
/// for try await batch in consumer.batches { try await database.insert(batch) }
/// ```
///
/// In a group a batch is finished, and so committed, when the next one is asked for.
public struct RecordBatches: AsyncSequence, Sendable {
    /// The records of a batch, in order, of one partition; never empty.
    public typealias Element = [ConsumedRecord]
    /// What iterating throws.
    public typealias Failure = ClientError

    let core: ConsumerCore

    /// Begins iterating.
    public func makeAsyncIterator() -> Iterator { Iterator(records: Consumer.Iterator(core: core)) }

    /// One task's way through the batches. A value, owned by that task.
    public struct Iterator: AsyncIteratorProtocol {
        var records: Consumer.Iterator

        /// The next batch, or nil at the end. Throws what ``Consumer/Iterator/next(isolation:)`` throws.
        public mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws(ClientError) -> [ConsumedRecord]? {
            try await records.nextBatch(isolation: actor)
        }
    }
}

extension Consumer {
    /// The records in batches, as they were produced.
    public var batches: RecordBatches { RecordBatches(core: core) }
}
