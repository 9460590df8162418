import CoreMetrics
import Logging
import Model
import NIOCore
import Synchronization
import Wire

/// What a consumer and its fetchers share: the plan and what was fetched ahead behind one lock, and the cluster.
final class ConsumerCore: Sendable {
    struct State {
        var plan: FetchPlan
        var chunks = CircularBuffer<FetchedChunk>()
        var fetchers: [Int32?: Signal] = [:]
        /// Tasks that wait for records.
        var readers: [Promise<Void>] = []
        var failure: ClientError?
        var isStopped = false
        var progress: [TopicPartition: PartitionProgress] = [:]
        /// Partitions that are being given up: still ours, but nothing of them is handed out.
        var suspended: Set<TopicPartition> = []
        /// Whether a group has not yet said what to read, so that reading nothing is not the end.
        var awaitsAssignment = false
    }

    /// What a reader gets.
    enum Reading {
        case chunk(FetchedChunk)
        case end
        case wait(Promise<Void>)
    }

    let configuration: ConsumerConfiguration
    let cluster: Cluster
    let metrics: ConsumerMetrics
    let time = SystemTime()
    let state: Locked<State>
    private let starting = Locked<Promise<Void>?>(nil)
    /// Counts what makes records that are at hand void, so that whoever holds some looks again.
    let changes = Atomic<Int>(0)
    /// Counts the application's calls for records.
    let calls = Atomic<Int>(0)

    init(configuration: ConsumerConfiguration) {
        self.configuration = configuration
        cluster = Cluster(configuration: configuration.client, createsTopics: false)
        metrics = ConsumerMetrics(configuration.client)
        var state = State(plan: FetchPlan(prefetchBytes: configuration.prefetchBytes))
        state.awaitsAssignment = configuration.group != nil
        self.state = Locked(state)
    }

    var isStopped: Bool { state.withLock { $0.isStopped } }

    // MARK: Starting

    /// Finds the partitions and positions and starts fetching, once, whoever comes first.
    func start() async throws(ClientError) {
        while true {
            do throws(ClientError) {
                return try await startOnce()
            } catch {
                // The task that was starting was cancelled, and this one was not: it starts itself.
                if error.kind == .cancelled, !Task.isCancelled { continue }
                throw error
            }
        }
    }

    private func startOnce() async throws(ClientError) {
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
        if let group = configuration.group { return try await join(group) }
        var starts: [TopicPartition: StartPosition] = [:]
        var ends: [TopicPartition: Int64] = [:]
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
                ends[TopicPartition(topic.name, index)] = assignment.end
            }
        }
        let positions = try await StartPositions.find(
            starts,
            cluster: cluster,
            isolation: configuration.isolation,
            needsEnds: configuration.stopsAtEnd
        )
        state.withLock { state in
            for (partition, found) in positions {
                // The nearer of the two, where there are two.
                let end = [found.end, ends[partition]].compactMap { $0 }.min()
                state.plan.add(partition, position: found.start, end: end)
                state.progress[partition] = PartitionProgress(position: found.start, followsBatches: false)
            }
        }
    }

    /// Becomes a member of a group, which goes on in the background. Throws if no broker can be reached.
    private func join(_ group: GroupConfiguration) async throws(ClientError) {
        try group.validate()
        try await cluster.refreshPatiently([])
        if isStopped { throw .closed("consumer") }
        session.withLock { $0 = $0 ?? GroupSession(core: self, configuration: group) }
    }

    /// The membership in a group, once it has begun.
    let session = Locked<GroupSession?>(nil)

    // MARK: Reading

    /// The next chunk, the end, or something to wait for.
    func read() throws(ClientError) -> Reading {
        try state.withLock { state throws(ClientError) in
            if let index = state.chunks.firstIndex(where: { !state.isHeld($0.partition) }) {
                return .chunk(state.chunks.remove(at: index))
            }
            if let failure = state.failure { throw failure }
            if state.isAtEnd { return .end }
            let promise = Promise<Void>()
            state.readers.append(promise)
            return .wait(promise)
        }
    }

    /// Whether ``read()`` has something else to say than to wait.
    var isAhead: Bool {
        state.withLock { state in
            state.chunks.contains { $0.hasRecords && !state.isHeld($0.partition) } || state.failure != nil
                || state.isAtEnd
        }
    }

    /// Takes note that a chunk has been read, so that there is room for more.
    func finished(_ chunk: FetchedChunk) {
        let signals = state.withLock { state -> [Signal] in
            state.plan.consumed(chunk.partition, bytes: chunk.bytes, epoch: chunk.epoch)
            // What lies behind the last record, such as the marks of transactions, is passed too.
            if let next = chunk.nextOffset, state.plan.isCurrent(chunk.partition, chunk.epoch) {
                state.progress[chunk.partition]?.pass(upTo: next)
            }
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
            epoch: item.epoch,
            configuration: configuration
        )
        metrics.bytes.increment(by: Int64(chunk.bytes))
        metrics.lag(of: item.partition, answer.highWatermark - (chunk.nextOffset ?? item.offset))
        wakeReaders { state in
            // Given up, or moved, while it was on its way.
            guard state.plan.isCurrent(item.partition, item.epoch) else { return false }
            state.plan.received(
                item,
                bytes: chunk.bytes,
                nextOffset: chunk.nextOffset,
                lastEpoch: chunk.lastEpoch
            )
            if chunk.bytes > 0 { state.chunks.append(chunk) }
            return chunk.bytes > 0 || state.isAtEnd
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

    /// Takes note that there was nothing new for items, or that they were not asked for after all.
    func released(_ items: some Sequence<FetchPlan.Item>) {
        state.withLock { state in
            for item in items { state.plan.released(item) }
        }
    }

    func checked(_ item: FetchPlan.Item, leaderEpoch: Int32) {
        state.withLock { $0.plan.checked(item, leaderEpoch: leaderEpoch) }
    }

    func reset(_ item: FetchPlan.Item, to position: Int64) {
        wakeReaders { state in
            guard state.plan.isCurrent(item.partition, item.epoch) else { return false }
            state.plan.reset(item, to: position)
            state.progress[item.partition] = progress(at: position)
            return state.isAtEnd
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

    func wakeReaders(_ body: (inout State) -> Bool) {
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
