import Model

/// Gives everybody as many partitions as possible of those it has had, so that the numbers of partitions differ by one at
/// most where all read the same topics, and no partition could move to the advantage of balance where they do not. A value.
struct UniformAssignment {
    private let input: AssignorInput
    /// The places of the members that read each topic, in order.
    private var readers: [TopicID: [Int]] = [:]
    private var loads: [Int]
    /// By place of the member, then by topic: the partitions it gets.
    private var given: [[TopicID: [Int32]]]
    private var owners: [PartitionID: Int] = [:]

    init(_ input: AssignorInput) {
        self.input = input
        loads = Array(repeating: 0, count: input.members.count)
        given = Array(repeating: [:], count: input.members.count)
        for (place, member) in input.members.enumerated() {
            for topic in member.topics { readers[topic, default: []].append(place) }
        }
        let isHomogeneous = Set(input.members.map(\.topics)).count <= 1
        keepWhatIsHeld(upTo: isHomogeneous ? quotas : nil)
        isHomogeneous ? dealEqually() : deal()
        if !isHomogeneous { balance() }
    }

    var targets: [MemberID: PartitionSet] {
        var targets: [MemberID: PartitionSet] = [:]
        for (partition, place) in owners { targets[input.members[place].id, default: PartitionSet()].insert(partition) }
        return targets
    }

    private mutating func give(_ partition: PartitionID, to place: Int) {
        owners[partition] = place
        loads[place] += 1
        given[place][partition.topic, default: []].append(partition.index)
    }

    /// How many partitions each member is to have if all read the same: those that have had most get the odd ones.
    private var quotas: [Int] {
        let total = input.partitions.values.reduce(0) { $0 + Int(max($1, 0)) }
        guard !input.members.isEmpty else { return [] }
        let (share, rest) = total.quotientAndRemainder(dividingBy: input.members.count)
        let held = input.members.map { member in member.held.all.reduce(0) { $0 + (isValid($1, for: member) ? 1 : 0) } }
        let order = held.indices.sorted { held[$0] == held[$1] ? $0 < $1 : held[$0] > held[$1] }
        var quotas = Array(repeating: share, count: input.members.count)
        for place in order.prefix(rest) { quotas[place] += 1 }
        return quotas
    }

    private func isValid(_ partition: PartitionID, for member: AssignorMember) -> Bool {
        member.topics.contains(partition.topic) && input.exists(partition)
    }

    private mutating func keepWhatIsHeld(upTo quotas: [Int]?) {
        let order = Dictionary(uniqueKeysWithValues: input.topicOrder.enumerated().map { ($1, $0) })
        for (place, member) in input.members.enumerated() {
            let kept = member.held.all.filter { owners[$0] == nil && isValid($0, for: member) }
            // In an order that does not depend on chance.
            let sorted = kept.sorted { left, right in
                (order[left.topic] ?? 0, left.index) < (order[right.topic] ?? 0, right.index)
            }
            for partition in sorted.prefix(quotas?[place] ?? .max) { give(partition, to: place) }
        }
    }

    /// Deals what nobody has to those that are below their quota, in turns, so that topics are spread.
    private mutating func dealEqually() {
        let quotas = quotas
        var open = loads.indices.filter { loads[$0] < quotas[$0] }
        var next = 0
        for topic in input.topicOrder {
            for partition in input.partitions(of: topic) where owners[partition] == nil {
                guard !open.isEmpty, !input.members[open[next % open.count]].topics.isEmpty else { return }
                next %= open.count
                let place = open[next]
                give(partition, to: place)
                if loads[place] >= quotas[place] { open.remove(at: next) } else { next += 1 }
            }
        }
    }

    /// Deals what nobody has to those that have the least, beginning with the topics that the fewest read.
    private mutating func deal() {
        let order = input.topicOrder.enumerated().sorted { left, right in
            let counts = (readers[left.element]?.count ?? 0, readers[right.element]?.count ?? 0)
            return counts.0 == counts.1 ? left.offset < right.offset : counts.0 < counts.1
        }
        for (_, topic) in order {
            guard let candidates = readers[topic] else { continue }
            for partition in input.partitions(of: topic) where owners[partition] == nil {
                guard let place = candidates.min(by: { (loads[$0], $0) < (loads[$1], $1) }) else { continue }
                give(partition, to: place)
            }
        }
    }

    /// Moves partitions from those that have more to those that have less by two or more, until none is left that could.
    /// Ends because every move brings the loads closer to each other.
    private mutating func balance() {
        var hasMoved = true
        while hasMoved {
            hasMoved = false
            for topic in input.topicOrder {
                while moveOne(of: topic) { hasMoved = true }
            }
        }
    }

    private mutating func moveOne(of topic: TopicID) -> Bool {
        guard let candidates = readers[topic] else { return false }
        let donors = candidates.filter { given[$0][topic]?.isEmpty == false }
        guard let donor = donors.max(by: { (loads[$0], $1) < (loads[$1], $0) }),
            let receiver = candidates.min(by: { (loads[$0], $0) < (loads[$1], $1) }),
            loads[donor] > loads[receiver] + 1, let index = given[donor][topic]?.popLast()
        else { return false }
        loads[donor] -= 1
        give(PartitionID(topic, index), to: receiver)
        return true
    }
}
