import Model
import NIOCore
import Records
import Testing
import Wire

@testable import MartletClient

/// Logs that were cut back behind a reader.
@Suite struct TruncationTests {
    static let partition = TopicPartition("t", 0)

    func item(at offset: Int64) -> FetchPlan.Item {
        var item = FetchPlan.Item(partition: Self.partition, offset: offset)
        item.lastEpoch = 1
        return item
    }

    func finding(end: Int64, at offset: Int64, error: ErrorCode = .none) -> TruncationCheck.Finding {
        var answer = OffsetForLeaderEpochResponse.Partition()
        answer.endOffset = end
        answer.errorCode = error
        return TruncationCheck.finding(item(at: offset), answer)
    }

    @Test func logThatEndsBeforeThePositionWasCutBack() {
        #expect(finding(end: 7, at: 10).end == 7)
        #expect(finding(end: 10, at: 10).end == nil)
        #expect(finding(end: 12, at: 10).end == nil)
        #expect(finding(end: -1, at: 10).end == nil, "the leader knows nothing of the epoch")
        #expect(finding(end: 7, at: 10, error: .fencedLeaderEpoch).end == nil)
    }

    @Test func newLeaderIsComparedWithOnce() throws {
        var plan = FetchPlan(prefetchBytes: 100)
        plan.add(Self.partition, position: 10, end: nil)
        func next(epoch: Int32) throws -> FetchPlan.Item {
            let metadata = ClusterMetadata.fixture(["t": [1]], epoch: epoch)
            guard case .fetch(let items, _) = plan.next(for: 1, metadata: metadata, now: .at(milliseconds: 0)) else {
                throw ClientError(.closed, "nothing to fetch")
            }
            return try #require(items.first)
        }
        let first = try next(epoch: 3)
        #expect(!first.isUnchecked, "nothing was read that could be gone")
        plan.received(first, bytes: 0, nextOffset: 11, lastEpoch: 3)
        let same = try next(epoch: 3)
        #expect(!same.isUnchecked)
        plan.released(same)
        let newer = try next(epoch: 4)
        #expect(newer.isUnchecked)
        #expect(newer.lastEpoch == 3)
        plan.checked(newer, leaderEpoch: 4)
        #expect(try !next(epoch: 4).isUnchecked)
    }

    /// A broker whose leader epoch goes up after the first fetch, and whose log then ends at `end`.
    func broker(end: Int64) async throws -> ScriptedBroker {
        let epoch = Locked<Int32>(1)
        let broker = try await ScriptedBroker.start(apis: MemoryBroker.apis + [OffsetForLeaderEpochRequest.api]) {
            call in
            switch call.key {
            case .apiVersions:
                let apis = MemoryBroker.apis + [OffsetForLeaderEpochRequest.api]
                return .response(MemoryBroker.versions(of: apis), ApiVersionsRequest.api)
            case .fetch where call.index == 1:
                epoch.withLock { $0 = 2 }
                return .response(try ConsumerTests.refusal(call, .fencedLeaderEpoch), FetchRequest.api)
            case .offsetForLeaderEpoch:
                var answer = OffsetForLeaderEpochResponse.Partition()
                answer.endOffset = end
                var topic = OffsetForLeaderEpochResponse.Topic()
                topic.name = "t"
                topic.partitions = [answer]
                var response = OffsetForLeaderEpochResponse()
                response.topics = [topic]
                return .response(response, OffsetForLeaderEpochRequest.api)
            default: return nil
            }
        }
        broker.memory.leaderEpoch { epoch.withLock { $0 } }
        var batch = try encodedBatch(["a", "b", "c"])
        batch.setInteger(Int32(1), at: batch.readerIndex + RecordBatchFormat.leaderEpochPosition)
        try broker.memory.append(batch, to: "t")
        return broker
    }

    func consumer(_ broker: ScriptedBroker, _ policy: ConsumerConfiguration.OutOfRangePolicy) -> Consumer {
        var configuration = ConsumerConfiguration(
            client: broker.client,
            assignments: [Assignment(topic: "t", start: .beginning)]
        )
        configuration.outOfRange = policy
        configuration.maximumWait = .milliseconds(1)
        return Consumer(configuration)
    }

    @Test func readerIsToldOfRecordsThatAreGone() async throws {
        let broker = try await broker(end: 1)
        let consumer = consumer(broker, .fail)
        let error = await #expect(throws: ClientError.self) {
            for try await _ in consumer {}
        }
        #expect(error?.kafkaName == "OFFSET_OUT_OF_RANGE")
        #expect(error?.message.contains("cut back to offset 1 after records up to 3 had been read") == true)
        await consumer.close()
        try await broker.stop()
    }

    @Test func readerWithAPolicyGoesOnWhereTheLogParts() async throws {
        let broker = try await broker(end: 1)
        let consumer = consumer(broker, .beginning)
        var values: [String] = []
        for try await record in consumer {
            values.append(record.value?.text ?? "")
            if values.count == 5 { break }
        }
        #expect(values == ["a", "b", "c", "b", "c"])
        await consumer.close()
        try await broker.stop()
    }
}
