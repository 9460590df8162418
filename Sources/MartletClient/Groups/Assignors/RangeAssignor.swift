/// Kafka's range assignor: of each topic, each subscribed member gets consecutive partitions, the first ones one more if
/// they do not come out even. Stateless.
enum RangeAssignor {
    static func assign(_ members: [GroupMember], _ partitionCounts: [String: Int32]) -> [String: [Partition]] {
        let ordered = members.sorted(by: GroupMember.isOrdered)
        var assignment: [String: [Partition]] = [:]
        for (topic, count) in partitionCounts.sorted(by: { $0.key < $1.key }) where count > 0 {
            let readers = ordered.filter { $0.topics.contains(topic) }
            if readers.isEmpty { continue }
            let (share, extra) = Int(count).quotientAndRemainder(dividingBy: readers.count)
            var next: Int32 = 0
            for (index, reader) in readers.enumerated() {
                let end = next + Int32(share + (index < extra ? 1 : 0))
                assignment[reader.id, default: []] += (next..<end).map { Partition(topic: topic, index: $0) }
                next = end
            }
        }
        return assignment
    }
}
