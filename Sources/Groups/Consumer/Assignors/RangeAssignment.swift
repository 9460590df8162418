import Model

/// Divides each topic into stretches of the same length, the first ones longer by one if need be, and gives them to the
/// topic's readers in the order of their names. Topics that are alike are divided alike. Immutable.
struct RangeAssignment {
    private(set) var targets: [MemberID: PartitionSet] = [:]

    init(_ input: AssignorInput) {
        for topic in input.topicOrder {
            let readers = input.members.filter { $0.topics.contains(topic) }
            guard !readers.isEmpty else { continue }
            let count = Int(max(input.partitions[topic] ?? 0, 0))
            let (share, rest) = count.quotientAndRemainder(dividingBy: readers.count)
            var next = 0
            for (place, reader) in readers.enumerated() {
                let length = share + (place < rest ? 1 : 0)
                for index in next..<next + length {
                    targets[reader.id, default: PartitionSet()].insert(PartitionID(topic, Int32(index)))
                }
                next += length
            }
        }
    }
}
