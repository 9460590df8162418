import Model
import NIOCore
import Records
import Testing
import Wire

@testable import MartletClient

@Suite struct ProducerTests {
    func producer(
        _ broker: ScriptedBroker,
        _ change: (inout ProducerConfiguration) -> Void = { _ in }
    ) throws -> Producer {
        var configuration = ProducerConfiguration(client: broker.client)
        configuration.linger = .zero
        change(&configuration)
        return try Producer(configuration)
    }

    func failure(_ body: () async throws(ClientError) -> Void) async -> ClientError? {
        do throws(ClientError) {
            try await body()
            return nil
        } catch {
            return error
        }
    }

    // MARK: Failures

    @Test func nobodyListeningFailsAtOnce() async throws {
        let broker = try await ScriptedBroker.start()
        try await broker.stop()
        let producer = try producer(broker)
        let error = await failure { () async throws(ClientError) in
            _ = try await producer.send(ProducerRecord(topic: "t", value: "x"))
        }
        #expect(error?.kind == .connection)
        await producer.abort()
    }

    @Test func patientProducerWaitsForItsFirstBroker() async throws {
        // Every connection is closed at the first request, three times.
        let broker = try await ScriptedBroker.start { $0.key == .apiVersions && $0.index < 3 ? .close : nil }
        var client = broker.client
        // With a thousand other tests beside it, four attempts have taken more than half a minute.
        client.bootstrapTimeout = .seconds(600)
        let producer = try Producer(ProducerConfiguration(client: client))
        #expect(try await producer.send(ProducerRecord(topic: "t", value: "x")).offset == 0)
        try await producer.close()
        try await broker.stop()
    }

    @Test func impossibleConfigurationIsRefused() {
        var configuration = ProducerConfiguration(client: .nowhere)
        configuration.maximumInFlightRequests = 6
        let error = #expect(throws: ClientError.self) { try Producer(configuration) }
        #expect(error?.message == "maximumInFlightRequests is 6, but must be from 1 to 5")
    }

    @Test func closedProducerTakesNothing() async throws {
        let broker = try await ScriptedBroker.start()
        let producer = try producer(broker)
        try await producer.close()
        let error = await failure { () async throws(ClientError) in
            _ = try await producer.send(ProducerRecord(topic: "t", value: "x"))
        }
        #expect(error?.kind == .closed)
        try await broker.stop()
    }

    @Test func refusedBatchFailsItsRecordsAndNotTheNext() async throws {
        let broker = try await ScriptedBroker.start { call in
            guard call.key == .produce, call.index == 0 else { return nil }
            return .response(try Self.refusal(call, .messageTooLarge), ProduceRequest.api)
        }
        let producer = try producer(broker)
        let error = await failure { () async throws(ClientError) in
            _ = try await producer.send(ProducerRecord(topic: "t", value: "large"))
        }
        #expect(error?.kafkaName == "MESSAGE_TOO_LARGE")
        #expect(error?.message.contains("topic 't' partition 0") == true)
        let stored = try await producer.send(ProducerRecord(topic: "t", value: "small"))
        #expect(stored.offset == 0)
        let batch = try #require(broker.memory.partition("t", 0)?.batches.first)
        #expect(try BatchHeader(batch).producerEpoch == 1, "the lost sequence number needs a new epoch")
        try await producer.close()
        try await broker.stop()
    }

    @Test func deliveryIsGivenUpAfterItsTime() async throws {
        let broker = try await ScriptedBroker.start { call in
            guard call.key == .produce else { return nil }
            return .response(try Self.refusal(call, .notLeaderOrFollower), ProduceRequest.api)
        }
        let producer = try producer(broker) { $0.deliveryTimeout = .milliseconds(100) }
        let error = await failure { () async throws(ClientError) in
            _ = try await producer.send(ProducerRecord(topic: "t", value: "x"))
        }
        #expect(error?.kind == .timeout)
        await producer.abort()
        try await broker.stop()
    }

    // MARK: Retries

    @Test func lostAnswerIsRepeatedWithTheSameNumber() async throws {
        let broker = try await ScriptedBroker.start { $0.key == .produce && $0.index == 0 ? .close : nil }
        let producer = try producer(broker)
        let stored = try await producer.send(ProducerRecord(topic: "t", value: "x"))
        #expect(stored.offset == 0)
        let sequences = try broker.calls(.produce).map { try Self.header($0).baseSequence }
        #expect(sequences == [SequenceNumber(0), SequenceNumber(0)])
        #expect(broker.calls(.initProducerID).count == 1)
        try await producer.close()
        try await broker.stop()
    }

    @Test func orderSurvivesAFailureInTheMiddle() async throws {
        // The third request is refused, so that those behind it arrive out of order.
        let broker = try await ScriptedBroker.start { call in
            guard call.key == .produce, call.index == 2 else { return nil }
            return .response(try Self.refusal(call, .notEnoughReplicas), ProduceRequest.api)
        }
        let producer = try producer(broker) { $0.batchBytes = 100 }
        let expected = (0..<200).map { "record number \($0)" }
        for value in expected { try await producer.enqueue(ProducerRecord(topic: "t", value: value)) }
        try await producer.close()
        #expect(try broker.memory.values("t") == expected)
        try await broker.stop()
    }

    @Test func forgottenProducerGoesOnUnderANewEpoch() async throws {
        let broker = try await ScriptedBroker.start { call in
            guard call.key == .produce, call.index == 1 else { return nil }
            return .response(try Self.refusal(call, .unknownProducerId), ProduceRequest.api)
        }
        let producer = try producer(broker)
        for value in ["a", "b", "c"] { _ = try await producer.send(ProducerRecord(topic: "t", value: value)) }
        #expect(try broker.memory.values("t") == ["a", "b", "c"])
        let batches = try #require(broker.memory.partition("t", 0)).batches
        #expect(try batches.map { try BatchHeader($0).producerEpoch } == [0, 1, 1])
        try await producer.close()
        try await broker.stop()
    }

    // MARK: Delivery

    @Test(arguments: [
        ProducerConfiguration.Compression.none, .gzip(), .snappy, .lz4(), .zstd(), .zstd(level: 1), .gzip(level: 9),
    ])
    func everyCodecIsUnderstood(compression: ProducerConfiguration.Compression) async throws {
        let broker = try await ScriptedBroker.start()
        let producer = try producer(broker) {
            $0.compression = compression
            $0.linger = .milliseconds(5)
        }
        let expected = (0..<500).map { "a record that repeats itself \($0)" }
        var deliveries: [Delivery] = []
        for value in expected {
            deliveries.append(try await producer.enqueue(ProducerRecord(topic: "t", value: value)))
        }
        try await producer.flush()
        #expect(try broker.memory.values("t") == expected)
        #expect(try deliveries.map { try $0.outcome?.get().offset } == (0..<500).map { Int64($0) })
        let batch = try #require(broker.memory.partition("t", 0)?.batches.first)
        #expect(try BatchHeader(batch).attributes.compression == compression.codec)
        try await producer.close()
        try await broker.stop()
    }

    @Test func withoutAcknowledgementNobodyWaits() async throws {
        let broker = try await ScriptedBroker.start()
        let producer = try producer(broker) { $0.acknowledgement = .none }
        let stored = try await producer.send(ProducerRecord(topic: "t", value: "x"))
        #expect(stored.offset == nil)
        #expect(broker.calls(.initProducerID).isEmpty)
        try await producer.close()
        try await broker.stop()
    }

    @Test func smallBufferHoldsTheCallerBackAndLosesNothing() async throws {
        let broker = try await ScriptedBroker.start(topics: ["t": 3])
        let producer = try producer(broker) {
            $0.bufferBytes = 500
            $0.batchBytes = 200
            $0.linger = .seconds(60)
        }
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<4 {
                group.addTask {
                    for index in 0..<50 {
                        do throws(ClientError) {
                            let key = "\(task)"
                            try await producer.enqueue(ProducerRecord(topic: "t", key: key, value: "\(task) \(index)"))
                        } catch {
                            Issue.record(error)
                        }
                    }
                }
            }
        }
        try await producer.close()
        let values = try (0..<3).flatMap { try broker.memory.values("t", $0) }
        #expect(values.count == 200)
        for task in 0..<4 {
            #expect(values.filter { $0.hasPrefix("\(task) ") } == (0..<50).map { "\(task) \($0)" })
        }
        try await broker.stop()
    }

    @Test func olderBrokerGetsTopicNames() async throws {
        let broker = try await ScriptedBroker.start { call in
            guard call.key == .apiVersions else { return nil }
            var versions = MemoryBroker.versions
            for index in versions.apis.indices where versions.apis[index].key == APIKey.produce.rawValue {
                versions.apis[index].maximumVersion = 7
            }
            return .response(versions, ApiVersionsRequest.api)
        }
        let producer = try producer(broker)
        _ = try await producer.send(ProducerRecord(topic: "t", value: "x"))
        #expect(broker.calls(.produce).map(\.header.version) == [7])
        try await producer.close()
        try await broker.stop()
    }

    // MARK: Helpers

    static func header(_ call: ScriptedCall) throws -> BatchHeader {
        let request = try call.decode(ProduceRequest.self)
        guard case .bytes(let batch)? = request.topics.first?.partitions.first?.records else {
            throw ClientError(.protocolViolation, "no records")
        }
        return try BatchHeader(batch)
    }

    /// An answer with the error for every partition that was asked for.
    static func refusal(_ call: ScriptedCall, _ code: ErrorCode) throws -> ProduceResponse {
        let request = try call.decode(ProduceRequest.self)
        var response = ProduceResponse()
        response.topics = request.topics.map { topic in
            var answer = ProduceResponse.Topic()
            answer.name = topic.name
            answer.topicID = topic.topicID
            answer.partitions = topic.partitions.map { partition in
                var item = ProduceResponse.Partition()
                item.index = partition.index
                item.errorCode = code
                item.baseOffset = -1
                return item
            }
            return answer
        }
        return response
    }
}
