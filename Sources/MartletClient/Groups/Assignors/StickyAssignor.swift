/// The cooperative sticky assignor (KIP-429): shares evenly with as few moves as possible, and takes a partition from its
/// owner one rebalance before it gives it to another, so that nobody ever reads what another still does. Stateless.
///
/// What it decides need not be what the Java client would: all members take the leader's word.
enum StickyAssignor {
    static func assign(_ members: [GroupMember], _ partitionCounts: [String: Int32]) -> [String: [Partition]] {
        let owners = owners(members, partitionCounts)
        var shares = Shares(members, owners)
        let owned = Set(owners.keys)
        var open: [Partition] = []
        for (topic, count) in partitionCounts.sorted(by: { $0.key < $1.key }) where count > 0 {
            open += (0..<count).map { Partition(topic: topic, index: $0) }.filter { !owned.contains($0) }
        }
        // Those that few may read first, while these few still have room.
        let choices = Dictionary(uniqueKeysWithValues: partitionCounts.keys.map { ($0, shares.readers(of: $0).count) })
        for partition in open.sorted(by: { (choices[$0.topic] ?? 0, $0) < (choices[$1.topic] ?? 0, $1) }) {
            shares.give(partition)
        }
        shares.balance()
        return shares.withoutUntimely(owners)
    }

    /// Who reads what at the moment: of several that claim a partition, the one that got it last.
    private static func owners(
        _ members: [GroupMember],
        _ partitionCounts: [String: Int32]
    ) -> [Partition: String] {
        var claims: [Partition: (generation: Int32, member: String?)] = [:]
        for member in members {
            for partition in member.owned {
                guard member.topics.contains(partition.topic), partition.index >= 0,
                    partition.index < partitionCounts[partition.topic] ?? 0
                else { continue }
                guard let other = claims[partition], other.member != member.id else {
                    claims[partition] = (member.generation, member.id)
                    continue
                }
                if member.generation > other.generation {
                    claims[partition] = (member.generation, member.id)
                } else if member.generation == other.generation {
                    // Both cannot be right: it counts as nobody's, and whoever does read it is told to stop.
                    claims[partition] = (member.generation, nil)
                }
            }
        }
        return claims.compactMapValues(\.member)
    }
}

/// Who is to read what while that is being decided. A value.
private struct Shares {
    private var partitions: [String: Set<Partition>] = [:]
    private let ordered: [GroupMember]
    private let readers: [String: [String]]

    init(_ members: [GroupMember], _ owners: [Partition: String]) {
        ordered = members.sorted(by: GroupMember.isOrdered)
        var readers: [String: [String]] = [:]
        for member in ordered {
            for topic in member.topics { readers[topic, default: []].append(member.id) }
            partitions[member.id] = []
        }
        self.readers = readers
        for (partition, owner) in owners { partitions[owner]?.insert(partition) }
    }

    func readers(of topic: String) -> [String] { readers[topic] ?? [] }

    private func count(_ member: String) -> Int { partitions[member]?.count ?? 0 }

    /// The member with the fewest partitions that may read the topic; the first of several.
    private func leastLoaded(_ topic: String) -> String? { readers(of: topic).min { count($0) < count($1) } }

    mutating func give(_ partition: Partition) {
        if let member = leastLoaded(partition.topic) { partitions[member]?.insert(partition) }
    }

    /// Moves partitions from members that have two more than another that may read them. Each move makes the sum of the
    /// squares of all counts smaller, so this ends.
    mutating func balance() {
        var hasMoved = true
        while hasMoved {
            hasMoved = false
            for member in ordered.map(\.id).sorted(by: { count($0) > count($1) }) {
                // The largest first, so that members keep the same partitions whoever leads.
                for partition in (partitions[member] ?? []).sorted(by: >) {
                    guard let other = leastLoaded(partition.topic), count(other) + 1 < count(member) else { continue }
                    partitions[member]?.remove(partition)
                    partitions[other]?.insert(partition)
                    hasMoved = true
                }
            }
        }
    }

    /// The shares without what another member has not given up yet: that comes with the next rebalance.
    func withoutUntimely(_ owners: [Partition: String]) -> [String: [Partition]] {
        var assignment: [String: [Partition]] = [:]
        for (member, share) in partitions {
            assignment[member] = share.filter { owners[$0] == nil || owners[$0] == member }.sorted()
        }
        return assignment
    }
}
