import Model
import NIOCore
import Testing

@testable import MartletClient

/// The client library against the product's own broker.
@Suite struct EndToEndTests {
    func read(_ broker: RealBroker, _ topic: String, from start: StartPosition = .beginning) async throws
        -> [ConsumedRecord]
    {
        var configuration = ConsumerConfiguration(
            client: broker.client,
            assignments: [Assignment(topic: topic, start: start)]
        )
        configuration.stopsAtEnd = true
        let consumer = Consumer(configuration)
        var records: [ConsumedRecord] = []
        for try await record in consumer { records.append(record) }
        await consumer.close()
        return records
    }

    // MARK: Refusals

    @Test func refusalsSayWhatIsWrong() async throws {
        let broker = try RealBroker()
        let admin = Admin(broker.client)
        _ = try await admin.createTopic(NewTopic(name: "t", partitions: 1, configs: ["cleanup.policy": "compact"]))
        let cases: [(String, () async throws -> Void)] = [
            ("TOPIC_ALREADY_EXISTS", { _ = try await admin.createTopic(NewTopic(name: "t")) }),
            ("INVALID_TOPIC_EXCEPTION", { _ = try await admin.createTopic(NewTopic(name: "a/b")) }),
            ("INVALID_CONFIG", { _ = try await admin.createTopic(NewTopic(name: "u", configs: ["no.such": "1"])) }),
            ("INVALID_PARTITIONS", { try await admin.addPartitions(topic: "t", upTo: 1) }),
            ("UNKNOWN_TOPIC_OR_PARTITION", { try await admin.deleteTopic("missing") }),
            ("UNKNOWN_TOPIC_OR_PARTITION", { _ = try await admin.describeTopic("missing") }),
            ("INVALID_CONFIG", { try await admin.alterConfigs(.topic("t"), [.set(name: "retention.ms", value: "x")]) }),
        ]
        for (name, body) in cases {
            let error = await #expect(throws: ClientError.self) { try await body() }
            #expect(error?.kafkaName == name)
        }
        let producer = try Producer(ProducerConfiguration(client: broker.client))
        let error = await #expect(throws: ClientError.self) {
            _ = try await producer.send(ProducerRecord(topic: "t", value: "a record without a key"))
        }
        #expect(error?.kafkaName == "INVALID_RECORD")
        await producer.abort()
        await admin.close()
    }

    // MARK: Records

    @Test(arguments: [
        ProducerConfiguration.Compression.none, .gzip(), .snappy, .lz4(), .zstd(),
    ])
    func recordsComeBackAsTheyWere(compression: ProducerConfiguration.Compression) async throws {
        let broker = try RealBroker(["num.partitions": "3"])
        var configuration = ProducerConfiguration(client: broker.client)
        configuration.compression = compression
        let producer = try Producer(configuration)
        let sent = (0..<1000).map(Self.variedRecord)
        var deliveries: [Delivery] = []
        for record in sent { deliveries.append(try await producer.enqueue(record)) }
        try await producer.close()
        let stored = try await read(broker, "created-on-demand")
        #expect(stored.count == sent.count)
        var places: [String: ConsumedRecord] = [:]
        for record in stored { places["\(record.partition) \(record.offset)"] = record }
        for (record, delivery) in zip(sent, deliveries) {
            let metadata = try await delivery.metadata()
            let found = try #require(places["\(metadata.partition) \(metadata.offset ?? -1)"])
            #expect(found.key == record.key)
            #expect(found.value == record.value)
            #expect(found.headers == record.headers)
            #expect(found.timestamp == record.timestamp)
        }
    }

    /// Records with and without key, value and headers, with bytes that are not text.
    static func variedRecord(_ index: Int) -> ProducerRecord {
        var record = ProducerRecord(topic: "created-on-demand", value: nil)
        if index % 10 != 0 { record.key = ByteBuffer(string: "key \(index % 7)") }
        if index % 13 != 0 { record.value = ByteBuffer(bytes: [UInt8(index & 255), 0, 255]) }
        if index % 5 == 0 {
            record.headers = [RecordHeader(name: "h", value: nil), RecordHeader(name: "h", value: "1")]
        }
        record.timestamp = 1_700_000_000_000 + Int64(index)
        return record
    }

    @Test func lostConnectionsNeitherLoseNorRepeatNorReorder() async throws {
        let broker = try RealBroker()
        let producer = try Producer(ProducerConfiguration(client: broker.client))
        var client = broker.client
        // The consumer may be making its first contact while connections are lost.
        client.bootstrapTimeout = .seconds(30)
        var configuration = ConsumerConfiguration(
            client: client,
            assignments: [Assignment(topic: "t", start: .beginning)]
        )
        configuration.maximumWait = .milliseconds(50)
        let consumer = Consumer(configuration)
        _ = try await producer.send(ProducerRecord(topic: "t", value: "0"))
        let reading = Task {
            var values: [String] = []
            for try await record in consumer {
                values.append(record.value?.text ?? "null")
                if values.count == 3000 { break }
            }
            return values
        }
        for index in 1..<3000 {
            try await producer.enqueue(ProducerRecord(topic: "t", value: "\(index)"))
            if index % 1000 == 500 { try broker.loseConnections() }
        }
        try await producer.flush()
        #expect(try await reading.value == (0..<3000).map(String.init))
        try await producer.close()
        await consumer.close()
    }

    @Test func positionsAreFound() async throws {
        let broker = try RealBroker()
        let producer = try Producer(ProducerConfiguration(client: broker.client))
        for index in 0..<20 {
            var record = ProducerRecord(topic: "t", value: "\(index)")
            record.timestamp = 1_700_000_000_000 + Int64(index) * 1000
            _ = try await producer.send(record)
        }
        try await producer.close()
        #expect(try await read(broker, "t", from: .last(3)).map(\.offset) == [17, 18, 19])
        #expect(try await read(broker, "t", from: .offset(18)).map(\.offset) == [18, 19])
        #expect(try await read(broker, "t", from: .time(1_700_000_018_500)).map(\.offset) == [19])
        #expect(try await read(broker, "t", from: .time(1_800_000_000_000)).isEmpty)
        #expect(try await read(broker, "t", from: .end).isEmpty)
        let admin = Admin(broker.client)
        let partition = Partition(topic: "t", index: 0)
        #expect(try await admin.listOffsets([partition: .largestTimestamp]) == [partition: 19])
        #expect(try await admin.deleteRecords(of: partition, before: 5) == 5)
        #expect(try await admin.listOffsets([partition: .beginning]) == [partition: 5])
        let error = await #expect(throws: ClientError.self) { _ = try await read(broker, "t", from: .offset(2)) }
        #expect(error?.kafkaName == "OFFSET_OUT_OF_RANGE")
        #expect(try await admin.deleteRecords(of: partition, before: nil) == 20)
        #expect(try await read(broker, "t").isEmpty)
        await admin.close()
    }

    @Test func recreatedTopicIsProducedToAgain() async throws {
        let broker = try RealBroker()
        let admin = Admin(broker.client)
        let producer = try Producer(ProducerConfiguration(client: broker.client))
        for round in 0..<3 {
            _ = try await admin.createTopic(NewTopic(name: "t", partitions: 1))
            for index in 0..<3 { _ = try await producer.send(ProducerRecord(topic: "t", value: "\(round) \(index)")) }
            #expect(try await read(broker, "t").map { $0.value?.text } == (0..<3).map { "\(round) \($0)" })
            try await admin.deleteTopic("t")
        }
        try await producer.close()
        await admin.close()
    }

    // MARK: Administration

    @Test func topicsAreManaged() async throws {
        let broker = try RealBroker()
        let admin = Admin(broker.client)
        let created = try await admin.createTopic(
            NewTopic(name: "t", partitions: 2, configs: ["retention.ms": "1000"])
        )
        #expect(created.partitions == 2)
        #expect(try await admin.describeTopic("t").id == created.id)
        try await admin.addPartitions(topic: "t", upTo: 4)
        #expect(try await admin.describeTopic("t").partitions.map(\.index) == [0, 1, 2, 3])
        try await admin.alterConfigs(
            .topic("t"),
            [.set(name: "cleanup.policy", value: "compact"), .delete(name: "retention.ms")]
        )
        let configs = try await admin.describeConfigs(.topic("t"), includingDocumentation: true)
        #expect(configs.filter { $0.source == .topic }.map(\.name) == ["cleanup.policy"])
        #expect(configs.first { $0.name == "retention.ms" }?.value == "604800000")
        #expect(configs.allSatisfy { $0.documentation?.isEmpty == false })
        let cluster = try await admin.describeCluster()
        #expect(cluster.brokers.map(\.address) == [broker.address])
        let id = try #require(cluster.brokers.first?.id)
        #expect(try await admin.describeConfigs(.broker(id)).contains { $0.name == "num.partitions" })
        try await admin.deleteTopic("t")
        #expect(try await admin.listTopics().isEmpty)
        await admin.close()
    }
}
