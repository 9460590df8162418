import Model
import NIOCore
import Testing
import Wire

@testable import MartletClient

@Suite struct BrokerConnectionTests {
    func connect(_ configuration: ClientConfiguration) async -> Result<BrokerConnection, ClientError> {
        do throws(ClientError) {
            return .success(
                try await BrokerConnection.connect(to: configuration.bootstrap[0], configuration: configuration)
            )
        } catch {
            return .failure(error)
        }
    }

    func failure(
        within timeout: Duration = .seconds(30),
        _ script: @escaping ScriptedBroker.Script
    ) async throws -> ClientError? {
        let broker = try await ScriptedBroker.start(script: script)
        var configuration = broker.client
        configuration.requestTimeout = timeout
        let result = await connect(configuration)
        try await broker.stop()
        guard case .failure(let error) = result else { return nil }
        return error
    }

    // MARK: Connecting

    @Test func refusedConnectionAsksWhetherTheBrokerRuns() async throws {
        let broker = try await ScriptedBroker.start()
        let configuration = broker.client
        try await broker.stop()
        guard case .failure(let error) = await connect(configuration) else { return #expect(Bool(false)) }
        #expect(error.kind == .connection)
        #expect(error.message == "cannot connect to \(configuration.bootstrap[0]): connection refused")
        #expect(error.hint == "nothing listens on that port; is the broker running?")
        #expect(error.isRetriable)
    }

    @Test func unknownHostNamesTheLookup() async {
        let address = BrokerAddress(host: "no-such-host.invalid")
        guard case .failure(let error) = await connect(ClientConfiguration(bootstrap: [address])) else {
            return #expect(Bool(false))
        }
        #expect(error.message == "the host name 'no-such-host.invalid' has no address (DNS lookup failed)")
    }

    @Test func silentPeerIsATimeoutThatDoubtsTheProtocol() async throws {
        let error = try await failure(within: .milliseconds(50)) { _ in .silence }
        #expect(error?.kind == .timeout)
        #expect(error?.message.contains("did not answer ApiVersions") == true)
        #expect(error?.hint == "the peer may not be a Kafka broker")
    }

    @Test func peerThatHangsUpIsNamed() async throws {
        let error = try await failure { _ in .close }
        #expect(error?.kind == .connection)
        #expect(error?.message.contains("closed the connection") == true)
    }

    @Test func webServerIsRecognised() async throws {
        let error = try await failure { _ in .raw(Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8)) }
        #expect(error?.kind == .protocolViolation)
        #expect(error?.message.contains("speaks HTTP") == true)
    }

    @Test func answerToAnotherRequestIsRefused() async throws {
        let error = try await failure { _ in .raw([0, 0, 0, 4, 0, 0, 0, 99]) }
        #expect(error?.kind == .protocolViolation)
        #expect(error?.message.contains("correlation id 99") == true)
    }

    @Test func truncatedAnswerIsRefused() async throws {
        let error = try await failure { _ in .raw([0, 0, 0, 5, 0, 0, 0, 0, 0]) }
        #expect(error?.kind == .protocolViolation)
        #expect(error?.message.contains("ApiVersions") == true)
    }

    // MARK: Versions

    @Test func olderBrokerIsAskedAgainInItsVersion() async throws {
        let broker = try await ScriptedBroker.start { call in
            guard call.key == .apiVersions, call.header.version > 2 else { return nil }
            // What Kafka does: a version 0 body, with the range it speaks.
            var body = ByteBuffer()
            body.writeMultipleIntegers(Int32(4 + 2 + 4 + 6), call.header.correlationID, Int16(35), Int32(1))
            body.writeMultipleIntegers(Int16(18), Int16(0), Int16(2))
            return .raw(Array(body.readableBytesView))
        }
        let connection = try await connect(broker.client).get()
        #expect(connection.versions.supports(MetadataRequest.api))
        #expect(broker.calls(.apiVersions).map(\.header.version) == [4, 2])
        connection.close()
        try await broker.stop()
    }

    @Test func unreadableRefusalFallsBackToVersionZero() async throws {
        let broker = try await ScriptedBroker.start { call in
            guard call.key == .apiVersions, call.header.version > 0 else { return nil }
            var body = ByteBuffer()
            body.writeMultipleIntegers(Int32(4 + 2 + 1), call.header.correlationID, Int16(35), Int8(7))
            return .raw(Array(body.readableBytesView))
        }
        let connection = try await connect(broker.client).get()
        #expect(broker.calls(.apiVersions).map(\.header.version) == [4, 0])
        connection.close()
        try await broker.stop()
    }

    @Test func brokerThatRefusesEveryVersionIsNotAskedForEver() async throws {
        let error = try await failure { call in
            var body = ByteBuffer()
            body.writeMultipleIntegers(Int32(4 + 2 + 4 + 6), call.header.correlationID, Int16(35), Int32(1))
            body.writeMultipleIntegers(Int16(18), Int16(0), Int16(9))
            return .raw(Array(body.readableBytesView))
        }
        #expect(error?.kafkaName == "UNSUPPORTED_VERSION")
    }

    // MARK: Requests

    @Test func requestsTravelTogetherAndAnswersFindTheirs() async throws {
        let broker = try await ScriptedBroker.start(topics: ["a": 1, "b": 2, "c": 3])
        let connection = try await connect(broker.client).get()
        let version = try connection.versions.version(for: MetadataRequest.api)
        let sent = try ["a", "b", "c"].map { name in
            var request = MetadataRequest()
            var topic = MetadataRequest.Topic()
            topic.name = name
            request.topics = [topic]
            return try connection.start(request, version: version)
        }
        var counts: [Int] = []
        for request in sent { counts.append(try await request.response().topics[0].partitions.count) }
        #expect(counts == [1, 2, 3])
        connection.close()
        try await broker.stop()
    }

    @Test func lateAnswerTakesTheConnectionWithIt() async throws {
        let broker = try await ScriptedBroker.start { $0.key == .metadata ? .silence : nil }
        let connection = try await connect(broker.client).get()
        let version = try connection.versions.version(for: MetadataRequest.api)
        // Only the first is in a hurry.
        let hurry = .milliseconds(50) - broker.client.requestTimeout
        let first = try connection.start(MetadataRequest(), version: version, waiting: hurry)
        let second = try connection.start(MetadataRequest(), version: version)
        for request in [first, second] {
            do throws(ClientError) {
                _ = try await request.response()
                Issue.record("answered")
            } catch {
                #expect(error.kind == .timeout)
            }
        }
        #expect(connection.failure?.kind == .timeout)
        try await broker.stop()
    }

    @Test func cancelledCallerDoesNotDisturbTheNextAnswer() async throws {
        let broker = try await ScriptedBroker.start()
        let connection = try await connect(broker.client).get()
        let version = try connection.versions.version(for: MetadataRequest.api)
        let request = try connection.start(MetadataRequest(), version: version)
        let waiting = Task { () -> ClientError? in
            do throws(ClientError) { _ = try await request.response() } catch { return error }
            return nil
        }
        waiting.cancel()
        if let error = await waiting.value { #expect(error.kind == .cancelled) }
        let next = try await connection.send(MetadataRequest())
        #expect(next.topics.map(\.name) == ["t"])
        connection.close()
        try await broker.stop()
    }
}
