import Model
import NIOCore
import Testing
import Wire

@testable import MartletClient

@Suite struct FetchSessionTests {
    let metadata = ClusterMetadata.fixture(["t": [1, 1, 1], "other": [1]])

    func item(_ partition: Int32, at offset: Int64, topic: String = "t") -> FetchPlan.Item {
        FetchPlan.Item(partition: TopicPartition(topic, partition), offset: offset)
    }

    @Test func firstRequestNamesAllAndTheNextOnlyWhatHasChanged() {
        var session = FetchSession()
        let first = session.step([item(0, at: 5), item(1, at: 5)], metadata, usesIDs: true)
        #expect((first.id, first.epoch) == (0, 0))
        #expect(first.changed.count == 2)
        #expect(!first.isIncremental)
        session.answered(77)
        let second = session.step([item(0, at: 9), item(1, at: 5)], metadata, usesIDs: true)
        #expect((second.id, second.epoch) == (77, 1))
        #expect(second.changed == [item(0, at: 9)])
        #expect(second.forgotten.isEmpty)
        session.answered(77)
        let third = session.step([item(1, at: 5), item(2, at: 0)], metadata, usesIDs: true)
        #expect(third.epoch == 2)
        #expect(third.changed == [item(2, at: 0)])
        #expect(third.forgotten == [TopicPartition("t", 0)])
        let forgotten = session.forgottenTopics(third)
        #expect(forgotten.map(\.topicID) == [metadata.topics["t"]?.id])
        #expect(forgotten.map(\.partitions) == [[0]])
    }

    @Test func newLeaderIsToldOf() {
        var session = FetchSession()
        _ = session.step([item(0, at: 5)], metadata, usesIDs: true)
        session.answered(1)
        let newer = ClusterMetadata.fixture(["t": [1, 1, 1]], epoch: 2)
        #expect(session.step([item(0, at: 5)], newer, usesIDs: true).changed == [item(0, at: 5)])
    }

    @Test func brokerWithoutRoomForASessionIsToldAllEachTime() {
        var session = FetchSession()
        for _ in 0..<3 {
            let step = session.step([item(0, at: 5)], metadata, usesIDs: true)
            #expect((step.id, step.epoch, step.changed.count) == (0, 0, 1))
            session.answered(0)
        }
    }

    @Test func failedRequestEndsTheSessionAndOpensAnother() {
        var session = FetchSession()
        _ = session.step([item(0, at: 5)], metadata, usesIDs: true)
        session.answered(7)
        session.reset()
        let step = session.step([item(0, at: 5)], metadata, usesIDs: true)
        #expect((step.id, step.epoch, step.changed.count) == (7, 0, 1), "closes number 7")
        session.lose()
        #expect(session.step([item(0, at: 5)], metadata, usesIDs: true).id == 0)
    }

    @Test func topicThatWasCreatedAnewOpensAnotherSession() {
        var session = FetchSession()
        _ = session.step([item(0, at: 5, topic: "other")], metadata, usesIDs: true)
        session.answered(7)
        var response = MetadataResponse()
        var topic = MetadataResponse.Topic()
        topic.name = "other"
        topic.topicID = TopicID(high: 9, low: 9)
        response.topics = [topic]
        var changed = metadata
        changed.merge(response)
        #expect(session.step([item(0, at: 5, topic: "other")], changed, usesIDs: true).epoch == 0)
        session.answered(8)
        #expect(session.step([item(0, at: 5, topic: "other")], changed, usesIDs: false).epoch == 0, "names now")
    }

    @Test func consumerGoesOnAfterItsSessionWasLost() async throws {
        let lost = Locked(false)
        let broker = try await ScriptedBroker.start(topics: ["t": 2]) { call in
            guard call.key == .fetch else { return nil }
            let request = try call.decode(FetchRequest.self)
            if request.sessionEpoch > 0 {
                lost.withLock { $0 = true }
                var answer = FetchResponse()
                answer.errorCode = .fetchSessionIdNotFound
                return .response(answer, FetchRequest.api)
            }
            return nil
        }
        broker.memory.opensSessions()
        try broker.memory.append(encodedBatch(["a"]), to: "t")
        var configuration = ConsumerConfiguration(
            client: broker.client,
            assignments: [Assignment(topic: "t", start: .beginning)]
        )
        configuration.maximumWait = .milliseconds(1)
        let consumer = Consumer(configuration)
        var records = consumer.makeAsyncIterator()
        #expect(try await records.next()?.value?.text == "a")
        while !lost.withLock({ $0 }) { await Task.yield() }
        try broker.memory.append(encodedBatch(["b"]), to: "t")
        #expect(try await records.next()?.value?.text == "b")
        let sessions = try broker.calls(.fetch).map { try $0.decode(FetchRequest.self).sessionID }
        #expect(sessions.contains(MemoryBroker.session))
        await consumer.close()
        try await broker.stop()
    }
}
