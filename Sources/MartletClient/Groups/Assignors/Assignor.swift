/// How the members of a classic group share its partitions; the group uses one that all of its members offer. A value.
public enum Assignor: String, Hashable, Sendable, CaseIterable {
    /// Consecutive partitions of each topic to each member; the same numbers of several topics to the same member.
    case range
    /// One partition after the other, to one member after the other.
    case roundRobin = "roundrobin"
    /// As even as possible with as few moves as possible; members keep reading what does not move (KIP-429).
    case cooperativeSticky = "cooperative-sticky"

    /// Whether members may keep reading while they join anew.
    var isCooperative: Bool { self == .cooperativeSticky }

    /// Decides who reads what. Partitions of topics to which nobody has subscribed are left out.
    ///
    /// - Parameter partitionCounts: By topic; topics that are not in it do not exist.
    func assign(_ members: [GroupMember], _ partitionCounts: [String: Int32]) -> [String: [Partition]] {
        let assignment =
            switch self {
            case .range: RangeAssignor.assign(members, partitionCounts)
            case .roundRobin: RoundRobinAssignor.assign(members, partitionCounts)
            case .cooperativeSticky: StickyAssignor.assign(members, partitionCounts)
            }
        // Every member is told, also of nothing.
        return Dictionary(uniqueKeysWithValues: members.map { ($0.id, assignment[$0.id] ?? []) })
    }
}

/// A member of a classic group as its leader sees it. A value.
struct GroupMember: Equatable, Sendable {
    let id: String
    var instanceID: String?
    var topics: Set<String> = []
    /// What it says it reads, and since which generation; −1 if it does not say.
    var owned: [Partition] = []
    var generation: Int32 = -1

    init(id: String, instanceID: String? = nil, topics: Set<String>, owned: [Partition] = [], generation: Int32 = -1) {
        self.id = id
        self.instanceID = instanceID
        self.topics = topics
        self.owned = owned
        self.generation = generation
    }

    /// Kafka's order: static members by their instance's id, so that a restart changes nothing, then the others by id.
    static func isOrdered(_ left: GroupMember, _ right: GroupMember) -> Bool {
        switch (left.instanceID, right.instanceID) {
        case (let one?, let other?): one < other
        case (_?, nil): true
        case (nil, _?): false
        case (nil, nil): left.id < right.id
        }
    }
}
