/// Kafka's round-robin assignor: all partitions in order, each to the next member that has subscribed to its topic.
/// Stateless.
enum RoundRobinAssignor {
    static func assign(_ members: [GroupMember], _ partitionCounts: [String: Int32]) -> [String: [Partition]] {
        let ordered = members.sorted(by: GroupMember.isOrdered)
        var assignment: [String: [Partition]] = [:]
        var next = 0
        for (topic, count) in partitionCounts.sorted(by: { $0.key < $1.key }) where count > 0 {
            guard ordered.contains(where: { $0.topics.contains(topic) }) else { continue }
            for index in 0..<count {
                while !ordered[next % ordered.count].topics.contains(topic) { next += 1 }
                assignment[ordered[next % ordered.count].id, default: []].append(Partition(topic: topic, index: index))
                next += 1
            }
        }
        return assignment
    }
}
