import Model
import TestSupport
import Testing
import Wire

@testable import Broker

/// DescribeTopicPartitions: pages that together are everything.
struct DescribeTopicPartitionsTests {
    private typealias Cursor = DescribeTopicPartitionsRequest.Cursor

    private let broker: TestBroker
    private let connection: FakeConnection

    private static let topics = ["a": 1, "b": 5, "c": 2, "d": 7, "e": 1]
    private static let everything = topics.sorted { $0.key < $1.key }.flatMap { name, count in
        (0..<count).map { "\(name)\($0)" }
    }

    init() throws {
        broker = try TestBroker(["max.request.partition.size.limit": "6"])
        connection = broker.connect()
        for (name, count) in Self.topics { try connection.createTopic(name, partitions: Int32(count)) }
    }

    private func page(_ names: [String], limit: Int32, _ cursor: Cursor?) throws -> DescribeTopicPartitionsResponse {
        var request = DescribeTopicPartitionsRequest()
        request.topics = names.map { name in
            var topic = DescribeTopicPartitionsRequest.Topic()
            topic.name = name
            return topic
        }
        request.responsePartitionLimit = limit
        request.cursor = cursor
        return try connection.send(request)
    }

    private func partitions(_ response: DescribeTopicPartitionsResponse) -> [String] {
        response.topics.flatMap { topic in topic.partitions.map { "\(topic.name ?? "?")\($0.index)" } }
    }

    /// Follows the cursors to the end.
    private func walk(_ names: [String] = [], limit: Int32) throws -> [String] {
        var found: [String] = []
        var cursor: Cursor?
        repeat {
            let response = try page(names, limit: limit, cursor)
            let partitions = partitions(response)
            #expect(partitions.count <= max(1, min(limit, 6)))
            // Each page gets on, or the client would ask for ever.
            #expect(!partitions.isEmpty)
            guard !partitions.isEmpty else { break }
            found += partitions
            cursor = response.nextCursor
        } while cursor != nil
        return found
    }

    @Test(arguments: [.min, -1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 100, .max] as [Int32])
    func whateverTheLimitEveryPartitionIsToldExactlyOnce(limit: Int32) throws {
        #expect(try walk(limit: limit) == Self.everything)
        let some = try walk(["d", "b", "d"], limit: limit)
        #expect(some == Self.everything.filter { $0.hasPrefix("b") || $0.hasPrefix("d") })
    }

    @Test func topicsThatAreNotThereAreErrorsAmongTheOthers() throws {
        let response = try page(["zz", "a b", "a", "bb"], limit: 10, nil)
        #expect(response.topics.map(\.name) == ["a", "a b", "bb", "zz"])
        #expect(
            response.topics.map(\.errorCode)
                == [.none, .invalidTopicException, .unknownTopicOrPartition, .unknownTopicOrPartition]
        )
        #expect(response.nextCursor == nil)
    }

    @Test func aCursorMayPointAtWhatIsGone() throws {
        #expect(try partitions(page([], limit: 6, Cursor("bb", 3))) == ["c0", "c1", "d0", "d1", "d2", "d3"])
        #expect(try partitions(page([], limit: 6, Cursor("d", 99))) == ["e0"])
        #expect(try partitions(page([], limit: 6, Cursor("d", .max))) == ["e0"])
        #expect(try partitions(page([], limit: 6, Cursor("d", -5))) == ["d0", "d1", "d2", "d3", "d4", "d5"])
        #expect(try partitions(page([], limit: 6, Cursor("z", 0))) == [])
        #expect(try page([], limit: 6, Cursor("z", 0)).nextCursor == nil)
    }

    @Test func partitionsAreDescribedAsInMetadata() throws {
        let topic = try #require(try page(["c"], limit: 10, nil).topics.first)
        #expect(try topic.topicID == connection.metadata(of: "c").topicID)
        for partition in topic.partitions {
            #expect(partition.leaderID == 1 && partition.leaderEpoch == 0)
            #expect(partition.replicaNodes == [1] && partition.isrNodes == [1])
            #expect(partition.eligibleLeaderReplicas == [])
        }
    }

    @Test func aBrokerWithoutTopicsHasOneEmptyPage() throws {
        let connection = try TestBroker().connect()
        let response = try connection.send(DescribeTopicPartitionsRequest())
        #expect(response.topics.isEmpty && response.nextCursor == nil)
    }
}
