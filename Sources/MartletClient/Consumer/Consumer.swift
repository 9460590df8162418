/// Reads the records of given partitions, in order per partition, fetching ahead in the background. Thread-safe.
///
/// ```swift
/// let client = try ClientConfiguration(bootstrap: "127.0.0.1:9092")
/// let all = Assignment(topic: "orders", start: .beginning)
/// let consumer = Consumer(ConsumerConfiguration(client: client, assignments: [all]))
/// for try await record in consumer { print(record.offset) }
/// ```
///
/// The sequence ends after ``close()``, and at the partitions' end if ``ConsumerConfiguration/stopsAtEnd`` is set.
/// Several tasks may iterate at once; each record goes to one of them.
public final class Consumer: AsyncSequence, Sendable {
    /// What the sequence is made of.
    public typealias Element = ConsumedRecord
    /// What iterating throws.
    public typealias Failure = ClientError

    private let core: ConsumerCore

    /// A consumer; it connects when it is first read from.
    public init(_ configuration: ConsumerConfiguration) { core = ConsumerCore(configuration: configuration) }

    deinit {
        core.stop()
        let cluster = core.cluster
        Task { await cluster.close() }
    }

    /// Finds the partitions and their starting offsets, and begins to fetch. Reading does this by itself; call it to
    /// fix the position of ``StartPosition/end`` at a certain moment.
    ///
    /// Throws ``ClientError``: of kind ``ClientError/Kind/connection`` if no broker can be reached,
    /// ``ClientError/Kind/broker`` if a topic does not exist, ``ClientError/Kind/invalidArgument`` if a partition does not.
    public func start() async throws(ClientError) { try await core.start() }

    /// Stops fetching and closes the connections. Records that were fetched ahead are still delivered.
    public func close() async {
        core.stop()
        await core.cluster.close()
    }

    /// Begins iterating; see ``Iterator/next(isolation:)``.
    public func makeAsyncIterator() -> Iterator { Iterator(core: core) }

    /// One task's way through the records. A value, owned by that task.
    public struct Iterator: AsyncIteratorProtocol {
        private let core: ConsumerCore
        private var chunk: FetchedChunk?
        private var records: [ConsumedRecord] = []
        private var index = 0

        init(core: ConsumerCore) { self.core = core }

        /// The next record, or nil at the end.
        ///
        /// Throws what ``Consumer/start()`` throws; later ``ClientError`` of kind ``ClientError/Kind/broker`` if a
        /// partition is lost or its offset does not exist, ``ClientError/Kind/protocolViolation`` if records are damaged,
        /// ``ClientError/Kind/cancelled`` if the task is cancelled. Lost connections are made again without an error.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws(ClientError) -> ConsumedRecord? {
            if index == records.count {
                guard let batch = try await nextBatch(isolation: actor) else { return nil }
                records = batch
                index = 0
            }
            defer { index += 1 }
            return records[index]
        }

        /// Whether ``nextBatch(isolation:)`` has an answer without waiting: a good moment to write out what was collected
        /// is when it has not.
        public var isAhead: Bool { chunk?.hasRecords ?? false || core.isAhead }

        /// The records of the next batch of one partition, never empty, or nil at the end. Cheaper than one by one.
        ///
        /// Throws what ``next(isolation:)`` throws.
        public mutating func nextBatch(
            isolation actor: isolated (any Actor)? = #isolation
        ) async throws(ClientError) -> [ConsumedRecord]? {
            while true {
                if let batch = try chunk?.next() { return batch }
                if let read = chunk.take() { core.finished(read) }
                try await core.start()
                switch try core.read() {
                case .chunk(let next): chunk = next
                case .end: return nil
                case .wait(let promise): try await promise.value()
                }
            }
        }
    }
}
