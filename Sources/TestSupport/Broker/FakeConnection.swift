package import Broker
package import Model
package import NIOCore
package import Wire

/// A client's connection without a socket: what the broker does to it is written down for the test to look at.
///
/// Everything but the immutable properties is touched on the reactor's thread only, which is the test's.
package final class FakeConnection: ClientConnection, @unchecked Sendable {
    // Safe: the broker's threads read immutable properties only and come back through the reactor.

    /// What became of a request.
    package enum Answer: Sendable {
        case response(WireOutput)
        /// The request gets no response.
        case nothing
    }

    package let loop: ManualReactor
    package let listener: String
    package let localAddress: Endpoint
    package let remoteAddress: Endpoint
    private let broker: Broker

    package private(set) var answers: [UInt64: Answer] = [:]
    /// The requests in the order in which they were answered; one that is there twice was answered twice.
    package private(set) var order: [UInt64] = []
    package private(set) var parked: [UInt64: any ParkedRequest] = [:]
    /// Why the broker has ended the connection. More than one is a mistake of the broker.
    package private(set) var refusals: [String] = []
    package private(set) var isOpen = true
    /// Whether the broker wants no further request now.
    package private(set) var isHeldBack = false
    /// Requests that were sent meanwhile.
    private var heldBack: [(frame: ByteBuffer, number: UInt64)] = []
    private var sent: UInt64 = 0

    package init(
        broker: Broker,
        loop: ManualReactor,
        listener: String = "PLAINTEXT",
        localAddress: Endpoint = Endpoint(host: "broker.example", port: 9092)
    ) {
        self.broker = broker
        self.loop = loop
        self.listener = listener
        self.localAddress = localAddress
        remoteAddress = Endpoint(host: "192.0.2.7", port: 40_000)
    }

    // MARK: ClientConnection

    package var reactor: any Reactor { loop }

    package func respond(to request: UInt64, with response: WireOutput?) {
        invariant(loop.isCurrent, "a connection is answered on its event loop")
        guard isOpen else { return }
        parked[request] = nil
        order.append(request)
        answers[request] = response.map { .response($0) } ?? .nothing
    }

    package func park(_ request: UInt64, _ waiting: any ParkedRequest) {
        invariant(loop.isCurrent, "a request is parked on its event loop")
        guard isOpen else { return waiting.abandon() }
        parked[request] = waiting
    }

    package func refuse(_ reason: String) {
        invariant(loop.isCurrent, "a connection is ended on its event loop")
        refusals.append(reason)
        close()
    }

    package func holdBack() {
        invariant(loop.isCurrent && !isHeldBack, "a connection is held back once, on its event loop")
        isHeldBack = true
    }

    package func goOn() {
        invariant(loop.isCurrent && isHeldBack, "a connection that is held back goes on, on its event loop")
        isHeldBack = false
        while isOpen, !isHeldBack, !heldBack.isEmpty {
            let next = heldBack.removeFirst()
            receive(next.frame, next.number)
        }
    }

    // MARK: The transport's part

    /// The client has gone away.
    package func close() {
        isOpen = false
        let waiting = parked
        parked = [:]
        for request in waiting.values { request.abandon() }
    }

    /// The broker is about to stop: waits end.
    package func drain() {
        for request in Array(parked.values) { request.finishNow() }
    }

    /// Hands a frame without its length to the broker; returns the request's number.
    @discardableResult
    package func deliver(_ frame: ByteBuffer) -> UInt64 {
        defer { sent += 1 }
        if isHeldBack { heldBack.append((frame, sent)) } else { receive(frame, sent) }
        return sent
    }

    private func receive(_ frame: ByteBuffer, _ number: UInt64) {
        DiskWaits.forbidden { broker.receive(frame, number: number, from: self) }
    }

    // MARK: The client's part

    /// Sends a request and does not wait for what becomes of it.
    package func begin<Request: WireRequest>(
        _ request: Request,
        version: Int16 = Request.api.versions.upperBound
    ) throws -> PendingResponse<Request> {
        var frame = try Frame.request(
            request,
            version: version,
            correlationID: Int32(truncatingIfNeeded: sent &+ 1_000),
            clientID: "test"
        ).flattened()
        frame.moveReaderIndex(forwardBy: Frame.lengthBytes)
        return PendingResponse(number: deliver(frame), version: version)
    }

    /// Sends a request and waits for its response.
    package func send<Request: WireRequest>(
        _ request: Request,
        version: Int16 = Request.api.versions.upperBound
    ) throws -> Request.Response {
        try finish(try begin(request, version: version))
    }

    /// Waits for the response to a request.
    package func finish<Request: WireRequest>(_ pending: PendingResponse<Request>) throws -> Request.Response {
        guard case .response(let output) = try answer(to: pending.number) else {
            throw UnexpectedAnswer("\(Request.api.name) v\(pending.version) got no response")
        }
        return try pending.decode(output)
    }

    /// Waits until a request is answered.
    package func answer(to number: UInt64) throws -> Answer {
        try loop.run(until: { answers[number] != nil || !isOpen }, "the answer to request \(number)")
        if let answer = answers[number] { return answer }
        throw UnexpectedAnswer("the connection was closed: \(refusals)")
    }

    /// Whether a request is answered, once everything is done that can be done now.
    package func isAnswered(_ pending: PendingResponse<some WireRequest>) -> Bool {
        loop.run()
        return answers[pending.number] != nil
    }
}

/// A request that was sent. Immutable.
package struct PendingResponse<Request: WireRequest>: Sendable {
    package let number: UInt64
    package let version: Int16

    package init(number: UInt64, version: Int16) {
        self.number = number
        self.version = version
    }

    /// The response in a frame, of which nothing may be left over.
    package func decode(_ output: WireOutput) throws -> Request.Response {
        var body = try output.responseBody(Request.api, version: version, number: number)
        let (response, rest) = try Request.Response.read(
            body,
            version: version,
            isFlexible: Request.api.isFlexible(version)
        )
        body = rest
        guard body.readableBytes == 0 else {
            throw UnexpectedAnswer("\(body.readableBytes) bytes after the response to \(Request.api.name) v\(version)")
        }
        return response
    }
}

extension WireOutput {
    /// The frame as it goes over the network, with the bytes of its files.
    package func flattened() throws -> ByteBuffer {
        var rest = bytes
        var flat = ByteBuffer()
        for (index, slice) in files {
            flat.writeImmutableBuffer(rest.readSlice(length: index - rest.readerIndex) ?? ByteBuffer())
            flat.writeImmutableBuffer(try slice.read())
        }
        flat.writeImmutableBuffer(rest)
        return flat
    }

    /// What follows the header of a response, whose length and number must be right.
    package func responseBody(_ api: API, version: Int16, number: UInt64) throws -> ByteBuffer {
        var frame = try flattened()
        guard let (length, correlationID) = frame.readMultipleIntegers(as: (Int32, Int32).self),
            Int(length) == frame.readableBytes + 4
        else { throw UnexpectedAnswer("the length of a \(api.name) response is wrong") }
        guard correlationID == Int32(truncatingIfNeeded: number &+ 1_000) else {
            throw UnexpectedAnswer("a \(api.name) response belongs to request \(correlationID)")
        }
        if api.hasFlexibleResponseHeader(version), frame.readInteger(as: UInt8.self) != 0 {
            throw UnexpectedAnswer("the header of a \(api.name) response has no tagged fields")
        }
        return frame
    }
}

/// The broker has not answered as a test needs it to go on. Immutable.
package struct UnexpectedAnswer: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}
