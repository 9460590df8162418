import Model
import NIOCore
import NIOPosix
import Wire

@testable import MartletClient

/// A request as the scripted broker received it. Immutable.
struct ScriptedCall: Sendable {
    let header: RequestHeader
    let body: ByteBuffer
    /// Counts the calls of this API, from 0.
    let index: Int

    var key: APIKey { header.key }

    func decode<Request: WireRequest>(_ type: Request.Type) throws -> Request {
        let isFlexible = Request.api.isFlexible(header.version)
        return try Request.read(body, version: header.version, isFlexible: isFlexible).message
    }
}

/// What the scripted broker does about a request.
enum ScriptedAnswer: Sendable {
    case response(any WireStruct & Sendable, API)
    /// Bytes instead of a frame.
    case raw([UInt8])
    /// Nothing, and the connection stays open.
    case silence
    case close
}

/// A broker of one node that does as a test says, and otherwise as a small in-memory broker. Guarded by its lock.
final class ScriptedBroker: Sendable {
    /// nil leaves the answer to the in-memory broker.
    typealias Script = @Sendable (ScriptedCall) throws -> ScriptedAnswer?

    let memory: MemoryBroker
    private let channel: any Channel
    private let log: Locked<[ScriptedCall]>

    /// Listens on a free port of the loopback interface.
    ///
    /// - Parameter apis: Those whose requests can be read; what the in-memory broker does not know, the script answers.
    static func start(
        topics: [String: Int] = ["t": 1],
        apis: [API] = MemoryBroker.apis,
        script: @escaping Script = { _ in nil }
    ) async throws -> ScriptedBroker {
        try await start(topics: topics, apis: apis, preparing: { _ in }, script: script)
    }

    /// - Parameter prepare: Puts handlers in front of the protocol.
    static func start(
        topics: [String: Int] = ["t": 1],
        apis: [API] = MemoryBroker.apis,
        preparing prepare: @escaping @Sendable (any Channel) throws -> Void,
        script: @escaping Script
    ) async throws -> ScriptedBroker {
        let memory = MemoryBroker(topics: topics)
        let log = Locked<[ScriptedCall]>([])
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try prepare(channel)
                    let handler = ScriptedHandler(memory: memory, apis: apis, log: log, script: script)
                    try channel.pipeline.syncOperations.addHandler(handler)
                }
            }
            .bind(host: "127.0.0.1", port: 0)
            .get()
        memory.setPort(channel.localAddress?.port ?? 0)
        return ScriptedBroker(memory: memory, channel: channel, log: log)
    }

    private init(memory: MemoryBroker, channel: any Channel, log: Locked<[ScriptedCall]>) {
        self.memory = memory
        self.channel = channel
        self.log = log
    }

    var address: BrokerAddress { BrokerAddress(host: "127.0.0.1", port: channel.localAddress?.port ?? 0) }

    /// What was asked so far.
    var calls: [ScriptedCall] { log.withLock { $0 } }

    func calls(_ key: APIKey) -> [ScriptedCall] { calls.filter { $0.key == key } }

    /// A client's configuration for this broker, impatient so that tests are not slow.
    var client: ClientConfiguration {
        var configuration = ClientConfiguration(bootstrap: [address])
        configuration.retryBackoff = .milliseconds(1)
        configuration.maximumRetryBackoff = .milliseconds(5)
        configuration.reconnectBackoff = .milliseconds(1)
        configuration.maximumReconnectBackoff = .milliseconds(5)
        // Patient, though, where a loaded machine and not the broker may be slow.
        configuration.connectTimeout = .seconds(120)
        configuration.operationTimeout = .seconds(240)
        return configuration
    }

    func stop() async throws { try await channel.close() }
}

/// One connection to the scripted broker. Owned by its event loop.
private final class ScriptedHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let memory: MemoryBroker
    private let apis: [APIKey: API]
    private let log: Locked<[ScriptedCall]>
    private let script: ScriptedBroker.Script
    private var assembler = FrameAssembler(maximumLength: 1 << 28)

    init(
        memory: MemoryBroker,
        apis: [API],
        log: Locked<[ScriptedCall]>,
        script: @escaping ScriptedBroker.Script
    ) {
        self.memory = memory
        self.apis = Dictionary(uniqueKeysWithValues: apis.map { ($0.key, $0) })
        self.log = log
        self.script = script
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        assembler.append(unwrapInboundIn(data))
        do {
            while let frame = try assembler.next() { try handle(frame, context) }
        } catch {
            context.close(promise: nil)
        }
    }

    private func handle(_ frame: ByteBuffer, _ context: ChannelHandlerContext) throws {
        var body = frame
        let header = try RequestHeader.read(&body) { key, version in self.apis[key]?.isFlexible(version) ?? false }
        let call = log.withLock { calls in
            let index = calls.count { $0.key == header.key }
            let call = ScriptedCall(header: header, body: body, index: index)
            calls.append(call)
            return call
        }
        switch try script(call) ?? memory.answer(call) {
        case .response(let response, let api):
            let output = try Frame.response(
                response,
                api: api,
                version: header.version,
                correlationID: header.correlationID
            )
            context.writeAndFlush(wrapOutboundOut(output.bytes), promise: nil)
        case .raw(let bytes): context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: bytes)), promise: nil)
        case .silence: break
        case .close: context.close(promise: nil)
        }
    }
}
