import Model
import NIOCore
import Wire

extension Admin {
    /// How far a group is behind, in offsets and in time.
    ///
    /// - Parameter group: Its members' partitions are looked at too, committed or not.
    /// - Returns: By partition: all that the group has committed, and all that its members read.
    ///
    /// Reads one batch of each partition in which the group is behind, to learn the age of the next record.
    public func lag(of group: GroupDescription) async throws(ClientError) -> [PartitionLag] {
        let committed = try await groupOffsets(of: group.id)
        let partitions = Set(committed.keys).union(group.members.flatMap(\.assignment))
        let (reachable, gone) = try await split(partitions)
        let starts = try await listOffsets(Dictionary(uniqueKeysWithValues: reachable.map { ($0, .beginning) }))
        let ends = try await listOffsets(Dictionary(uniqueKeysWithValues: reachable.map { ($0, .end) }))
        var positions: [Partition: Int64] = [:]
        for (partition, committed) in committed {
            guard let start = starts[partition], let end = ends[partition] else { continue }
            if committed.offset < end, start < end { positions[partition] = max(start, committed.offset) }
        }
        let next = try await nextRecords(positions)
        return partitions.sorted().map { partition in
            let unknown: PartitionLag.Next? =
                if let reason = gone[partition] {
                    .unknown(reason: reason)
                } else if committed[partition] == nil {
                    .unknown(reason: "nothing committed yet")
                } else {
                    next[partition]
                }
            return PartitionLag(
                partition: partition,
                committed: committed[partition],
                start: starts[partition],
                end: ends[partition],
                next: unknown ?? .nothing
            )
        }
    }

    /// Which partitions can be asked about, and why the others cannot.
    private func split(
        _ partitions: Set<Partition>
    ) async throws(ClientError) -> (reachable: [Partition], gone: [Partition: String]) {
        var reachable: [Partition] = []
        var gone: [Partition: String] = [:]
        _ = try await cluster.ask(for: Set(partitions.map(\.topic)))
        let metadata = cluster.metadata
        for partition in partitions {
            let topic = metadata.topics[partition.topic]
            if let topic, !topic.error.isError, topic.partition(partition.index) != nil {
                if metadata.leader(of: partition.wire) == nil {
                    gone[partition] = "the partition has no leader"
                } else {
                    reachable.append(partition)
                }
            } else if topic?.error == .unknownTopicOrPartition {
                gone[partition] = "the topic is gone"
            } else if let error = topic?.error, error.isError {
                gone[partition] = ErrorTexts.meaning(of: error)
            } else {
                gone[partition] = "the partition is gone"
            }
        }
        return (reachable, gone)
    }
}
