import Model
import NIOCore
import TestSupport
import Testing
import Wire

@testable import Broker

/// One partition that a test fetches.
struct Wanted {
    var topic = "events"
    var id = TopicID.zero
    var index: Int32 = 0
    var offset: Int64 = 0
    var maximumBytes: Int32 = 1 << 20
    var currentEpoch: Int32 = -1
    var lastEpoch: Int32 = -1
}

extension FetchRequest {
    /// A request of a client that wants these partitions, and does not wait unless it says so.
    static func wanting(
        _ wanted: [Wanted],
        wait: Int32 = 0,
        minimum: Int32 = 1,
        maximum: Int32 = 1 << 20,
        session: (id: Int32, epoch: Int32) = (0, -1)
    ) -> FetchRequest {
        var request = FetchRequest()
        request.maximumWaitMilliseconds = wait
        request.minimumBytes = minimum
        request.maximumBytes = maximum
        (request.sessionID, request.sessionEpoch) = session
        for one in wanted {
            var partition = Partition()
            partition.index = one.index
            partition.fetchOffset = one.offset
            partition.partitionMaximumBytes = one.maximumBytes
            partition.currentLeaderEpoch = one.currentEpoch
            partition.lastFetchedEpoch = one.lastEpoch
            if request.topics.last?.name != one.topic || request.topics.last?.topicID != one.id {
                var topic = Topic()
                topic.name = one.topic
                topic.topicID = one.id
                request.topics.append(topic)
            }
            request.topics[request.topics.count - 1].partitions.append(partition)
        }
        return request
    }

    /// Partitions by number, of the topic most tests use.
    static func wanting(_ partitions: Int32..., wait: Int32 = 0, minimum: Int32 = 1) -> FetchRequest {
        wanting(partitions.map { Wanted(index: $0) }, wait: wait, minimum: minimum)
    }

    mutating func forget(_ topic: String, id: TopicID = .zero, _ partitions: [Int32]) {
        var forgotten = ForgottenTopic()
        forgotten.name = topic
        forgotten.topicID = id
        forgotten.partitions = partitions
        forgottenTopics.append(forgotten)
    }
}

extension FetchResponse {
    /// All partitions of the response in its order, with their topics' names.
    var partitions: [(topic: String, answer: Partition)] {
        topics.flatMap { topic in topic.partitions.map { (topic.name, $0) } }
    }

    /// The first partition's answer.
    var first: Partition {
        get throws { try #require(partitions.first?.answer) }
    }

    /// The values of all records of all partitions.
    var allValues: [String] {
        get throws { try partitions.flatMap { try values(in: $0.answer.records) } }
    }

    var indexes: [Int32] { partitions.map(\.answer.index) }
}
