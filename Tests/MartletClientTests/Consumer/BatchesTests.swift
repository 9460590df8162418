import Model
import NIOCore
import Testing
import Wire

@testable import MartletClient

@Suite struct BatchesTests {
    @Test func batchesComeAsTheyWereProduced() async throws {
        let broker = try await ScriptedBroker.start(topics: ["t": 2])
        try broker.memory.append(encodedBatch(["a", "b"]), to: "t")
        try broker.memory.append(encodedBatch(["c"]), to: "t")
        try broker.memory.append(encodedBatch(["d", "e"]), to: "t", 1)
        var configuration = ConsumerConfiguration(
            client: broker.client,
            assignments: [Assignment(topic: "t", start: .beginning)]
        )
        configuration.stopsAtEnd = true
        let consumer = Consumer(configuration)
        var batches: [[String]] = []
        for try await batch in consumer.batches { batches.append(batch.compactMap { $0.value?.text }) }
        #expect(Set(batches) == [["a", "b"], ["c"], ["d", "e"]])
        await consumer.close()
        try await broker.stop()
    }

    @Test func bytesOfRecordsAreSlicesOfWhatWasReceived() throws {
        let sent = try encodedBatch(["first", "second"])
        var answer = FetchResponse.Partition()
        answer.records = .bytes(sent)
        var chunk = try FetchedChunk(
            answer,
            TopicPartition("t", 0),
            position: 0,
            end: nil,
            configuration: ConsumerConfiguration(client: .nowhere, assignments: [])
        )
        let records = try #require(try chunk.next())
        sent.withVeryUnsafeBytes { whole in
            for record in records {
                record.value?.withUnsafeReadableBytes { bytes in
                    guard let start = whole.baseAddress, let place = bytes.baseAddress else { return }
                    #expect(place >= start && place + bytes.count <= start + whole.count, "copied")
                }
            }
        }
    }

    @Test func offsetsAreLookedUpWithoutReading() async throws {
        let broker = try RealBroker()
        let producer = try Producer(ProducerConfiguration(client: broker.client))
        for time in [1000, 2000, 3000] {
            var record = ProducerRecord(topic: "times", value: "x")
            record.timestamp = Int64(time)
            _ = try await producer.send(record)
        }
        try await producer.close()
        let consumer = Consumer(ConsumerConfiguration(client: broker.client, assignments: []))
        let partition = Partition(topic: "times", index: 0)
        #expect(try await consumer.offsets(forTimes: [partition: 1500]) == [partition: 1])
        #expect(try await consumer.offsets(forTimes: [partition: 3001]) == [:])
        #expect(try await consumer.beginningOffsets(of: [partition]) == [partition: 0])
        #expect(try await consumer.endOffsets(of: [partition]) == [partition: 3])
        let error = await #expect(throws: ClientError.self) {
            _ = try await consumer.endOffsets(of: [Partition(topic: "times", index: 1)])
        }
        #expect(error?.message == "topic 'times' has no partition 1, only 0 to 0")
        await consumer.close()
    }
}
