import Logging
import Model
import ServiceLifecycle
import Testing
import Wire

@testable import MartletClient

@Suite struct ServiceTests {
    func group(_ services: [any Service]) -> ServiceGroup {
        ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: services.map { ServiceGroupConfiguration.ServiceConfiguration(service: $0) },
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            )
        )
    }

    @Test func producerDeliversWhatItHasBeforeTheProgramEnds() async throws {
        let broker = try await ScriptedBroker.start()
        var configuration = ProducerConfiguration(client: broker.client)
        configuration.linger = .seconds(60)
        let producer = try Producer(configuration)
        let delivery = try await producer.enqueue(ProducerRecord(topic: "t", value: "last words"))
        let group = group([producer])
        async let running: Void = group.run()
        await group.triggerGracefulShutdown()
        try await running
        #expect(try delivery.outcome?.get().offset == 0)
        #expect(try broker.memory.values("t") == ["last words"])
        try await broker.stop()
    }

    @Test func cancelledProducerEndsAtOnce() async throws {
        let broker = try await ScriptedBroker.start { $0.key == .produce ? .silence : nil }
        let producer = try Producer(ProducerConfiguration(client: broker.client))
        let delivery = try await producer.enqueue(ProducerRecord(topic: "t", value: "x"))
        let running = Task { try await producer.run() }
        running.cancel()
        await #expect(throws: CancellationError.self) { try await running.value }
        let error = await #expect(throws: ClientError.self) { try await delivery.metadata() }
        #expect(error?.kind == .closed)
        try await broker.stop()
    }

    /// Reads until the sequence ends.
    private struct Reading: Service {
        let consumer: Consumer
        let values: Locked<[String]>
        let hasRead: Promise<Void>

        func run() async throws {
            for try await record in consumer {
                values.withLock { $0.append(record.value?.text ?? "") }
                hasRead.complete(.success(()))
            }
            try await gracefulShutdown()
        }
    }

    @Test func readerSeesTheEndWhenTheProgramEnds() async throws {
        let broker = try await ScriptedBroker.start()
        try broker.memory.append(encodedBatch(["a"]), to: "t")
        let assignment = Assignment(topic: "t", start: .beginning)
        let consumer = Consumer(ConsumerConfiguration(client: broker.client, assignments: [assignment]))
        let reading = Reading(consumer: consumer, values: Locked([]), hasRead: Promise())
        let group = group([reading, consumer])
        async let running: Void = group.run()
        try await reading.hasRead.value()
        await group.triggerGracefulShutdown()
        try await running
        #expect(reading.values.withLock { $0 } == ["a"])
        try await broker.stop()
    }
}
