import Model
import Wire

/// Creates, describes, changes and deletes topics, configurations, records and consumer groups. Thread-safe.
///
/// Every call throws ``ClientError``: of kind ``ClientError/Kind/connection`` or ``ClientError/Kind/timeout`` if no broker
/// can be reached, ``ClientError/Kind/broker`` if the cluster refuses, ``ClientError/Kind/unsupported`` if the broker is
/// too old for it, ``ClientError/Kind/cancelled`` if the calling task is cancelled.
public final class Admin: Sendable {
    let cluster: Cluster

    /// An admin client; it connects when it is first used.
    public init(_ configuration: ClientConfiguration) {
        cluster = Cluster(configuration: configuration, createsTopics: false)
    }

    deinit {
        let cluster = cluster
        Task { await cluster.close() }
    }

    /// Closes the connections.
    public func close() async { await cluster.close() }
}

// MARK: Sending

extension Admin {
    /// Errors that pass by themselves. Others, though Kafka calls them retriable, are an answer: there is no such topic.
    private static let passing: Set<ErrorCode> = [
        .notController, .leaderNotAvailable, .notLeaderOrFollower, .networkException, .coordinatorLoadInProgress,
        .throttlingQuotaExceeded,
    ]

    var timeoutMilliseconds: Int32 {
        Int32(clamping: cluster.configuration.requestTimeout.wholeNanoseconds / 1_000_000)
    }

    /// Sends a request to the controller, or to any broker while none is known, and again while `check` finds an error
    /// that passes.
    func send<Request: WireRequest, Value>(
        _ request: Request,
        check: (Request.Response) throws(ClientError) -> Value
    ) async throws(ClientError) -> Value {
        try await retrying { () async throws(ClientError) -> Value in
            let connection = try await self.controllerConnection()
            return try check(try await connection.send(request))
        }
    }

    func retrying<Value>(_ body: () async throws(ClientError) -> Value) async throws(ClientError) -> Value {
        let deadline = Deadline(in: cluster.configuration.operationTimeout)
        var attempts = 0
        while true {
            do throws(ClientError) {
                return try await body()
            } catch {
                guard let code = error.code, Self.passing.contains(code), !deadline.hasPassed else { throw error }
                attempts += 1
                try await pause(cluster.backoff.delay(afterFailures: attempts))
                try await cluster.refresh()
            }
        }
    }

    private func controllerConnection() async throws(ClientError) -> BrokerConnection {
        if cluster.metadata.nodes.isEmpty { try await cluster.refresh() }
        guard let controller = cluster.metadata.controllerID, cluster.metadata.nodes[controller] != nil else {
            return try await cluster.anyConnection()
        }
        return try await cluster.connection(to: controller)
    }

    static func check(_ code: ErrorCode, _ context: String, _ detail: String? = nil) throws(ClientError) {
        if code.isError { throw ClientError(code: code, context: context, detail: detail) }
    }

    static func missing(_ context: String) -> ClientError {
        ClientError(.protocolViolation, "the broker's answer leaves out \(context)")
    }
}
