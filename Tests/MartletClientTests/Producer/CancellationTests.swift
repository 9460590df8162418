import Model
import NIOCore
import Testing
import Wire

@testable import MartletClient

/// Every call that suspends ends when its task is cancelled, and disturbs nobody else.
@Suite struct CancellationTests {
    /// Runs a call, cancels it once the broker has seen `key`, or at once without one, and says how it ended.
    func outcome(
        _ broker: ScriptedBroker,
        after key: APIKey? = nil,
        _ body: @escaping @Sendable () async throws(ClientError) -> Void
    ) async -> ClientError.Kind? {
        let task = Task { () async -> ClientError.Kind? in
            do throws(ClientError) {
                try await body()
                return nil
            } catch {
                return error.kind
            }
        }
        if let key {
            while broker.calls(key).isEmpty { await Task.yield() }
        }
        task.cancel()
        return await task.value
    }

    func silent(_ key: APIKey) async throws -> ScriptedBroker {
        try await ScriptedBroker.start { $0.key == key ? .silence : nil }
    }

    @Test func learningOfATopicIsCancelled() async throws {
        let broker = try await silent(.metadata)
        let producer = try Producer(ProducerConfiguration(client: broker.client))
        let kind = await outcome(broker, after: .metadata) { () async throws(ClientError) in
            try await producer.enqueue(ProducerRecord(topic: "t", value: "x"))
        }
        #expect(kind == .cancelled)
        await producer.abort()
        try await broker.stop()
    }

    @Test func waitingForADeliveryIsCancelledAndTheDeliveryIsNot() async throws {
        let released = Promise<Void>()
        let broker = try await ScriptedBroker.start { call in
            // The first answer is lost; the batch goes again once the caller has gone.
            call.key == .produce && released.outcome == nil ? .close : nil
        }
        let producer = try Producer(ProducerConfiguration(client: broker.client))
        let kind = await outcome(broker, after: .produce) { () async throws(ClientError) in
            _ = try await producer.send(ProducerRecord(topic: "t", value: "kept"))
        }
        #expect(kind == .cancelled)
        released.complete(.success(()))
        try await producer.close()
        #expect(try broker.memory.values("t") == ["kept"])
        try await broker.stop()
    }

    @Test func waitingForRoomIsCancelledAndTakesNone() async throws {
        let released = Promise<Void>()
        let broker = try await ScriptedBroker.start { call in
            call.key == .produce && released.outcome == nil ? .close : nil
        }
        var configuration = ProducerConfiguration(client: broker.client)
        configuration.bufferBytes = 100
        let producer = try Producer(configuration)
        let large = String(repeating: "x", count: 70)
        try await producer.enqueue(ProducerRecord(topic: "t", value: large))
        for _ in 0..<3 {
            let kind = await outcome(broker, after: .produce) { () async throws(ClientError) in
                try await producer.enqueue(ProducerRecord(topic: "t", value: large))
            }
            #expect(kind == .cancelled)
        }
        released.complete(.success(()))
        try await producer.enqueue(ProducerRecord(topic: "t", value: "last"))
        try await producer.close()
        #expect(try broker.memory.values("t") == [large, "last"])
        try await broker.stop()
    }

    @Test func flushingIsCancelled() async throws {
        let broker = try await silent(.produce)
        let producer = try Producer(ProducerConfiguration(client: broker.client))
        try await producer.enqueue(ProducerRecord(topic: "t", value: "x"))
        let kind = await outcome(broker, after: .produce) { () async throws(ClientError) in
            try await producer.flush()
        }
        #expect(kind == .cancelled)
        await producer.abort()
        try await broker.stop()
    }

    @Test(arguments: [APIKey.metadata, .listOffsets, .fetch])
    func readingIsCancelledWhateverItWaitsFor(key: APIKey) async throws {
        let broker = try await silent(key)
        let assignment = Assignment(topic: "t", start: .beginning)
        let consumer = Consumer(ConsumerConfiguration(client: broker.client, assignments: [assignment]))
        let kind = await outcome(broker, after: key) { () async throws(ClientError) in
            var records = consumer.makeAsyncIterator()
            _ = try await records.next()
        }
        #expect(kind == .cancelled)
        await consumer.close()
        try await broker.stop()
    }

    @Test func administrationIsCancelled() async throws {
        let broker = try await silent(.metadata)
        let admin = Admin(broker.client)
        let kind = await outcome(broker, after: .metadata) { () async throws(ClientError) in
            _ = try await admin.listTopics()
        }
        #expect(kind == .cancelled)
        await admin.close()
        try await broker.stop()
    }

    @Test func whoeverSharedTheRequestOfACancelledTaskAsksItself() async throws {
        let broker = try await silent(.metadata)
        let cluster = Cluster(configuration: broker.client, createsTopics: false)
        let first = Task { try await cluster.refresh(["t"]) }
        while broker.calls(.metadata).isEmpty { await Task.yield() }
        let second = Task { try await cluster.refresh(["t"]) }
        // Time to join the first one's request; without it there would be nothing to test, and nothing fails.
        for _ in 0..<1000 { await Task.yield() }
        first.cancel()
        await #expect(throws: ClientError.cancelled) { try await first.value }
        while broker.calls(.metadata).count < 2 { await Task.yield() }
        second.cancel()
        await #expect(throws: ClientError.cancelled) { try await second.value }
        await cluster.close()
        try await broker.stop()
    }

    @Test func recordWithoutAnAnswerIsGivenUpInTime() async throws {
        let broker = try await silent(.produce)
        var client = broker.client
        client.requestTimeout = .seconds(3600)
        var configuration = ProducerConfiguration(client: client)
        configuration.deliveryTimeout = .milliseconds(50)
        let producer = try Producer(configuration)
        let error = await #expect(throws: ClientError.self) {
            try await producer.send(ProducerRecord(topic: "t", value: "x"))
        }
        #expect(error?.kind == .timeout)
        await producer.abort()
        try await broker.stop()
    }
}
