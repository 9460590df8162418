import Model
import Testing
import Wire

@testable import MartletClient

@Suite struct ThrottlingTests {
    private static let hour: Int32 = 3_600_000

    @Test func olderBrokersHaveWaitedThemselves() {
        var response = ProduceResponse()
        response.throttleTimeMilliseconds = 500
        #expect(response.delay(version: 5) == .zero)
        #expect(response.delay(version: 6) == .milliseconds(500))
        response.throttleTimeMilliseconds = -1
        #expect(response.delay(version: 6) == .zero)
    }

    @Test func nothingIsSentWhileTheBrokerHoldsTheClientBack() async throws {
        let broker = try await ScriptedBroker.start { call in
            guard call.key == .produce else { return nil }
            guard case .response(var answer as ProduceResponse, let api) = try call.answer() else { return nil }
            answer.throttleTimeMilliseconds = Self.hour
            return .response(answer, api)
        }
        let connection = try await BrokerConnection.connect(to: broker.address, configuration: broker.client)
        var request = ProduceRequest()
        request.acks = 1
        _ = try await connection.send(request)
        let delay = try #require(connection.throttleDelay)
        #expect(delay > .seconds(1800))
        let waiting = Task { () async -> ClientError? in
            do throws(ClientError) {
                _ = try await connection.send(request)
                return nil
            } catch {
                return error
            }
        }
        waiting.cancel()
        #expect(await waiting.value?.kind == .cancelled)
        #expect(broker.calls(.produce).count == 1)
        connection.close()
        try await broker.stop()
    }

    @Test func producerThatIsHeldBackCanBeAborted() async throws {
        let broker = try await ScriptedBroker.start { call in
            guard call.key == .initProducerID else { return nil }
            var answer = InitProducerIdResponse()
            answer.producerID = 1
            answer.throttleTimeMilliseconds = Self.hour
            return .response(answer, InitProducerIdRequest.api)
        }
        let producer = try Producer(ProducerConfiguration(client: broker.client))
        let delivery = try await producer.enqueue(ProducerRecord(topic: "t", value: "x"))
        await producer.abort()
        let error = await #expect(throws: ClientError.self) { try await delivery.metadata() }
        #expect(error?.kind == .closed)
        try await broker.stop()
    }
}

extension ScriptedCall {
    /// An answer without partitions, to a request without any.
    fileprivate func answer() throws -> ScriptedAnswer { .response(ProduceResponse(), ProduceRequest.api) }
}
