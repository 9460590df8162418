import Model
import NIOCore
import Wire

/// A request on its way: its frame without a correlation id, and where the answer goes.
struct OutgoingRequest: Sendable {
    var frame: ByteBuffer
    /// For errors: Kafka's name of the API.
    let name: String
    let timeout: Duration
    /// False for a Produce with acks=0, which is never answered: its promise completes when it is written.
    let isAnswered: Bool
    /// Receives the body and header of the answer, without length and correlation id.
    let response: Promise<ByteBuffer>
}

/// Numbers requests, cuts the answers out of the stream and hands each to its request. Owned by its event loop.
///
/// Kafka answers in the order of the requests (the broker's I5), so the oldest pending request owns the next answer.
/// A request that is not answered in time takes the connection with it, as nothing behind it could be answered either.
final class ConnectionHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private struct Pending {
        let correlationID: Int32
        let name: String
        let deadline: NIODeadline
        let timeout: Duration
        let response: Promise<ByteBuffer>
    }

    private let address: BrokerAddress
    private let onClose: @Sendable (ClientError) -> Void
    private var assembler: FrameAssembler
    private var pending = CircularBuffer<Pending>()
    private var nextCorrelationID: Int32 = 0
    private var timer: Scheduled<Void>?
    private var timerDeadline = NIODeadline.distantFuture
    private var context: ChannelHandlerContext?
    private var failure: ClientError?
    private var needsFlush = false

    init(
        address: BrokerAddress,
        maximumResponseBytes: Int,
        onClose: @escaping @Sendable (ClientError) -> Void
    ) {
        self.address = address
        self.onClose = onClose
        assembler = FrameAssembler(maximumLength: maximumResponseBytes)
    }

    // MARK: Requests

    func send(_ request: OutgoingRequest) {
        guard failure == nil, let context else {
            request.response.complete(.failure(failure ?? .closed("connection")))
            return
        }
        var frame = request.frame
        let id = nextCorrelationID
        nextCorrelationID = id &+ 1 & .max
        frame.setInteger(id, at: frame.readerIndex + Self.correlationIDIndex)
        if request.isAnswered {
            let deadline = NIODeadline.now() + TimeAmount(request.timeout)
            pending.append(
                Pending(
                    correlationID: id,
                    name: request.name,
                    deadline: deadline,
                    timeout: request.timeout,
                    response: request.response
                )
            )
            startTimer(context, deadline)
            context.write(NIOAny(frame), promise: nil)
        } else {
            let written = context.eventLoop.makePromise(of: Void.self)
            let address = address
            written.futureResult.whenComplete { result in
                request.response.complete(
                    result.map { ByteBuffer() }.mapError { ConnectionFailure.broken(address, $0) }
                )
            }
            context.write(NIOAny(frame), promise: written)
        }
        flushSoon(context)
    }

    /// One flush for the requests that arrive together.
    private func flushSoon(_ context: ChannelHandlerContext) {
        if needsFlush { return }
        needsFlush = true
        context.eventLoop.assumeIsolated().execute {
            self.needsFlush = false
            self.context?.flush()
        }
    }

    /// Behind the length (4), the api key (2) and the version (2).
    private static let correlationIDIndex = 8

    // MARK: Answers

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard failure == nil else { return }
        assembler.append(unwrapInboundIn(data))
        do throws(ClientError) {
            while let frame = try assembler.next() { try deliver(frame) }
        } catch {
            fail(error.adding(context: "\(address)"))
        }
    }

    private func deliver(_ frame: ByteBuffer) throws(ClientError) {
        var body = frame
        guard let id: Int32 = body.readInteger(), let request = pending.popFirst() else {
            throw ClientError(.protocolViolation, "an answer came that no request asked for")
        }
        guard id == request.correlationID else {
            let error = ClientError(
                .protocolViolation,
                "the answer to \(request.name) has correlation id \(id), not \(request.correlationID)",
                hint: "the peer may not be a Kafka broker; check the port"
            )
            request.response.complete(.failure(error))
            throw error
        }
        request.response.complete(.success(body))
    }

    // MARK: The end

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelInactive(context: ChannelHandlerContext) {
        fail(ClientError(.connection, "the broker at \(address) closed the connection", isRetriable: true))
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        fail(ConnectionFailure.broken(address, error))
    }

    /// Fails everything that waits, and closes the connection. The first reason counts.
    func fail(_ error: ClientError) {
        guard failure == nil else { return }
        failure = error
        timer?.cancel()
        onClose(error)
        while let request = pending.popFirst() { request.response.complete(.failure(error)) }
        context?.close(promise: nil)
    }

    // MARK: Timeouts

    /// One timer, for the earliest deadline, however many requests are on their way.
    private func startTimer(_ context: ChannelHandlerContext, _ deadline: NIODeadline) {
        guard deadline < timerDeadline else { return }
        timer?.cancel()
        timerDeadline = deadline
        timer = context.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { self.checkDeadlines() }
    }

    private func checkDeadlines() {
        timerDeadline = .distantFuture
        let now = NIODeadline.now()
        if let late = pending.first(where: { $0.deadline <= now }) {
            return fail(
                ClientError(
                    .timeout,
                    "the broker at \(address) did not answer \(late.name) within \(late.timeout)",
                    hint: pending.first?.name == "ApiVersions" ? "the peer may not be a Kafka broker" : nil,
                    isRetriable: true
                )
            )
        }
        guard let context, let earliest = pending.lazy.map(\.deadline).min() else { return }
        startTimer(context, earliest)
    }
}
