import Synchronization

/// Reads the records of partitions, in order per partition, fetching ahead in the background: of given ones, or as a member
/// of a group of those that the group gives it. Thread-safe.
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
///
/// A member of a group keeps what it has read up to with its group, and goes on there after a restart:
///
/// ```swift
/// let group = GroupConfiguration(id: "billing", subscription: .topics(["orders"]))
/// let consumer = Consumer(ConsumerConfiguration(client: client, group: group))
/// for try await record in consumer { print(record.offset) }
/// ```
public final class Consumer: AsyncSequence, Sendable {
    /// What the sequence is made of.
    public typealias Element = ConsumedRecord
    /// What iterating throws.
    public typealias Failure = ClientError

    let core: ConsumerCore

    /// A consumer; it connects when it is first read from.
    public init(_ configuration: ConsumerConfiguration) { core = ConsumerCore(configuration: configuration) }

    deinit {
        let core = core
        Task { await Self.close(core) }
    }

    /// Finds the partitions and their starting offsets, and begins to fetch. Reading does this by itself; call it to
    /// fix the position of ``StartPosition/end`` at a certain moment.
    ///
    /// Throws ``ClientError``: of kind ``ClientError/Kind/connection`` if no broker can be reached,
    /// ``ClientError/Kind/broker`` if a topic does not exist, ``ClientError/Kind/invalidArgument`` if a partition does not.
    public func start() async throws(ClientError) { try await core.start() }

    /// Stops fetching and closes the connections. Records that were fetched ahead are still delivered, unless they are a
    /// group's: a member commits what is finished, if it does that by itself, and leaves its group, so that others read on.
    public func close() async { await Self.close(core) }

    private static func close(_ core: ConsumerCore) async {
        await core.leave()
        core.stop()
        // One that was being joined in the very moment.
        await core.leave()
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
        private var mark: BatchMark?
        /// The state of ``ConsumerCore/changes`` when ``records`` were handed out.
        private var changes = 0

        init(core: ConsumerCore) { self.core = core }

        /// The next record, or nil at the end.
        ///
        /// Throws what ``Consumer/start()`` throws; later ``ClientError`` of kind ``ClientError/Kind/broker`` if a
        /// partition is lost, its offset does not exist, or the group refuses this member,
        /// ``ClientError/Kind/protocolViolation`` if records are damaged, ``ClientError/Kind/cancelled`` if the task is
        /// cancelled. Lost connections are made again without an error.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws(ClientError) -> ConsumedRecord? {
            if index < records.count, changes != core.changes.load(ordering: .relaxed) { look() }
            if index == records.count {
                guard let batch = try await nextBatch(isolation: actor) else { return nil }
                records = batch
                index = 0
            } else {
                core.calls.add(1, ordering: .relaxed)
            }
            defer { index += 1 }
            // Whoever asks for this one is done with those before it.
            mark?.finish(upTo: records[index].offset)
            return records[index]
        }

        /// Drops the records that are left if their partition was given up meanwhile: others read them again.
        private mutating func look() {
            changes = core.changes.load(ordering: .relaxed)
            switch chunk.map(core.standing) {
            case .current, .paused, nil: return
            case .suspended, .void:
                records = []
                index = 0
                mark = nil
            }
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
            if let mark { mark.finish(upTo: mark.end) }
            mark = nil
            core.calls.add(1, ordering: .relaxed)
            while true {
                if let batch = try handOut() { return batch }
                try await core.start()
                switch try core.read() {
                case .chunk(let next): chunk = next
                case .end: return nil
                case .wait(let promise):
                    try await promise.value()
                    core.calls.add(1, ordering: .relaxed)
                }
            }
        }

        /// The next batch of the chunk at hand; nil if there is none that may be handed out.
        private mutating func handOut() throws(ClientError) -> [ConsumedRecord]? {
            while let held = chunk {
                switch core.standing(of: held) {
                case .void: chunk = nil
                case .paused, .suspended:
                    core.putBack(held)
                    chunk = nil
                case .current:
                    changes = core.changes.load(ordering: .relaxed)
                    var advanced = held
                    guard let batch = try advanced.next() else {
                        core.finished(held)
                        chunk = nil
                        continue
                    }
                    // Without a mark the partition was paused or given up in this moment, and the chunk is as before.
                    guard let mark = core.handOut(batch, of: advanced) else { continue }
                    self.mark = mark
                    chunk = advanced
                    return batch
                }
            }
            return nil
        }
    }
}
