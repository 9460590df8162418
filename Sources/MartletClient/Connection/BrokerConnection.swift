import Logging
import Model
import NIOCore
import NIOPosix
import Wire

/// One TCP connection to one broker, on which any number of requests travel at once. Usable from any task; its state
/// is owned by its event loop.
final class BrokerConnection: Sendable {
    /// Where it leads.
    let address: BrokerAddress
    private let channel: any Channel
    private let handler: NIOLoopBound<ConnectionHandler>
    private let clientID: String
    private let requestTimeout: Duration
    private let negotiated = Locked(APIVersions.none)
    private let closing: Locked<ClientError?>
    /// Until when the broker wants to hear nothing (KIP-219).
    let metrics: ClientMetrics
    let throttledUntil = Locked<ContinuousClock.Instant?>(nil)

    private init(
        address: BrokerAddress,
        channel: any Channel,
        handler: NIOLoopBound<ConnectionHandler>,
        configuration: ClientConfiguration,
        closing: Locked<ClientError?>
    ) {
        self.address = address
        self.channel = channel
        self.handler = handler
        self.closing = closing
        metrics = ClientMetrics(configuration)
        clientID = configuration.clientID
        requestTimeout = configuration.requestTimeout
    }

    /// The versions the broker speaks.
    var versions: APIVersions { negotiated.withLock { $0 } }

    /// Why the connection is of no use any more; nil while it is.
    var failure: ClientError? { closing.withLock { $0 } }

    /// Closes the connection; what waits for an answer fails.
    func close() {
        let handler = handler
        channel.eventLoop.execute { handler.value.fail(.closed("connection")) }
    }
}

// MARK: Requests

extension BrokerConnection {
    /// Sends a request in the highest version that both sides speak and waits for the answer.
    func send<Request: WireRequest>(
        _ request: Request,
        atMost limit: Int16 = .max,
        waiting extra: Duration = .zero
    ) async throws(ClientError) -> Request.Response {
        let version = try versions.version(for: Request.api, atMost: limit)
        try await waitOutThrottling()
        return try await start(request, version: version, waiting: extra).response()
    }

    /// Sends a request and returns at once. Requests leave in the order of the calls.
    ///
    /// - Parameter extra: How long the request lets the broker wait before it answers, on top of the request timeout.
    func start<Request: WireRequest>(
        _ request: Request,
        version: Int16,
        waiting extra: Duration = .zero,
        isAnswered: Bool = true
    ) throws(ClientError) -> SentRequest<Request> {
        let frame: WireOutput
        do throws(WireError) {
            // The connection's handler sets the correlation id.
            frame = try Frame.request(request, version: version, correlationID: 0, clientID: clientID)
        } catch {
            throw ClientError(.invalidArgument, "\(Request.api.name): \(error)")
        }
        let outgoing = OutgoingRequest(
            frame: frame.bytes,
            name: Request.api.name,
            timeout: requestTimeout + extra,
            isAnswered: isAnswered,
            response: Promise()
        )
        let handler = handler
        channel.eventLoop.execute { handler.value.send(outgoing) }
        return SentRequest(version: version, connection: self, body: outgoing.response)
    }
}

/// A request that was sent, and the way to its answer. Immutable.
struct SentRequest<Request: WireRequest>: Sendable {
    let version: Int16
    let connection: BrokerConnection
    let body: Promise<ByteBuffer>

    /// Waits until the request is written; for requests that are not answered.
    func written() async throws(ClientError) { _ = try await body.value() }

    /// Waits for the answer and reads it.
    func response() async throws(ClientError) -> Request.Response {
        let bytes = try await body.value()
        let response = try decode(bytes, version: version)
        connection.noteThrottling(response, version: version)
        return response
    }

    func decode(_ bytes: ByteBuffer, version: Int16) throws(ClientError) -> Request.Response {
        let api = Request.api
        do throws(WireError) {
            var reader = WireCoder.reader(bytes, version: version, isFlexible: true)
            if api.hasFlexibleResponseHeader(version) { try reader.taggedFields() }
            return try Request.Response.read(
                reader.remaining,
                version: version,
                isFlexible: api.isFlexible(version)
            ).message
        } catch {
            throw ClientError(
                .protocolViolation,
                "\(connection.address) answered \(api.name) version \(version) with something unreadable: \(error)"
            )
        }
    }
}

// MARK: Connecting

extension BrokerConnection {
    /// Connects and agrees on versions. Throws which step failed and why.
    static func connect(
        to address: BrokerAddress,
        configuration: ClientConfiguration
    ) async throws(ClientError) -> BrokerConnection {
        let closing = Locked<ClientError?>(nil)
        let connection = try await open(address, configuration, closing)
        do throws(ClientError) {
            try await connection.negotiate()
        } catch {
            connection.close()
            throw error.adding(context: "a connection was accepted, but the first request failed")
        }
        if let authenticator = configuration.authenticator {
            do throws(ClientError) {
                try await connection.authenticate(authenticator)
            } catch {
                connection.close()
                throw error
            }
        }
        configuration.logger.debug("connected", metadata: ["broker": "\(address)"])
        return connection
    }

    private static func open(
        _ address: BrokerAddress,
        _ configuration: ClientConfiguration,
        _ closing: Locked<ClientError?>
    ) async throws(ClientError) -> BrokerConnection {
        let maximumResponseBytes = configuration.maximumResponseBytes
        let prepare = configuration.prepareConnection
        let bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connectTimeout(TimeAmount(configuration.connectTimeout))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.recvAllocator, value: receiveAllocator)
        do {
            let (channel, handler) = try await bootstrap.connect(host: address.host, port: address.port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try prepare?(channel, address)
                    let handler = ConnectionHandler(address: address, maximumResponseBytes: maximumResponseBytes) {
                        error in
                        closing.withLock { $0 = $0 ?? error }
                    }
                    try channel.pipeline.syncOperations.addHandler(handler)
                    return (channel, NIOLoopBound(handler, eventLoop: channel.eventLoop))
                }
            }
            return BrokerConnection(
                address: address,
                channel: channel,
                handler: handler,
                configuration: configuration,
                closing: closing
            )
        } catch {
            throw ConnectionFailure.connecting(to: address, error, timeout: configuration.connectTimeout)
        }
    }

    /// Fetch responses are megabytes; answers to small requests should not cost as much.
    private static let receiveAllocator = AdaptiveRecvByteBufferAllocator(
        minimum: 4 << 10,
        initial: 16 << 10,
        maximum: 1 << 20
    )

    /// Asks for the broker's versions: in version 4 first; a broker that does not know it answers in version 0 with
    /// UNSUPPORTED_VERSION (KIP-511).
    private func negotiate() async throws(ClientError) {
        var version: Int16 = 4
        while true {
            var request = ApiVersionsRequest()
            request.clientSoftwareName = Version.softwareName
            request.clientSoftwareVersion = Version.current
            let sent = try start(request, version: version)
            let body = try await sent.body.value()
            let code = ErrorCode(rawValue: body.getInteger(at: body.readerIndex) ?? 0)
            if code == .unsupportedVersion {
                // Strictly downwards, whatever the broker says, so that this ends.
                guard version > 0 else { throw ClientError(code: code, context: "ApiVersions") }
                version = max(0, min(Self.highestVersion(in: body, of: sent), version - 1))
                continue
            }
            let answer = try sent.decode(body, version: version)
            guard !answer.errorCode.isError else { throw ClientError(code: answer.errorCode, context: "ApiVersions") }
            let versions = APIVersions(answer)
            negotiated.withLock { $0 = versions }
            return
        }
    }

    /// The version of ApiVersions that a refusal asks for; 0, which all brokers speak, if it cannot be read: not all
    /// peers answer in version 0, as they should.
    private static func highestVersion(in body: ByteBuffer, of sent: SentRequest<ApiVersionsRequest>) -> Int16 {
        do throws(ClientError) {
            let answer = try sent.decode(body, version: 0)
            return answer.apis.first { $0.key == APIKey.apiVersions.rawValue }?.maximumVersion ?? 0
        } catch {
            return 0
        }
    }
}
