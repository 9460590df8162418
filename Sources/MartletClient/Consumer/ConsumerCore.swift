import Logging
import Model
import NIOCore
import Wire

/// What a consumer and its fetchers share: the plan and what was fetched ahead behind one lock, and the cluster.
final class ConsumerCore: Sendable {
    private struct State {
        var plan: FetchPlan
        var chunks = CircularBuffer<FetchedChunk>()
        var fetchers: [Int32?: Signal] = [:]
        /// Tasks that wait for records.
        var readers: [Promise<Void>] = []
        var failure: ClientError?
        var isStopped = false
    }

    /// What a reader gets.
    enum Reading {
        case chunk(FetchedChunk)
        case end
        case wait(Promise<Void>)
    }

    let configuration: ConsumerConfiguration
    let cluster: Cluster
    let time = SystemTime()
    private let state: Locked<State>
    private let starting = Locked<Promise<Void>?>(nil)

    init(configuration: ConsumerConfiguration) {
        self.configuration = configuration
        cluster = Cluster(configuration: configuration.client, createsTopics: false)
        state = Locked(State(plan: FetchPlan(prefetchBytes: configuration.prefetchBytes)))
    }

    var isStopped: Bool { state.withLock { $0.isStopped } }

    // MARK: Starting

    /// Finds the partitions and positions and starts fetching, once, whoever comes first.
    func start() async throws(ClientError) {
        let (promise, isFirst) = starting.withLock { promise -> (Promise<Void>, Bool) in
            if let promise { return (promise, false) }
            let new = Promise<Void>()
            promise = new
            return (new, true)
        }
        if isFirst {
            do throws(ClientError) {
                try await findPositions()
                promise.complete(.success(()))
                wakeAll()
            } catch {
                // The next call may try again.
                starting.withLock { $0 = nil }
                promise.complete(.failure(error))
                throw error
            }
        }
        try await promise.value()
    }

    private func findPositions() async throws(ClientError) {
        var starts: [TopicPartition: StartPosition] = [:]
        for assignment in configuration.assignments {
            let topic = try await cluster.topic(assignment.topic)
            for index in assignment.partitions ?? topic.partitions.map(\.index) {
                guard topic.partition(index) != nil else {
                    throw ClientError(
                        .invalidArgument,
                        "topic '\(topic.name)' has no partition \(index), only 0 to \(topic.partitions.count - 1)"
                    )
                }
                starts[TopicPartition(topic.name, index)] = assignment.start
            }
        }
        let positions = try await StartPositions.find(
            starts,
            cluster: cluster,
            isolation: configuration.isolation,
            needsEnds: configuration.stopsAtEnd
        )
        state.withLock { state in
            for (partition, found) in positions { state.plan.add(partition, position: found.start, end: found.end) }
        }
    }

    // MARK: Reading

    /// The next chunk, the end, or something to wait for.
    func read() throws(ClientError) -> Reading {
        try state.withLock { state throws(ClientError) in
            if let chunk = state.chunks.popFirst() { return .chunk(chunk) }
            if let failure = state.failure { throw failure }
            if state.isStopped || state.plan.isFinished { return .end }
            let promise = Promise<Void>()
            state.readers.append(promise)
            return .wait(promise)
        }
    }

    /// Whether ``read()`` has something else to say than to wait.
    var isAhead: Bool {
        state.withLock { state in
            state.chunks.contains(where: \.hasRecords) || state.failure != nil || state.isStopped
                || state.plan.isFinished
        }
    }

    /// Takes note that a chunk has been read, so that there is room for more.
    func finished(_ chunk: FetchedChunk) {
        let signals = state.withLock { state -> [Signal] in
            state.plan.consumed(chunk.partition, bytes: chunk.bytes)
            return Array(state.fetchers.values)
        }
        for signal in signals { signal.raise() }
    }

    // MARK: Fetching

    func next(for node: Int32?) -> FetchPlan.Next {
        let (metadata, now) = (cluster.metadata, time.instant)
        return state.withLock { $0.plan.next(for: node, metadata: metadata, now: now) }
    }

    func received(_ item: FetchPlan.Item, _ answer: FetchResponse.Partition) throws(ClientError) {
        let end = state.withLock { $0.plan.end(of: item.partition) }
        let chunk = try FetchedChunk(
            answer,
            item.partition,
            position: item.offset,
            end: end,
            configuration: configuration
        )
        wakeReaders { state in
            state.plan.received(item, bytes: chunk.bytes, nextOffset: chunk.nextOffset)
            if chunk.bytes > 0 { state.chunks.append(chunk) }
            return chunk.bytes > 0 || state.plan.isFinished
        }
    }

    @discardableResult
    func failed(_ item: FetchPlan.Item) -> Int {
        let now = time.instant
        let backoff = cluster.backoff
        return state.withLock { state in
            state.plan.failed(item) { failures in now.advanced(by: backoff.delay(afterFailures: failures)) }
        }
    }

    func reset(_ item: FetchPlan.Item, to position: Int64) {
        wakeReaders { state in
            state.plan.reset(item, to: position)
            return state.plan.isFinished
        }
    }

    /// Ends the consumer with an error, after what was fetched before it.
    func fail(_ error: ClientError) {
        wakeReaders { state in
            // After the end nothing is a failure: the connections are being closed.
            if !state.isStopped { state.failure = state.failure ?? error }
            return true
        }
        stop()
    }

    private func wakeReaders(_ body: (inout State) -> Bool) {
        let readers = state.withLock { state -> [Promise<Void>] in
            guard body(&state) else { return [] }
            defer { state.readers = [] }
            return state.readers
        }
        for reader in readers { reader.complete(.success(())) }
    }

    // MARK: Fetchers

    /// Wakes the fetchers of all partitions that are not at their end, starting those that are missing.
    func wakeAll() {
        let metadata = cluster.metadata
        let (new, signals) = state.withLock { state -> ([(Int32?, Signal)], [Signal]) in
            if state.isStopped { return ([], []) }
            var new: [(Int32?, Signal)] = []
            for node in state.plan.nodes(metadata) where state.fetchers[node] == nil {
                let signal = Signal()
                state.fetchers[node] = signal
                new.append((node, signal))
            }
            return (new, Array(state.fetchers.values))
        }
        for (node, signal) in new { Task { await NodeFetcher(core: self, node: node, signal: signal).run() } }
        for signal in signals { signal.raise() }
    }

    func refreshMetadata() async {
        do throws(ClientError) {
            try await cluster.refresh()
        } catch {
            configuration.client.logger.debug("metadata not refreshed", metadata: ["reason": "\(error.message)"])
        }
        wakeAll()
    }

    /// Ends the fetchers and, once they have read what is there, the readers.
    func stop() {
        let (signals, readers) = state.withLock { state -> ([Signal], [Promise<Void>]) in
            state.isStopped = true
            defer { state.readers = [] }
            return (Array(state.fetchers.values), state.readers)
        }
        for signal in signals { signal.raise() }
        for reader in readers { reader.complete(.success(())) }
    }
}
