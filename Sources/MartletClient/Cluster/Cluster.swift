import CoreMetrics
import Logging
import Model
import NIOCore
import Wire

/// A client's view of a cluster: its metadata, and connections to its brokers that are made when first needed. An actor;
/// the metadata is also readable without waiting.
actor Cluster {
    /// What a connection is used for. A fetch that waits for records, or a member that waits for the others of its group,
    /// blocks all behind it, so both get their own.
    enum Lane: Hashable, Sendable {
        case general
        case fetch
        case membership
    }

    enum Target: Hashable {
        case bootstrap(BrokerAddress)
        case node(Int32, Lane)
    }

    private enum Slot {
        case connecting(Promise<BrokerConnection>, BrokerAddress)
        case ready(BrokerConnection)
    }

    nonisolated let configuration: ClientConfiguration
    nonisolated let backoff: Backoff
    /// The pauses between attempts to connect to one broker.
    private nonisolated let reconnectBackoff: Backoff
    private nonisolated let metrics: ClientMetrics
    /// Whether asking for an unknown topic makes brokers create it, where they are configured to.
    private nonisolated let createsTopics: Bool
    private nonisolated let snapshot = Locked(ClusterMetadata())
    /// The brokers that were last known to coordinate groups.
    nonisolated let coordinators = Locked<[String: Int32]>([:])

    private var slots: [Target: Slot] = [:]
    private var failures: [Target: (count: Int, until: ContinuousClock.Instant)] = [:]
    private var tracked: Set<String> = []
    private var refreshing: (promise: Promise<Void>, topics: Set<String>)?
    private var ageing: Task<Void, Never>?
    private var isClosed = false

    init(configuration: ClientConfiguration, createsTopics: Bool) {
        self.configuration = configuration
        self.createsTopics = createsTopics
        backoff = Backoff(configuration)
        reconnectBackoff = Backoff(
            initial: configuration.reconnectBackoff,
            maximum: configuration.maximumReconnectBackoff
        )
        metrics = ClientMetrics(configuration)
    }

    /// What is known now; empty before the first refresh.
    nonisolated var metadata: ClusterMetadata { snapshot.withLock { $0 } }

    /// Closes all connections. What is under way fails.
    func close() {
        isClosed = true
        ageing?.cancel()
        for slot in slots.values {
            if case .ready(let connection) = slot { connection.close() }
        }
        slots = [:]
    }
}

// MARK: Connections

extension Cluster {
    /// The connection to a broker, made if need be; waits out the pause that a failed attempt causes.
    func connection(to node: Int32, _ lane: Lane = .general) async throws(ClientError) -> BrokerConnection {
        guard let known = metadata.nodes[node] else {
            throw ClientError(.connection, "the cluster has no broker with id \(node) at the moment", isRetriable: true)
        }
        do throws(ClientError) {
            return try await connection(.node(node, lane), known.address)
        } catch  where error.kind == .connection || error.kind == .timeout {
            throw ClientError(
                error.kind,
                "broker \(node), which the cluster says is at \(known.address): \(error.message)",
                hint: configuration.bootstrap.contains(known.address)
                    ? error.hint
                    : "clients must be able to reach the address the broker advertises (advertised.listeners)",
                isRetriable: error.isRetriable
            )
        }
    }

    /// A connection to any broker: one that is open, else any known broker, else those to start with.
    func anyConnection() async throws(ClientError) -> BrokerConnection {
        // Not those for fetching, which are busy waiting for records.
        for case (.bootstrap, .ready(let connection)) in slots where connection.failure == nil { return connection }
        for case (.node(_, .general), .ready(let connection)) in slots where connection.failure == nil {
            return connection
        }
        let known = metadata.nodes.values.map { (Target.node($0.id, .general), $0.address) }
        let candidates = known.shuffled() + configuration.bootstrap.map { (.bootstrap($0), $0) }
        var errors: [ClientError] = []
        for (target, address) in candidates {
            do throws(ClientError) {
                return try await connection(target, address)
            } catch {
                if error.kind == .cancelled || error.kind == .closed { throw error }
                errors.append(error)
            }
        }
        throw Self.unreachable(errors)
    }

    private static func unreachable(_ errors: [ClientError]) -> ClientError {
        guard let first = errors.first, errors.count > 1 else {
            return errors.first ?? ClientError(.invalidArgument, "no broker address given")
        }
        var messages: [String] = []
        for error in errors where !messages.contains(error.message) { messages.append(error.message) }
        return ClientError(
            first.kind,
            messages.count == 1 ? first.message : "no broker can be reached: " + messages.joined(separator: "; "),
            hint: first.hint,
            isRetriable: errors.contains(where: \.isRetriable)
        )
    }

    private func connection(
        _ target: Target,
        _ address: BrokerAddress
    ) async throws(ClientError) -> BrokerConnection {
        while true {
            if isClosed { throw .closed("client") }
            switch slots[target] {
            case .ready(let connection) where connection.failure == nil && connection.address == address:
                return connection
            case .ready(let connection):
                connection.close()
                slots[target] = nil
            case .connecting(let promise, let goal) where goal == address: return try await promise.value()
            case .connecting(let promise, _): _ = try await promise.value()
            case nil:
                if let wait = failures[target], wait.until > .now {
                    try await pause(ContinuousClock.now.duration(to: wait.until))
                    // Another task may have come first.
                    if slots[target] != nil { continue }
                }
                return try await connect(target, address)
            }
        }
    }

    private func connect(_ target: Target, _ address: BrokerAddress) async throws(ClientError) -> BrokerConnection {
        let promise = Promise<BrokerConnection>()
        slots[target] = .connecting(promise, address)
        let configuration = configuration
        // A task of its own, as several callers may wait for it and any of them may be cancelled.
        Task {
            let outcome: Promise<BrokerConnection>.Outcome
            do throws(ClientError) {
                outcome = .success(try await BrokerConnection.connect(to: address, configuration: configuration))
            } catch {
                outcome = .failure(error)
            }
            self.finish(target, outcome)
            promise.complete(outcome)
        }
        return try await promise.value()
    }

    private func finish(_ target: Target, _ outcome: Promise<BrokerConnection>.Outcome) {
        switch outcome {
        case .success(let connection):
            metrics.connections.increment()
            if isClosed { connection.close() }
            slots[target] = isClosed ? nil : .ready(connection)
            failures[target] = nil
        case .failure(let error):
            slots[target] = nil
            let count = (failures[target]?.count ?? 0) + 1
            failures[target] = (count, .now + reconnectBackoff.delay(afterFailures: count))
            metrics.failedConnections.increment()
            configuration.logger.debug("cannot connect", metadata: ["reason": "\(error.message)"])
        }
    }

    /// Lets the connection that found the cluster serve as the one to its broker, if it leads to the same address.
    private func adoptBootstrapConnections() {
        for (id, node) in metadata.nodes where slots[.node(id, .general)] == nil {
            slots[.node(id, .general)] = slots.removeValue(forKey: .bootstrap(node.address))
        }
    }
}

// MARK: Metadata

extension Cluster {
    /// Refreshes the brokers and the topics given, and all asked for before. Calls at the same time share one request.
    func refresh(_ topics: some Sequence<String> & Sendable = EmptyCollection()) async throws(ClientError) {
        tracked.formUnion(topics)
        while let (promise, covered) = refreshing {
            try await promise.value()
            if tracked.isSubset(of: covered) { return }
        }
        let promise = Promise<Void>()
        let wanted = tracked
        refreshing = (promise, wanted)
        do throws(ClientError) {
            _ = try await ask(for: wanted)
            refreshing = nil
            promise.complete(.success(()))
        } catch {
            refreshing = nil
            promise.complete(.failure(error))
            throw error
        }
        startAgeing()
    }

    /// Asks once for the topics given, or for all; the answer also becomes part of ``metadata``.
    func ask(for topics: Set<String>?) async throws(ClientError) -> MetadataResponse {
        let connection = try await anyConnection()
        let version = try connection.versions.version(for: MetadataRequest.api)
        var request = MetadataRequest()
        request.allowAutoTopicCreation = createsTopics
        // Version 0 cannot ask for no topic: an empty list means all there.
        request.topics = topics.map { names in
            names.sorted().map { name in
                var topic = MetadataRequest.Topic()
                topic.name = name
                return topic
            }
        }
        let response = try await connection.start(request, version: version).response()
        if response.errorCode == .rebootstrapRequired {
            // The brokers known are not the cluster any more: back to those to start with (KIP-1102).
            snapshot.withLock { $0 = ClusterMetadata() }
        }
        if response.errorCode.isError { throw ClientError(code: response.errorCode, context: "metadata") }
        snapshot.withLock { $0.merge(response) }
        adoptBootstrapConnections()
        return response
    }

    /// Refreshes, again while brokers cannot be reached: until the operation timeout, or before the first contact until
    /// the bootstrap timeout.
    func refreshPatiently(_ topics: some Sequence<String> & Sendable) async throws(ClientError) {
        let start = ContinuousClock.now
        var attempts = 0
        while true {
            do throws(ClientError) {
                return try await refresh(topics)
            } catch {
                let isKnown = !metadata.nodes.isEmpty
                let patience = isKnown ? configuration.operationTimeout : configuration.bootstrapTimeout
                guard error.isRetriable, start.duration(to: .now) < patience else { throw error }
                attempts += 1
                try await pause(backoff.delay(afterFailures: attempts))
            }
        }
    }

    /// A topic with its partitions. Asks the cluster if it is not known, and again while it is just being created.
    func topic(_ name: String) async throws(ClientError) -> ClusterMetadata.Topic {
        let deadline = Deadline(in: createsTopics ? Self.creationTime : .zero)
        var attempts = 0
        while true {
            if let topic = metadata.topics[name], !topic.error.isError, !topic.partitions.isEmpty { return topic }
            try await refreshPatiently([name])
            guard let topic = metadata.topics[name] else {
                throw ClientError(.protocolViolation, "the broker's metadata leaves out topic '\(name)'")
            }
            if !topic.error.isError, !topic.partitions.isEmpty { return topic }
            guard topic.error.isRetriable, !deadline.hasPassed else {
                tracked.remove(name)
                throw ClientError(code: topic.error, context: "topic '\(name)'")
            }
            attempts += 1
            try await pause(backoff.delay(afterFailures: attempts))
        }
    }

    /// Forgets what is known of a topic, so that the next use asks again.
    func forget(_ topic: String) {
        tracked.remove(topic)
        snapshot.withLock { $0.forget(topic) }
    }

    /// How long a topic that a broker creates on demand may take to appear.
    private static let creationTime = Duration.seconds(10)

    private func startAgeing() {
        guard ageing == nil, !isClosed else { return }
        let age = configuration.metadataMaximumAge
        let logger = configuration.logger
        ageing = Task { [weak self] in
            while !Task.isCancelled {
                do throws(ClientError) {
                    try await pause(age)
                    try await self?.refresh()
                } catch {
                    if error.kind == .cancelled || error.kind == .closed { return }
                    logger.debug("metadata not refreshed", metadata: ["reason": "\(error.message)"])
                }
                if self == nil { return }
            }
        }
    }
}
