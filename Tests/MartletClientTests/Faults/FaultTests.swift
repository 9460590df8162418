import Model
import NIOCore
import Testing

@testable import MartletClient

/// The client and the product's own broker with a bad network between them: nothing is lost and nothing is there twice.
@Suite struct FaultTests {
    /// A broker behind a proxy; all addresses that it tells clients are the proxy's.
    func broker(_ faults: [FaultyProxy.Fault]) async throws -> (
        broker: RealBroker, proxy: FaultyProxy, address: BrokerAddress
    ) {
        let proxy = FaultyProxy(faults: faults)
        let address = try await proxy.listen()
        let broker = try RealBroker(["advertised.listeners": "PLAINTEXT://\(address)", "num.partitions": "2"])
        proxy.lead(to: broker.address)
        return (broker, proxy, address)
    }

    func client(_ address: BrokerAddress) -> ClientConfiguration {
        var client = ClientConfiguration(bootstrap: [address])
        client.retryBackoff = .milliseconds(1)
        client.maximumRetryBackoff = .milliseconds(10)
        client.reconnectBackoff = .milliseconds(1)
        client.maximumReconnectBackoff = .milliseconds(10)
        client.bootstrapTimeout = .seconds(240)
        client.operationTimeout = .seconds(240)
        return client
    }

    /// The values of each partition, in order.
    func values(_ configuration: ClientConfiguration, _ topic: String) async throws -> [Int32: [Int]] {
        var consumer = ConsumerConfiguration(
            client: configuration,
            assignments: [Assignment(topic: topic, start: .beginning)]
        )
        consumer.stopsAtEnd = true
        // Small answers, so that cuts hit many of them.
        consumer.maximumPartitionBytes = 4 << 10
        let records = Consumer(consumer)
        var values: [Int32: [Int]] = [:]
        for try await record in records {
            values[record.partition, default: []].append(Int(record.value?.text.prefix { $0 != " " } ?? "") ?? -1)
        }
        await records.close()
        return values
    }

    func produce(_ client: ClientConfiguration, _ topic: String, count: Int) async throws {
        var configuration = ProducerConfiguration(client: client)
        configuration.batchBytes = 2 << 10
        configuration.linger = .zero
        let producer = try Producer(configuration)
        for number in 0..<count {
            var record = ProducerRecord(topic: topic, value: "\(number) and some more bytes to fill batches")
            record.partition = Int32(number % 2)
            try await producer.enqueue(record)
        }
        try await producer.close()
    }

    func expectAll(_ values: [Int32: [Int]], count: Int, _ seed: UInt64 = 0) {
        for partition in 0..<2 {
            let expected = (0..<count).filter { $0 % 2 == partition }
            #expect(values[Int32(partition)] == expected, "seed \(seed)")
        }
    }

    @Test(arguments: 1...4 as ClosedRange<UInt64>)
    func cutsInRequestsAndAnswersLoseAndRepeatNothing(seed: UInt64) async throws {
        var generator = SeededGenerator(seed: seed)
        let faults = (0..<40).map { _ -> FaultyProxy.Fault in
            let bytes = Int.random(in: 1...20_000, using: &generator)
            return Bool.random(using: &generator) ? .cutRequests(after: bytes) : .cutAnswers(after: bytes / 50 + 1)
        }
        let (broker, proxy, address) = try await broker(faults)
        try await produce(client(address), "t", count: 2000)
        #expect(proxy.connections > 1, "seed \(seed) has spoiled nothing")
        expectAll(try await values(client(broker.address), "t"), count: 2000, seed)
        try await proxy.stop()
    }

    @Test func cutsWhileReadingLoseAndRepeatNothing() async throws {
        var generator = SeededGenerator(seed: 5)
        let faults = (0..<30).map { _ in
            FaultyProxy.Fault.cutAnswers(after: Int.random(in: 1...9000, using: &generator))
        }
        let (broker, proxy, address) = try await broker([])
        try await produce(client(address), "t", count: 2000)
        proxy.spoil(faults)
        expectAll(try await values(client(address), "t"), count: 2000)
        #expect(proxy.connections > 2)
        withExtendedLifetime(broker) {}
        try await proxy.stop()
    }

    @Test func answersInPiecesArePutTogether() async throws {
        let (broker, proxy, address) = try await broker(Array(repeating: .drip(bytes: 7), count: 10))
        try await produce(client(address), "t", count: 500)
        expectAll(try await values(client(address), "t"), count: 500)
        withExtendedLifetime(broker) {}
        try await proxy.stop()
    }
}
