import Model
import NIOCore
import Records
import Testing
import Wire

@testable import MartletClient

/// Batches that a topic finds too large.
@Suite struct BatchSplitTests {
    /// A broker whose topic takes no batch of more bytes than that.
    static func broker(limit: Int) async throws -> ScriptedBroker {
        try await ScriptedBroker.start { call in
            guard call.key == .produce else { return nil }
            let request = try call.decode(ProduceRequest.self)
            let isTooLarge = request.topics.flatMap(\.partitions).contains { $0.records.length > limit }
            return isTooLarge ? .response(try ProducerTests.refusal(call, .messageTooLarge), ProduceRequest.api) : nil
        }
    }

    @Test func oneRecordThatIsTooLargeIsRefused() throws {
        let batch = ProducerBatch(TopicPartition("t", 0), created: .at(milliseconds: 0), compression: .none)
        _ = try batch.append(ProducerRecord(topic: "t", value: "x"), timestamp: .none, reserving: 1)
        _ = try batch.encode()
        #expect(try batch.halves() == nil)
    }

    @Test func oneLargeRecordAmongSmallOnesFailsAlone() async throws {
        let broker = try await Self.broker(limit: 200)
        var configuration = ProducerConfiguration(client: broker.client)
        configuration.linger = .seconds(60)
        let producer = try Producer(configuration)
        let values = ["a", "b", String(repeating: "x", count: 300), "c", "d"]
        var deliveries: [Delivery] = []
        for value in values { deliveries.append(try await producer.enqueue(ProducerRecord(topic: "t", value: value))) }
        let error = await #expect(throws: ClientError.self) { try await producer.flush() }
        #expect(error?.kafkaName == "MESSAGE_TOO_LARGE")
        var outcomes: [String] = []
        for delivery in deliveries {
            do throws(ClientError) {
                outcomes.append("\(try await delivery.metadata().offset ?? -1)")
            } catch {
                outcomes.append(error.kafkaName ?? "")
            }
        }
        #expect(outcomes == ["0", "1", "MESSAGE_TOO_LARGE", "2", "3"])
        #expect(try broker.memory.values("t") == ["a", "b", "c", "d"])
        try await producer.close()
        try await broker.stop()
    }

    @Test(arguments: [
        ProducerConfiguration.Compression.none, .gzip(), .snappy, .lz4(), .zstd(),
    ])
    func recordsGoOnInSmallerBatchesInOrder(compression: ProducerConfiguration.Compression) async throws {
        let broker = try await Self.broker(limit: 400)
        var configuration = ProducerConfiguration(client: broker.client)
        configuration.compression = compression
        configuration.linger = .milliseconds(1)
        configuration.batchBytes = 2000
        let producer = try Producer(configuration)
        var generator = SeededGenerator(seed: 7)
        // Nothing that a codec could make much smaller.
        let expected = (0..<300).map { number in
            "\(number) " + (0..<20).map { _ in String(UInt8.random(in: 33...126, using: &generator)) }.joined()
        }
        var deliveries: [Delivery] = []
        for value in expected {
            deliveries.append(try await producer.enqueue(ProducerRecord(topic: "t", value: value)))
        }
        try await producer.flush()
        #expect(try broker.memory.values("t") == expected)
        #expect(deliveries.allSatisfy { $0.outcome != nil })
        for (number, delivery) in deliveries.enumerated() {
            #expect(try await delivery.metadata().offset == Int64(number))
        }
        let batches = try #require(broker.memory.partition("t", 0)).batches
        #expect(try batches.allSatisfy { try BatchHeader($0).producerEpoch == 0 }, "halves keep the numbering")
        try await producer.close()
        try await broker.stop()
    }

    @Test func furtherBatchesAreAsSmall() async throws {
        let broker = try await Self.broker(limit: 1000)
        var configuration = ProducerConfiguration(client: broker.client)
        configuration.linger = .milliseconds(1)
        configuration.batchBytes = 1500
        configuration.maximumInFlightRequests = 1
        let producer = try Producer(configuration)
        for _ in 0..<500 { try await producer.enqueue(ProducerRecord(topic: "t", value: "0123456789")) }
        try await producer.flush()
        let refused = try broker.calls(.produce).filter { call in
            try call.decode(ProduceRequest.self).topics.flatMap(\.partitions).contains { $0.records.length > 1000 }
        }
        #expect(!refused.isEmpty)
        let before = broker.calls(.produce).count
        for _ in 0..<500 { try await producer.enqueue(ProducerRecord(topic: "t", value: "0123456789")) }
        try await producer.close()
        let later = try broker.calls(.produce).dropFirst(before).flatMap { call in
            try call.decode(ProduceRequest.self).topics.flatMap(\.partitions).map(\.records.length)
        }
        #expect(later.allSatisfy { $0 <= 1000 }, "\(later)")
        try await broker.stop()
    }
}
