import CoreMetrics

/// What every client counts of its connections. Thread-safe.
struct ClientMetrics: Sendable {
    let connections: Counter
    let failedConnections: Counter
    /// Time for which brokers hold the client back because it exceeds a quota.
    let throttleTime: Timer

    init(_ client: ClientConfiguration) {
        let make = MetricMaker(client)
        connections = make.counter("martlet_client_connections")
        failedConnections = make.counter("martlet_client_failed_connections")
        throttleTime = make.timer("martlet_client_throttle_time")
    }
}
