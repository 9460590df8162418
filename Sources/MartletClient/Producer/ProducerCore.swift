import CoreMetrics
import Logging
import Model
import Wire

/// What a producer and its senders share: the accumulator behind its lock, the cluster, and the senders to wake.
final class ProducerCore: Sendable {
    private struct State {
        var accumulator: Accumulator
        var senders: [Int32?: Signal] = [:]
        var isClosed = false
        /// Senders end.
        var isStopped = false
        var expiredAt: Instant
    }

    /// How often to look for batches that waited too long.
    private static let expiryInterval = Duration.milliseconds(250)

    let configuration: ProducerConfiguration
    let cluster: Cluster
    let metrics: ProducerMetrics
    let time = SystemTime()
    private let state: Locked<State>

    init(configuration: ProducerConfiguration) {
        self.configuration = configuration
        cluster = Cluster(configuration: configuration.client, createsTopics: true)
        metrics = ProducerMetrics(configuration.client)
        let accumulator = Accumulator(configuration: configuration, seed: .random(in: 0 ... .max))
        state = Locked(State(accumulator: accumulator, expiredAt: time.instant))
    }

    var isStopped: Bool { state.withLock { $0.isStopped } }

    // MARK: Appending

    func append(_ record: borrowing ProducerRecord, isReserved: Bool = false) throws(ClientError)
        -> Accumulator.Appended
    {
        let time = time
        let appended = try state.withLock { state throws(ClientError) in
            if state.isClosed { throw .closed("producer") }
            return try state.accumulator.append(record, now: time.instant, clock: time.now, isReserved: isReserved)
        }
        if case .record(let delivery, isUrgent: true) = appended {
            wake(cluster.metadata.leader(of: delivery.batch.partition)?.id)
        }
        return appended
    }

    /// Waits until the budget has room for `bytes`, and reserves them.
    func reserve(_ bytes: Int) async throws(ClientError) {
        let waiter = state.withLock { state in state.isClosed ? nil : state.accumulator.budget.wait(for: bytes) }
        guard let waiter else { throw .closed("producer") }
        // Now nothing lingers, so that room comes about.
        wakeAll()
        do throws(ClientError) {
            try await waiter.room.value()
        } catch {
            let granted = state.withLock { $0.accumulator.budget.abandon(waiter.id, bytes: bytes) }
            for room in granted { room.complete(.success(())) }
            throw error
        }
    }

    /// Makes the topic's partitions known to the accumulator.
    func learn(_ topic: String) async throws(ClientError) {
        let topic = try await cluster.topic(topic)
        state.withLock { $0.accumulator.update(topic) }
    }

    // MARK: Sending

    func readiness(of node: Int32?) -> Accumulator.Readiness {
        let (metadata, now) = (cluster.metadata, time.instant)
        return state.withLock { $0.accumulator.readiness(of: node, metadata: metadata, now: now) }
    }

    func drain(node: Int32) -> [ProducerBatch] {
        let (metadata, now) = (cluster.metadata, time.instant)
        return state.withLock { $0.accumulator.drain(node: node, metadata: metadata, now: now) }
    }

    var needsIdentity: Bool { state.withLock { $0.accumulator.needsIdentity } }

    func setIdentity(_ identity: ProducerIdentity) {
        state.withLock { state in
            if state.accumulator.needsIdentity { state.accumulator.identity = identity }
        }
    }

    // MARK: Answers

    func succeed(_ batch: ProducerBatch, _ placement: BatchPlacement) {
        let (room, used) = state.withLock { ($0.accumulator.succeed(batch), $0.accumulator.budget.used) }
        batch.result.complete(placement)
        metrics.delivered(batch)
        metrics.bufferBytes.record(Int64(used))
        for waiter in room { waiter.complete(.success(())) }
    }

    func refuse(_ batch: ProducerBatch, _ refusal: BatchRefusal) {
        let room = state.withLock { $0.accumulator.abandon(batch) }
        batch.result.fail(refusal)
        metrics.failedRecords.increment(by: Int64(batch.count))
        for waiter in room { waiter.complete(.success(())) }
    }

    /// Goes on with the halves of a batch that is too large; refuses it if it has only one record.
    func split(_ batch: ProducerBatch, _ refusal: BatchRefusal) {
        if isStopped { return refuse(batch, BatchRefusal(error: .closed("producer"), records: [:])) }
        do throws(ClientError) {
            guard let (first, second) = try batch.halves() else { return refuse(batch, refusal) }
            metrics.splits.increment()
            state.withLock { $0.accumulator.split(batch, first, second) }
            batch.result.split(first, second)
        } catch {
            refuse(batch, BatchRefusal(error: error, records: [:]))
        }
    }

    /// Takes a batch back to send it again, or gives it up if its time is over.
    func retry(_ batch: ProducerBatch, because error: ClientError, needsNewEpoch: Bool = false) {
        let now = time.instant
        if isStopped { return refuse(batch, BatchRefusal(error: .closed("producer"), records: [:])) }
        guard batch.created.advanced(by: configuration.deliveryTimeout) > now else {
            return refuse(batch, BatchRefusal(error: expiry(batch, error), records: [:]))
        }
        let backoff = cluster.backoff
        metrics.retries.increment()
        state.withLock { state in
            state.accumulator.retry(batch, needsNewEpoch: needsNewEpoch) { failures in
                now.advanced(by: backoff.delay(afterFailures: failures))
            }
        }
    }

    func verdict(_ answer: ProduceResponse.Partition, for batch: ProducerBatch) -> ProduceVerdict {
        let isNext = state.withLock { $0.accumulator.isNextInSequence(batch) }
        return ProduceVerdict(answer, batch, isNextInSequence: isNext)
    }

    /// Gives up what waited too long for a leader, a connection or its turn.
    func expire() {
        let now = time.instant
        let (late, room) = state.withLock { state -> ([ProducerBatch], [Promise<Void>]) in
            guard state.expiredAt.advanced(by: Self.expiryInterval) <= now else { return ([], []) }
            state.expiredAt = now
            return state.accumulator.expire(now: now)
        }
        for batch in late { giveUp(batch, expiry(batch, nil)) }
        for waiter in room { waiter.complete(.success(())) }
    }

    private func expiry(_ batch: ProducerBatch, _ reason: ClientError?) -> ClientError {
        let what = "\(batch.count) records for topic '\(batch.partition.topic)' partition \(batch.partition.partition)"
        let why = reason.map { "; the last attempt failed: \($0.message)" } ?? "; they never left the queue"
        return ClientError(
            .timeout,
            "\(what) could not be delivered within \(configuration.deliveryTimeout)\(why)",
            hint: reason?.hint
        )
    }

    /// Fails everything that waits.
    func failAll(_ error: ClientError) {
        let (batches, room) = state.withLock { $0.accumulator.removeAll() }
        for batch in batches { giveUp(batch, error) }
        for waiter in room { waiter.complete(.failure(error)) }
    }

    private func giveUp(_ batch: ProducerBatch, _ error: ClientError) {
        batch.result.fail(BatchRefusal(error: error, records: [:]))
        metrics.failedRecords.increment(by: Int64(batch.count))
    }

    // MARK: Senders

    /// Wakes the sender to a broker, starting it if need be; nil is the one that finds leaders.
    func wake(_ node: Int32?) {
        let (signal, isNew) = state.withLock { state -> (Signal?, Bool) in
            if state.isStopped { return (nil, false) }
            if let signal = state.senders[node] { return (signal, false) }
            let signal = Signal()
            state.senders[node] = signal
            return (signal, true)
        }
        guard let signal else { return }
        if isNew { Task { await NodeSender(core: self, node: node, signal: signal).run() } }
        signal.raise()
    }

    /// Wakes the senders of all partitions with something left to do.
    func wakeAll() {
        let metadata = cluster.metadata
        for node in state.withLock({ $0.accumulator.nodesWithWork(metadata) }) { wake(node) }
    }

    /// Learns where the leaders are now.
    func refreshMetadata() async {
        do throws(ClientError) {
            try await cluster.refresh()
        } catch {
            configuration.client.logger.debug("metadata not refreshed", metadata: ["reason": "\(error.message)"])
        }
        let metadata = cluster.metadata
        state.withLock { state in
            for topic in metadata.topics.values where !topic.error.isError { state.accumulator.update(topic) }
        }
        wakeAll()
    }

    // MARK: The end

    /// Sends everything without lingering, and waits for its outcome. Throws the first failure.
    func flush() async throws(ClientError) {
        let results = state.withLock { state in
            state.accumulator.flushes += 1
            return state.accumulator.unfinished.map(\.result)
        }
        defer { state.withLock { $0.accumulator.flushes -= 1 } }
        wakeAll()
        var failure: ClientError?
        for result in results {
            do throws(ClientError) {
                try await result.settled()
            } catch {
                if error.kind == .cancelled { throw error }
                failure = failure ?? error
            }
        }
        if let failure { throw failure }
    }

    /// Takes no more records.
    func refuseAppends() { state.withLock { $0.isClosed = true } }

    /// Ends the senders; what is left fails.
    func stop() {
        let signals = state.withLock { state in
            state.isClosed = true
            state.isStopped = true
            return state.senders.values
        }
        for signal in signals { signal.raise() }
        failAll(.closed("producer"))
    }
}
