import Model
import NIOCore
import Testing
import Wire

@testable import MartletClient

@Suite struct ConsumerTests {
    func consumer(
        _ broker: ScriptedBroker,
        from start: StartPosition = .beginning,
        _ change: (inout ConsumerConfiguration) -> Void = { _ in }
    ) -> Consumer {
        var configuration = ConsumerConfiguration(
            client: broker.client,
            assignments: [Assignment(topic: "t", start: start)]
        )
        configuration.stopsAtEnd = true
        change(&configuration)
        return Consumer(configuration)
    }

    func values(_ consumer: Consumer) async throws(ClientError) -> [String] {
        var values: [String] = []
        for try await record in consumer { values.append(record.value?.text ?? "null") }
        return values
    }

    func failure(_ consumer: Consumer) async -> ClientError? {
        do throws(ClientError) {
            _ = try await values(consumer)
            return nil
        } catch {
            return error
        }
    }

    // MARK: Failures

    @Test func missingTopicIsToldAtOnce() async throws {
        let broker = try await ScriptedBroker.start(topics: [:])
        let error = await failure(consumer(broker))
        #expect(error?.kafkaName == "UNKNOWN_TOPIC_OR_PARTITION")
        #expect(broker.calls(.metadata).count == 1)
        try await broker.stop()
    }

    @Test func missingPartitionIsNamed() async throws {
        let broker = try await ScriptedBroker.start(topics: ["t": 2])
        let consumer = consumer(broker) { $0.assignments[0].partitions = [2] }
        #expect(await failure(consumer)?.message == "topic 't' has no partition 2, only 0 to 1")
        try await broker.stop()
    }

    @Test func offsetThatDoesNotExistIsToldWithThoseThatDo() async throws {
        let broker = try await ScriptedBroker.start()
        try broker.memory.append(encodedBatch(["a", "b"]), to: "t")
        let error = await failure(consumer(broker, from: .offset(9)))
        #expect(error?.kafkaName == "OFFSET_OUT_OF_RANGE")
        #expect(error?.message.contains("no offset 9") == true)
        #expect(error?.message.contains("offsets 0 up to, and not including, 2") == true)
        try await broker.stop()
    }

    @Test func offsetThatDoesNotExistIsReplacedByPolicy() async throws {
        let broker = try await ScriptedBroker.start()
        try broker.memory.append(encodedBatch(["a", "b"]), to: "t")
        #expect(try await values(consumer(broker, from: .offset(9)) { $0.outOfRange = .beginning }) == ["a", "b"])
        #expect(try await values(consumer(broker, from: .offset(9)) { $0.outOfRange = .end }).isEmpty)
        try await broker.stop()
    }

    @Test func deletedTopicEndsTheConsumer() async throws {
        let broker = try await ScriptedBroker.start { call in
            guard call.key == .fetch else { return nil }
            return .response(try Self.refusal(call, .unknownTopicId), FetchRequest.api)
        }
        try broker.memory.append(encodedBatch(["a"]), to: "t")
        #expect(await failure(consumer(broker))?.message.contains("the topic was deleted") == true)
        try await broker.stop()
    }

    @Test func lostConnectionIsMadeAgain() async throws {
        let broker = try await ScriptedBroker.start { $0.key == .fetch && $0.index < 3 ? .close : nil }
        try broker.memory.append(encodedBatch(["a", "b"]), to: "t")
        #expect(try await values(consumer(broker)) == ["a", "b"])
        try await broker.stop()
    }

    @Test func movedLeaderIsFollowed() async throws {
        let broker = try await ScriptedBroker.start { call in
            guard call.key == .fetch, call.index < 2 else { return nil }
            return .response(try Self.refusal(call, .notLeaderOrFollower), FetchRequest.api)
        }
        try broker.memory.append(encodedBatch(["a"]), to: "t")
        #expect(try await values(consumer(broker)) == ["a"])
        #expect(broker.calls(.metadata).count > 1)
        try await broker.stop()
    }

    @Test func cancelledReaderIsWoken() async throws {
        let broker = try await ScriptedBroker.start { $0.key == .fetch ? .silence : nil }
        let consumer = consumer(broker) { $0.stopsAtEnd = false }
        try await consumer.start()
        let reading = Task { await failure(consumer) }
        reading.cancel()
        #expect(await reading.value?.kind == .cancelled)
        await consumer.close()
        try await broker.stop()
    }

    @Test func closeEndsTheSequence() async throws {
        let broker = try await ScriptedBroker.start { $0.key == .fetch ? .silence : nil }
        let consumer = consumer(broker) { $0.stopsAtEnd = false }
        let reading = Task { await failure(consumer) }
        try await consumer.start()
        await consumer.close()
        #expect(await reading.value == nil)
        try await broker.stop()
    }

    // MARK: Reading

    @Test func startsWhereItIsTold() async throws {
        let broker = try await ScriptedBroker.start()
        for base in 0..<3 { try broker.memory.append(encodedBatch((0..<10).map { "\(base * 10 + $0)" }), to: "t") }
        #expect(try await values(consumer(broker, from: .offset(15))).first == "15")
        #expect(try await values(consumer(broker, from: .last(3))) == ["27", "28", "29"])
        #expect(try await values(consumer(broker, from: .end)).isEmpty)
        #expect(try await values(consumer(broker)).count == 30)
        try await broker.stop()
    }

    @Test func emptyTopicEndsAtOnce() async throws {
        let broker = try await ScriptedBroker.start(topics: ["t": 4])
        #expect(try await values(consumer(broker)).isEmpty)
        #expect(broker.calls(.fetch).isEmpty)
        try await broker.stop()
    }

    @Test func smallPrefetchStillReadsEverythingInOrder() async throws {
        let broker = try await ScriptedBroker.start(topics: ["t": 3])
        for index in 0..<3 {
            for base in 0..<20 { try broker.memory.append(encodedBatch(["\(index) \(base)"]), to: "t", index) }
        }
        let values = try await values(consumer(broker) { $0.prefetchBytes = 1 })
        #expect(values.count == 60)
        for index in 0..<3 {
            #expect(values.filter { $0.hasPrefix("\(index) ") } == (0..<20).map { "\(index) \($0)" })
        }
        try await broker.stop()
    }

    @Test func readsBehindTheEndOfTheStartOnlyIfItGoesOn() async throws {
        let broker = try await ScriptedBroker.start()
        try broker.memory.append(encodedBatch(["a"]), to: "t")
        let consumer = consumer(broker) { $0.stopsAtEnd = false }
        var records = consumer.makeAsyncIterator()
        #expect(try await records.nextBatch()?.map(\.offset) == [0])
        try broker.memory.append(encodedBatch(["b"]), to: "t")
        #expect(try await records.nextBatch()?.map(\.offset) == [1])
        await consumer.close()
        try await broker.stop()
    }

    static func refusal(_ call: ScriptedCall, _ code: ErrorCode) throws -> FetchResponse {
        let request = try call.decode(FetchRequest.self)
        var response = FetchResponse()
        response.topics = request.topics.map { topic in
            var answer = FetchResponse.Topic()
            answer.name = topic.name
            answer.topicID = topic.topicID
            answer.partitions = topic.partitions.map { partition in
                var item = FetchResponse.Partition()
                item.index = partition.index
                item.errorCode = code
                return item
            }
            return answer
        }
        return response
    }
}
