import Model

extension Accumulator {
    /// What a sender can do.
    enum Readiness: Equatable {
        /// Something may leave now.
        case ready
        /// Nothing before that moment; nil: until woken.
        case waiting(until: Instant?)
    }

    /// Whether the sender to `node` has something to do.
    ///
    /// - Parameter node: A broker; nil for the partitions without a leader.
    func readiness(of node: Int32?, metadata: ClusterMetadata, now: Instant) -> Readiness {
        var next: Instant?
        for queue in active.values where metadata.leader(of: queue.partition)?.id == node {
            guard let ready = readyAt(queue) else { continue }
            if ready <= now { return .ready }
            next = min(next ?? ready, ready)
        }
        return .waiting(until: next)
    }

    /// The next batches for `node`, at most one per partition, the longest waiting first. They belong to the caller until
    /// they are handed back. None if the producer has no identity yet and needs one.
    mutating func drain(node: Int32, metadata: ClusterMetadata, now: Instant) -> [ProducerBatch] {
        var ready: [PartitionQueue] = []
        for queue in active.values where metadata.leader(of: queue.partition)?.id == node {
            if let instant = readyAt(queue), instant <= now { ready.append(queue) }
        }
        ready.sort { ($0.waitingSince ?? now) < ($1.waitingSince ?? now) }
        var batches: [ProducerBatch] = []
        var bytes = 0
        for queue in ready where bytes < configuration.maximumRequestBytes {
            if needsIdentity { break }
            guard let batch = queue.take(&identity) else { continue }
            bytes += batch.size
            batches.append(batch)
        }
        return batches
    }

    /// Whether batches cannot be numbered before the broker hands out an id.
    var needsIdentity: Bool { configuration.usesSequences && identity == nil }

    /// The brokers that lead partitions with something left to do; nil stands for those without a leader.
    func nodesWithWork(_ metadata: ClusterMetadata) -> Set<Int32?> {
        Set(active.keys.map { metadata.leader(of: $0)?.id })
    }

    /// Every batch that has no outcome yet.
    var unfinished: [ProducerBatch] { active.values.flatMap(\.unfinished) }

    private func readyAt(_ queue: PartitionQueue) -> Instant? {
        queue.readyAt(lingering: linger, maximumInFlight: inFlightPerPartition)
    }

    /// Batches leave without lingering when somebody waits for them, or for the room they take.
    private var linger: Duration { flushes > 0 || budget.isExhausted ? .zero : configuration.linger }

    /// Without sequence numbers, two batches on their way could be reordered by a retry. Without acknowledgements there
    /// are no retries.
    private var inFlightPerPartition: Int {
        configuration.usesSequences || configuration.acknowledgement == .none
            ? configuration.maximumInFlightRequests : 1
    }
}
