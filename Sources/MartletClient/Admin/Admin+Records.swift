import Model
import Wire

/// A partition of a topic. A value.
public struct Partition: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The topic's name.
    public let topic: String
    /// The number, from 0.
    public let index: Int32

    /// A partition.
    public init(topic: String, index: Int32) {
        self.topic = topic
        self.index = index
    }

    /// By topic, then by number.
    public static func < (left: Partition, right: Partition) -> Bool {
        (left.topic, left.index) < (right.topic, right.index)
    }

    /// `topic-number`, as Kafka's tools print it.
    public var description: String { "\(topic)-\(index)" }

    var wire: TopicPartition { TopicPartition(topic, index) }
}

/// Which offset of a partition to look up. A value.
public enum OffsetPoint: Equatable, Sendable {
    /// The oldest record's.
    case beginning
    /// The one that the next record will get.
    case end
    /// That of the record with the largest timestamp (KIP-734).
    case largestTimestamp
    /// That of the first record with this timestamp or a later one, in milliseconds since 1970-01-01T00:00Z.
    case time(Int64)
}

extension Admin {
    /// Looks up offsets. Partitions in which nothing fits (no record so late, no record at all) are left out.
    public func listOffsets(_ points: [Partition: OffsetPoint]) async throws(ClientError) -> [Partition: Int64] {
        try await cluster.lookUp(points, isolation: .readUncommitted)
    }

    /// Deletes the records before an offset (KIP-107).
    ///
    /// - Parameter offset: The first record to stay; nil deletes all there are.
    /// - Returns: The offset of the oldest record afterwards.
    ///
    /// Throws ``ClientError`` named `OFFSET_OUT_OF_RANGE` if the offset is behind the end.
    public func deleteRecords(of partition: Partition, before offset: Int64?) async throws(ClientError) -> Int64 {
        let topic = try await cluster.topic(partition.topic)
        guard topic.partition(partition.index) != nil else {
            throw ClientError(
                .invalidArgument,
                "topic '\(topic.name)' has no partition \(partition.index), only 0 to \(topic.partitions.count - 1)"
            )
        }
        var request = DeleteRecordsRequest()
        request.timeoutMilliseconds = timeoutMilliseconds
        var item = DeleteRecordsRequest.Topic()
        item.name = partition.topic
        var place = DeleteRecordsRequest.Partition()
        place.index = partition.index
        place.offset = offset ?? -1
        item.partitions = [place]
        request.topics = [item]
        let context = "topic '\(partition.topic)' partition \(partition.index)"
        return try await retrying { () async throws(ClientError) -> Int64 in
            guard let leader = self.cluster.metadata.leader(of: partition.wire) else {
                throw ClientError(code: .leaderNotAvailable, context: context)
            }
            let response = try await self.cluster.connection(to: leader.id).send(request)
            guard let answer = response.topics.first?.partitions.first else { throw Self.missing(context) }
            try Self.check(answer.errorCode, context)
            return answer.lowWatermark
        }
    }
}
