import CoreMetrics
import MetricsTestKit
import Model
import NIOCore
import Testing
import Wire

@testable import MartletClient

@Suite struct MetricsTests {
    let metrics = TestMetrics()

    func total(_ label: String, _ dimensions: [(String, String)] = []) throws -> Int64 {
        try metrics.expectCounter(label, [("client_id", "martlet")] + dimensions).totalValue
    }

    @Test func producerCountsWhatItDeliversAndWhatItCannot() async throws {
        let broker = try await ScriptedBroker.start { call in
            guard call.key == .produce else { return nil }
            switch call.index {
            case 0: return .response(try ProducerTests.refusal(call, .notEnoughReplicas), ProduceRequest.api)
            case 2: return .response(try ProducerTests.refusal(call, .invalidTimestamp), ProduceRequest.api)
            default: return nil
            }
        }
        var client = broker.client
        client.metrics = metrics
        var configuration = ProducerConfiguration(client: client)
        configuration.linger = .zero
        let producer = try Producer(configuration)
        _ = try await producer.send(ProducerRecord(topic: "t", value: "kept"))
        _ = try? await producer.send(ProducerRecord(topic: "t", value: "refused"))
        try await producer.close()
        #expect(try total("martlet_producer_records") == 1)
        #expect(try total("martlet_producer_bytes") > 61)
        #expect(try total("martlet_producer_retries") == 1)
        #expect(try total("martlet_producer_failed_records") == 1)
        #expect(try total("martlet_producer_requests") == 3)
        #expect(try total("martlet_client_connections") == 1)
        let timer = try metrics.expectTimer("martlet_producer_request_time", [("client_id", "martlet")])
        #expect(timer.values.count == 3)
        try await broker.stop()
    }

    @Test func consumerCountsWhatItHandsOutAndHowFarItIsBehind() async throws {
        let broker = try await ScriptedBroker.start()
        try broker.memory.append(encodedBatch(["a", "b"]), to: "t")
        var client = broker.client
        client.metrics = metrics
        var configuration = ConsumerConfiguration(
            client: client,
            assignments: [Assignment(topic: "t", start: .beginning)]
        )
        configuration.stopsAtEnd = true
        let consumer = Consumer(configuration)
        for try await _ in consumer {}
        #expect(try total("martlet_consumer_records") == 2)
        #expect(try total("martlet_consumer_bytes") > 61)
        #expect(try total("martlet_consumer_fetch_requests") >= 1)
        let place = [("client_id", "martlet"), ("topic", "t"), ("partition", "0")]
        #expect(try metrics.expectGauge("martlet_consumer_lag_records", place).lastValue == 0)
        await consumer.close()
        try await broker.stop()
    }
}
