import Model
import NIOCore
import TestSupport
import Testing
import Wire

@testable import Broker

/// What holds for every API: each request is answered or refused, exactly once, whatever is in it.
struct EveryAPITests {
    private static let samples: UInt64 = 200
    /// Answers come from the control and I/O threads too; a parked fetch ends with its time.
    private static let longestWait: Int64 = Int64(Int32.max)

    private static let requests = WireCatalogue.all.filter(\.isRequest)

    private func response(of api: API) throws -> MessageKind {
        try #require(WireCatalogue.all.first { $0.api.key == api.key && !$0.isRequest })
    }

    private func frame(_ kind: MessageKind, seed: UInt64, version: Int16) throws -> ByteBuffer {
        let header = RequestHeader(key: kind.api.key, version: version, correlationID: 1_000, clientID: "test")
        var output = WireOutput(bytes: ByteBuffer())
        try header.write(to: &output, isFlexible: kind.api.isFlexible(version))
        let message = try kind.sample(seed: seed, version: version)
        output.bytes.writeImmutableBuffer(try kind.write(message, version: version))
        return output.bytes
    }

    @Test func theBrokerAnswersEveryAPIThatTheWireModuleKnows() {
        #expect(APIs.all.map(\.key) == Self.requests.map(\.api.key).sorted())
    }

    @Test(arguments: requests)
    func everySampledRequestIsAnsweredOrRefusedExactlyOnce(kind: MessageKind) throws {
        let broker = try TestBroker(["auto.create.topics.enable": "false"])
        try loadGroups(of: broker)
        for version in kind.api.versions {
            let connections = try (0..<Self.samples).map { seed in
                let connection = broker.connect()
                connection.deliver(try frame(kind, seed: seed, version: version))
                return connection
            }
            broker.loop.run()
            broker.advance(milliseconds: Self.longestWait)
            for (seed, connection) in connections.enumerated() {
                try broker.loop.run(
                    until: { !connection.order.isEmpty || !connection.isOpen },
                    "\(kind.api.name) v\(version), seed \(seed)"
                )
                let problem = try problem(with: connection, kind.api, version: version)
                #expect(problem == nil, "\(kind.api.name) v\(version), seed \(seed)")
            }
        }
    }

    /// Has the groups loaded: a sampled JoinGroup may well be valid, and is to wait for its group, whose time passes when
    /// the test says so, and not for the thread that loads.
    private func loadGroups(of broker: TestBroker) throws {
        var request = JoinGroupRequest()
        request.groupID = "g"
        request.sessionTimeoutMilliseconds = -1
        #expect(try broker.connect().send(request).errorCode == .invalidSessionTimeout)
    }

    /// What is wrong with the way a connection's only request was answered.
    private func problem(with connection: FakeConnection, _ api: API, version: Int16) throws -> String? {
        guard connection.order.count + connection.refusals.count == 1 else {
            return "\(connection.order.count) answers and \(connection.refusals.count) refusals"
        }
        guard connection.parked.isEmpty else { return "a request is still parked" }
        guard case .response(let output)? = connection.answers[0] else { return nil }
        let body = try output.responseBody(api, version: version, number: 0)
        let rest = try response(of: api).read(body, version: version).rest
        return rest.readableBytes == 0 ? nil : "\(rest.readableBytes) bytes after the response"
    }

    @Test(arguments: requests)
    func everyRequestThatIsCutOffIsRefused(kind: MessageKind) throws {
        let broker = try TestBroker()
        for version in kind.api.versions {
            for seed: UInt64 in 0..<3 {
                let whole = try frame(kind, seed: seed, version: version)
                for length in 0..<whole.readableBytes {
                    let connection = broker.connect()
                    connection.deliver(try #require(whole.getSlice(at: whole.readerIndex, length: length)))
                    broker.loop.run()
                    #expect(
                        connection.refusals.count == 1 && connection.order.isEmpty,
                        "\(length) bytes of \(whole.readableBytes), \(kind.api.name) v\(version), seed \(seed)"
                    )
                }
            }
        }
    }
}
