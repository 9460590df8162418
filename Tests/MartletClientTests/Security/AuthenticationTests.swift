import Model
import NIOCore
import Testing
import Wire

@testable import MartletClient

@Suite struct AuthenticationTests {
    static let apis = MemoryBroker.apis + [SaslHandshakeRequest.api, SaslAuthenticateRequest.api]

    /// A broker that lets `me` in with `secret`.
    func broker() async throws -> ScriptedBroker {
        try await ScriptedBroker.start(apis: Self.apis) { call in
            switch call.key {
            case .apiVersions: return .response(MemoryBroker.versions(of: Self.apis), ApiVersionsRequest.api)
            case SaslHandshakeRequest.api.key:
                let wanted = try call.decode(SaslHandshakeRequest.self).mechanism
                var answer = SaslHandshakeResponse()
                answer.mechanisms = ["PLAIN", "ROT13"]
                answer.errorCode = answer.mechanisms.contains(wanted) ? .none : .unsupportedSaslMechanism
                return .response(answer, SaslHandshakeRequest.api)
            case SaslAuthenticateRequest.api.key:
                let bytes = try call.decode(SaslAuthenticateRequest.self).bytes
                var answer = SaslAuthenticateResponse()
                switch bytes.text {
                case "\0me\0secret": break
                case "hello": answer.bytes = ByteBuffer(string: "challenge")
                case "CHALLENGE": break
                default:
                    answer.errorCode = .saslAuthenticationFailed
                    answer.errorMessage = "nobody of that name"
                }
                return .response(answer, SaslAuthenticateRequest.api)
            default: return nil
            }
        }
    }

    func send(_ broker: ScriptedBroker, _ authenticator: any Authenticator) async throws -> RecordMetadata {
        var client = broker.client
        client.authenticator = authenticator
        client.bootstrapTimeout = .zero
        let producer = try Producer(ProducerConfiguration(client: client))
        do {
            let stored = try await producer.send(ProducerRecord(topic: "t", value: "x"))
            try await producer.close()
            return stored
        } catch {
            await producer.abort()
            throw error
        }
    }

    @Test func wrongPasswordIsToldInTheBrokersWords() async throws {
        let broker = try await broker()
        let error = await #expect(throws: ClientError.self) {
            try await send(broker, PlainAuthenticator(user: "me", password: "wrong"))
        }
        #expect(error?.kafkaName == "SASL_AUTHENTICATION_FAILED")
        #expect(error?.message.contains("with PLAIN: nobody of that name") == true)
        #expect(broker.calls(.metadata).isEmpty, "nothing else is sent")
        try await broker.stop()
    }

    @Test func mechanismThatTheBrokerLacksIsToldWithThoseItHas() async throws {
        let broker = try await broker()
        let error = await #expect(throws: ClientError.self) { try await send(broker, TwoSteps(mechanism: "SCRAM")) }
        #expect(error?.message.contains("does not accept the SASL mechanism SCRAM; it offers: PLAIN, ROT13") == true)
        try await broker.stop()
    }

    @Test func brokerWithoutAuthenticationIsRecognized() async throws {
        let broker = try await ScriptedBroker.start()
        let error = await #expect(throws: ClientError.self) {
            try await send(broker, PlainAuthenticator(user: "me", password: "secret"))
        }
        #expect(error?.kind == .unsupported)
        try await broker.stop()
    }

    @Test func rightPasswordLetsIn() async throws {
        let broker = try await broker()
        #expect(try await send(broker, PlainAuthenticator(user: "me", password: "secret")).offset == 0)
        #expect(broker.calls.prefix(3).map(\.key.rawValue) == [18, 17, 36])
        try await broker.stop()
    }

    /// A mechanism that answers a challenge.
    private struct TwoSteps: Authenticator {
        let mechanism: String

        func authenticate(
            _ exchange: (ByteBuffer) async throws(ClientError) -> ByteBuffer
        ) async throws(ClientError) {
            let challenge = try await exchange(ByteBuffer(string: "hello"))
            _ = try await exchange(ByteBuffer(string: challenge.text.uppercased()))
        }
    }

    @Test func mechanismsMayTakeSeveralSteps() async throws {
        let broker = try await broker()
        #expect(try await send(broker, TwoSteps(mechanism: "ROT13")).offset == 0)
        try await broker.stop()
    }
}
