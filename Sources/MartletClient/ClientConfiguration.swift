public import CoreMetrics
public import Logging
public import NIOCore

/// How to reach a cluster, and how long to try. Shared by ``Producer``, ``Consumer`` and ``Admin``. A value.
public struct ClientConfiguration: Sendable {
    /// Brokers to ask first; one that answers is enough (Kafka's `bootstrap.servers`).
    public var bootstrap: [BrokerAddress]
    /// The name under which brokers log and limit this client (Kafka's `client.id`).
    public var clientID = "martlet"
    /// How long a TCP connection may take to come about, name resolution included
    /// (`socket.connection.setup.timeout.ms`).
    public var connectTimeout: Duration = .seconds(10)
    /// How long a broker may take to answer a request, beyond what the request itself allows it to wait
    /// (Kafka's `request.timeout.ms`).
    public var requestTimeout: Duration = .seconds(30)
    /// How long an ``Admin`` call keeps trying, reconnects included (Kafka's `default.api.timeout.ms`).
    public var operationTimeout: Duration = .seconds(60)
    /// How long a ``Producer`` or ``Consumer`` keeps trying to reach a first broker. Zero tries every address once, so
    /// that a wrong address is told at once; raise it for programs that may start before their brokers. Once the cluster
    /// has been reached, ``operationTimeout`` counts.
    public var bootstrapTimeout: Duration = .zero
    /// The pause before the first new attempt; doubles with each failure, with ±20 % jitter (`retry.backoff.ms`,
    /// KIP-580).
    public var retryBackoff: Duration = .milliseconds(100)
    /// The longest pause between attempts (`retry.backoff.max.ms`).
    public var maximumRetryBackoff: Duration = .seconds(1)
    /// The pause before the first new attempt to connect to a broker; doubles with each failure, with ±20 % jitter
    /// (`reconnect.backoff.ms`).
    public var reconnectBackoff: Duration = .milliseconds(50)
    /// The longest pause between attempts to connect to a broker (`reconnect.backoff.max.ms`).
    public var maximumReconnectBackoff: Duration = .seconds(1)
    /// How old the list of topics, partitions and leaders may become (Kafka's `metadata.max.age.ms`).
    public var metadataMaximumAge: Duration = .seconds(300)
    /// The largest response this client accepts, in bytes; a longer one closes the connection.
    public var maximumResponseBytes = 128 << 20
    /// Where the client reports what it does on its own, such as reconnecting. Silent by default.
    public var logger = Logger(label: "martlet.client", factory: { _ in SwiftLogNoOpLogHandler() })

    /// Which metrics system to count in; nil takes `MetricsSystem.factory`, and so nothing is counted unless the program has
    /// set one up. The names begin with `martlet_producer_`, `martlet_consumer_` and `martlet_client_`.
    public var metrics: (any MetricsFactory)?
    /// Called with each new connection, before anything is sent on it: the place to put handlers in front of the Kafka
    /// protocol, such as a `NIOSSLClientHandler` for TLS. Runs on the connection's event loop; what it throws ends the
    /// attempt.
    ///
    /// ```swift
    /// let context = try NIOSSLContext(configuration: .makeClientConfiguration())
    /// client.prepareConnection = { channel, broker in
    ///     let tls = try NIOSSLClientHandler(context: context, serverHostname: broker.host)
    ///     try channel.pipeline.syncOperations.addHandler(tls)
    /// }
    /// ```
    public var prepareConnection: (@Sendable (_ channel: any Channel, _ broker: BrokerAddress) throws -> Void)?
    /// Proves to each broker who the client is (SASL); nil for brokers that do not ask.
    public var authenticator: (any Authenticator)?

    /// A configuration for the brokers given.
    public init(bootstrap: [BrokerAddress]) { self.bootstrap = bootstrap }

    /// A configuration for brokers written as `host:port,host:port`. Throws ``ClientError`` if that cannot be read.
    public init(bootstrap: String) throws(ClientError) {
        self.init(bootstrap: try BrokerAddress.list(parsing: bootstrap))
    }
}
