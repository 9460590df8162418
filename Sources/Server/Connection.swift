import Broker
import Glibc
import Logging
import Model
import NIOCore
import Wire

/// One client's TCP connection: cuts requests out of the stream, hands them to the broker, sends the answers in order.
///
/// Owned by its event loop.
final class Connection: ClientConnection, ReactorSource, @unchecked Sendable {
    // Safe: mutable state is touched on the event loop only; what is read elsewhere is immutable.

    let socket: CInt
    let loop: EpollReactor
    let listener: String
    let localAddress: Endpoint
    let remoteAddress: Endpoint
    let server: MartletServer
    var settings: ServerSettings { server.settings }

    var token: UInt64 = 0
    var isOpen = true
    var interest: Interest = .read

    // Receiving, see Connection+Receiving.swift.
    var isFirstFrame = true
    /// Bytes that arrived but are not a whole request yet, or may not be handled yet.
    var unparsed = ByteBuffer()
    /// A large frame that is arriving, without its length.
    var frame: ByteBuffer?
    var frameLength = 0
    /// What the frame holds of the memory for all requests.
    var reservedBytes = 0
    var isReceiving = false
    /// Set when reading must wait until something is sent or memory is free.
    var isPaused = false
    /// Set while the broker handles a request elsewhere that others must not overtake.
    var isHeldBack = false
    /// What that request holds of the memory for all requests.
    var heldBytes = 0
    /// Set when the broker stops: no request is read any more.
    var isDraining = false

    // Sending, see Connection+Sending.swift.
    var order = ReplyOrder()
    var outbound = OutboundQueue()
    var parked: [UInt64: any ParkedRequest] = [:]
    var isClosingAfterFlush = false
    /// Set from the first answer of the loop's turn until all of them are sent.
    var isFlushDue = false

    // Progress, for timeouts.
    var lastActivity: Instant
    var frameStarted: Instant?
    var sendProgress: Instant?

    init(socket: CInt, server: MartletServer, loop: EpollReactor, listener: String, remote: SocketAddress) {
        self.socket = socket
        self.server = server
        self.loop = loop
        self.listener = listener
        let local = SocketAddress.local(of: socket)
        localAddress = Endpoint(host: local?.host ?? "", port: local?.port ?? 0)
        remoteAddress = Endpoint(host: remote.host, port: remote.port)
        lastActivity = server.time.instant
    }

    var reactor: any Reactor { loop }

    /// Starts watching the socket. On the event loop.
    func start() {
        do throws(FileError) {
            token = try loop.add(self, descriptor: socket, .read)
            server.opened(self)
        } catch {
            server.log.warning("cannot serve \(remoteAddress): \(error)")
            isOpen = false
            Glibc.close(socket)
            server.released(remoteAddress)
        }
    }

    /// Closes the socket and lets go of everything. On the event loop.
    func close() {
        guard isOpen else { return }
        isOpen = false
        loop.remove(token, descriptor: socket)
        Glibc.close(socket)
        releaseFrame()
        unparsed = ByteBuffer()
        outbound.removeAll()
        let waiting = parked
        parked = [:]
        for request in waiting.values { request.abandon() }
        server.closed(self)
    }

    func refuse(_ reason: String) {
        guard isOpen else { return }
        server.complain(about: remoteAddress, .badRequest, "closed the connection from \(remoteAddress): \(reason)")
        sendWhatIsReady()
        close()
    }

    /// Closes the connection if it has made no progress for too long. On the event loop, once a second.
    func check(now: Instant) {
        if let frameStarted, frameStarted.duration(to: now) > settings.maximumStall {
            let missing = frameLength - (frame?.readableBytes ?? unparsed.readableBytes)
            return refuse("a request is not complete after \(settings.maximumStall), \(missing) bytes are missing")
        }
        if let sendProgress, sendProgress.duration(to: now) > settings.maximumStall {
            return refuse("the client has read nothing of its responses for \(settings.maximumStall)")
        }
        guard let limit = settings.maximumIdle, order.outstanding == 0, outbound.isEmpty else { return }
        if lastActivity.duration(to: now) > limit { close() }
    }

    /// Reads no more requests, ends waits, and closes once everything is sent. On the event loop.
    func drain() {
        guard isOpen, !isDraining else { return }
        isDraining = true
        updateInterest()
        for request in Array(parked.values) { request.finishNow() }
        closeIfDrained()
    }

    /// Asks the kernel for exactly the events that can be used now.
    func updateInterest() {
        guard isOpen else { return }
        var wanted: Interest = []
        if !isPaused, !isDraining, !isClosingAfterFlush { wanted.insert(.read) }
        if !outbound.isEmpty { wanted.insert(.write) }
        guard wanted != interest else { return }
        interest = wanted
        loop.change(token, descriptor: socket, wanted)
    }
}
