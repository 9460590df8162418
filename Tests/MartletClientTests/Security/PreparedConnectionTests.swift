import Model
import NIOCore
import Testing

@testable import MartletClient

/// Handlers in front of the protocol, as TLS is one.
@Suite struct PreparedConnectionTests {
    /// Inverts every byte on its way: nothing that could be mistaken for the protocol. Owned by its event loop.
    private final class Inversion: ChannelDuplexHandler {
        typealias InboundIn = ByteBuffer
        typealias InboundOut = ByteBuffer
        typealias OutboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            context.fireChannelRead(wrapInboundOut(inverted(unwrapInboundIn(data))))
        }

        func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
            context.write(wrapOutboundOut(inverted(unwrapOutboundIn(data))), promise: promise)
        }

        private func inverted(_ bytes: ByteBuffer) -> ByteBuffer {
            ByteBuffer(bytes: bytes.readableBytesView.map { ~$0 })
        }
    }

    private struct NoCertificate: Error, CustomStringConvertible {
        let description = "the certificate has expired"
    }

    @Test func whatAHandlerRefusesEndsTheAttempt() async throws {
        let broker = try await ScriptedBroker.start()
        var client = broker.client
        client.prepareConnection = { _, _ in throw NoCertificate() }
        let producer = try Producer(ProducerConfiguration(client: client))
        let error = await #expect(throws: ClientError.self) {
            try await producer.send(ProducerRecord(topic: "t", value: "x"))
        }
        #expect(error?.message.contains("the certificate has expired") == true)
        await producer.abort()
        try await broker.stop()
    }

    @Test func everythingPassesThroughTheHandler() async throws {
        let broker = try await ScriptedBroker.start(
            preparing: { try $0.pipeline.syncOperations.addHandler(Inversion()) },
            script: { _ in nil }
        )
        var client = broker.client
        let asked = Locked<[BrokerAddress]>([])
        client.prepareConnection = { channel, address in
            asked.withLock { $0.append(address) }
            try channel.pipeline.syncOperations.addHandler(Inversion())
        }
        let producer = try Producer(ProducerConfiguration(client: client))
        #expect(try await producer.send(ProducerRecord(topic: "t", value: "x")).offset == 0)
        #expect(asked.withLock { Set($0) } == [broker.address])
        try await producer.close()
        try await broker.stop()
    }
}
