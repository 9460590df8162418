import Model
import NIOCore
import NIOPosix

@testable import MartletClient

/// Stands between a client and a broker and spoils connections as a test says. Guarded by its lock.
final class FaultyProxy: Sendable {
    /// What becomes of a connection.
    enum Fault: Sendable, Equatable {
        case none
        /// Ends it after so many bytes from the broker, wherever in a frame that is.
        case cutAnswers(after: Int)
        /// Ends it after so many bytes from the client, wherever in a frame that is: the broker may have got a part.
        case cutRequests(after: Int)
        /// Passes answers on in pieces of so many bytes, one for each turn of the event loop.
        case drip(bytes: Int)
    }

    private struct State {
        var target: BrokerAddress?
        var channel: (any Channel)?
        var faults: [Fault]
        var connections = 0
    }

    private let state: Locked<State>

    /// - Parameter faults: Of the first connections, in order; those after them are left alone.
    init(faults: [Fault]) { state = Locked(State(faults: faults)) }

    /// How many connections were made.
    var connections: Int { state.withLock { $0.connections } }

    /// Listens, and says where.
    func listen() async throws -> BrokerAddress {
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.autoRead, value: false)
            .childChannelInitializer { client in self.connect(client) }
            .bind(host: "127.0.0.1", port: 0)
            .get()
        state.withLock { $0.channel = channel }
        return BrokerAddress(host: "127.0.0.1", port: channel.localAddress?.port ?? 0)
    }

    /// Spoils the next connections.
    func spoil(_ faults: [Fault]) { state.withLock { $0.faults = faults } }

    /// Says where the broker is.
    func lead(to target: BrokerAddress) { state.withLock { $0.target = target } }

    func stop() async throws { try await state.withLock { $0.channel }?.close() }

    private func connect(_ client: any Channel) -> EventLoopFuture<Void> {
        let (target, fault) = state.withLock { state in
            state.connections += 1
            return (state.target, state.faults.isEmpty ? .none : state.faults.removeFirst())
        }
        guard let target else { return client.close() }
        return ClientBootstrap(group: client.eventLoop)
            .connect(host: target.host, port: target.port)
            .flatMap { broker in
                client.eventLoop.makeCompletedFuture {
                    let (requests, answers) = Self.limits(fault)
                    try client.pipeline.syncOperations.addHandler(Relay(to: broker, limit: requests))
                    try broker.pipeline.syncOperations.addHandler(
                        Relay(to: client, limit: answers, piece: Self.piece(fault))
                    )
                    client.setOption(.autoRead, value: true).whenComplete { _ in }
                }
            }
    }

    private static func limits(_ fault: Fault) -> (requests: Int, answers: Int) {
        switch fault {
        case .none, .drip: (.max, .max)
        case .cutRequests(let bytes): (bytes, .max)
        case .cutAnswers(let bytes): (.max, bytes)
        }
    }

    private static func piece(_ fault: Fault) -> Int {
        if case .drip(let bytes) = fault { return bytes }
        return .max
    }
}

/// Passes on what one side sends to the other, up to a number of bytes. Owned by its event loop.
private final class Relay: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let peer: any Channel
    private var remaining: Int
    private let piece: Int

    init(to peer: any Channel, limit: Int, piece: Int = .max) {
        self.peer = peer
        remaining = limit
        self.piece = piece
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        let isCut = bytes.readableBytes >= remaining
        var allowed = bytes.readSlice(length: min(remaining, bytes.readableBytes)) ?? ByteBuffer()
        remaining -= allowed.readableBytes
        while let part = allowed.readSlice(length: min(piece, allowed.readableBytes)), part.readableBytes > 0 {
            peer.writeAndFlush(part, promise: nil)
        }
        guard isCut else { return }
        remaining = 0
        context.close(promise: nil)
        // Behind what was written before.
        peer.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        peer.close(promise: nil)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
