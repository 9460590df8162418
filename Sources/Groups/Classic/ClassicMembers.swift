import Model

/// The members of a classic group, with the sums over them that its decisions need. A value, owned by its group.
struct ClassicMembers: Equatable, Sendable {
    private(set) var byID: [MemberID: ClassicMember] = [:]
    private(set) var byInstance: [InstanceID: MemberID] = [:]
    private(set) var leader: MemberID?
    /// How many wait for the answer to their JoinGroup.
    private(set) var joiningCount = 0
    /// How many members offer each protocol.
    private var supporters: [String: Int] = [:]
    /// Bytes of all that the members say of themselves.
    private(set) var metadataBytes = 0
    /// Bytes of all that they are assigned.
    private(set) var assignmentBytes = 0
    private var arrivals = 0

    var count: Int { byID.count }
    var isEmpty: Bool { byID.isEmpty }

    /// About how much memory they take.
    var bytes: Int { metadataBytes + assignmentBytes + count * GroupLimits.bytesPerMember }

    subscript(_ id: MemberID) -> ClassicMember? { byID[id] }

    func contains(_ id: MemberID) -> Bool { byID[id] != nil }

    /// The members in the order of their arrival.
    var inOrder: [ClassicMember] { byID.values.sorted { $0.arrival < $1.arrival } }

    /// The longest that any member asks the others to wait for it.
    var rebalanceTimeoutMilliseconds: Int32 { byID.values.reduce(0) { max($0, $1.rebalanceTimeoutMilliseconds) } }

    /// Whether all members offer this protocol.
    func isSupportedByAll(_ name: String) -> Bool { supporters[name, default: 0] == byID.count }

    mutating func add(
        _ id: MemberID,
        instanceID: InstanceID?,
        client: ClientIdentity,
        rebalanceTimeoutMilliseconds: Int32,
        sessionTimeoutMilliseconds: Int32,
        protocols: [JoinProtocol]
    ) {
        invariant(byID[id] == nil, "a member is added once")
        if let instanceID {
            invariant(byInstance[instanceID] == nil, "an instance id has one member")
            byInstance[instanceID] = id
        }
        byID[id] = ClassicMember(
            id: id,
            instanceID: instanceID,
            client: client,
            rebalanceTimeoutMilliseconds: rebalanceTimeoutMilliseconds,
            sessionTimeoutMilliseconds: sessionTimeoutMilliseconds,
            protocols: protocols,
            arrival: arrivals
        )
        arrivals += 1
        count(protocols, by: 1)
        if leader == nil { leader = id }
    }

    /// Takes a member out, and hands the lead to the one that has been there the longest.
    @discardableResult
    mutating func remove(_ id: MemberID) -> ClassicMember? {
        guard let member = byID.removeValue(forKey: id) else { return nil }
        count(member.protocols, by: -1)
        assignmentBytes -= member.assignment.count
        if member.join != nil { joiningCount -= 1 }
        if let instanceID = member.instanceID { byInstance[instanceID] = nil }
        if leader == id { leader = firstInOrder { _ in true } }
        return member
    }

    mutating func update(
        _ id: MemberID,
        protocols: [JoinProtocol],
        rebalanceTimeoutMilliseconds: Int32,
        sessionTimeoutMilliseconds: Int32
    ) {
        guard let member = byID[id] else { return }
        count(member.protocols, by: -1)
        count(protocols, by: 1)
        byID[id]?.protocols = protocols
        byID[id]?.rebalanceTimeoutMilliseconds = rebalanceTimeoutMilliseconds
        byID[id]?.sessionTimeoutMilliseconds = sessionTimeoutMilliseconds
    }

    /// Gives a static member another id; it keeps all else, the lead included.
    mutating func rename(_ oldID: MemberID, to newID: MemberID) {
        guard var member = byID.removeValue(forKey: oldID) else { return }
        invariant(byID[newID] == nil, "ids of members are unique")
        member.id = newID
        byID[newID] = member
        if let instanceID = member.instanceID { byInstance[instanceID] = newID }
        if leader == oldID { leader = newID }
    }

    private mutating func count(_ protocols: [JoinProtocol], by change: Int) {
        for offered in protocols {
            let sum = supporters[offered.name, default: 0] + change
            supporters[offered.name] = sum == 0 ? nil : sum
            metadataBytes += change * offered.metadata.count
        }
    }

    private func firstInOrder(where isEligible: (ClassicMember) -> Bool) -> MemberID? {
        byID.values.filter(isEligible).min { $0.arrival < $1.arrival }?.id
    }
}

/// Waiting requests, assignments, and the choice of leader and protocol.
extension ClassicMembers {
    /// Lets a member's JoinGroup wait. Returns the one that waited before, whose client has given up on it.
    mutating func park(join token: ReplyToken, of id: MemberID) -> ReplyToken? {
        let superseded = takeJoin(of: id)
        byID[id]?.join = token
        joiningCount += 1
        return superseded
    }

    mutating func takeJoin(of id: MemberID) -> ReplyToken? {
        guard let token = byID[id]?.join else { return nil }
        byID[id]?.join = nil
        joiningCount -= 1
        return token
    }

    /// Lets a member's SyncGroup wait. Returns the one that waited before.
    mutating func park(sync token: ReplyToken, of id: MemberID) -> ReplyToken? {
        let superseded = takeSync(of: id)
        byID[id]?.sync = token
        return superseded
    }

    mutating func takeSync(of id: MemberID) -> ReplyToken? {
        guard let token = byID[id]?.sync else { return nil }
        byID[id]?.sync = nil
        return token
    }

    mutating func setKnown(_ id: MemberID) { byID[id]?.isNew = false }

    mutating func assign(_ assignments: [MemberID: [UInt8]]) {
        assignmentBytes = 0
        for id in byID.keys {
            let assignment = assignments[id] ?? []
            assignmentBytes += assignment.count
            byID[id]?.assignment = assignment
        }
    }

    /// Makes a member that has joined the leader, if the present one has not. False if nobody has joined.
    mutating func electLeaderAmongJoined() -> Bool {
        if let leader, byID[leader]?.join != nil { return true }
        guard let successor = firstInOrder(where: { $0.join != nil }) else { return false }
        leader = successor
        return true
    }

    /// The protocol for which most members vote, of those that all offer; among equals the one that the earliest
    /// member likes best. Nil without members.
    func elected() -> String? {
        let candidates = Set(supporters.filter { $0.value == byID.count }.keys)
        let members = inOrder
        var votes: [String: Int] = [:]
        for member in members {
            if let vote = member.vote(among: candidates) { votes[vote, default: 0] += 1 }
        }
        let most = votes.values.max()
        return members.first?.protocols.first { votes[$0.name] == most }?.name
    }
}

/// Members as they were written down.
extension ClassicMembers {
    init(_ value: ClassicGroupValue) {
        for member in value.members {
            // The log may be another's work: what cannot be is passed over.
            if contains(member.id) { continue }
            let isTaken = member.instanceID.map { byInstance[$0] != nil } ?? false
            add(
                member.id,
                instanceID: isTaken ? nil : member.instanceID,
                client: member.client,
                rebalanceTimeoutMilliseconds: max(member.rebalanceTimeoutMilliseconds, 0),
                sessionTimeoutMilliseconds: max(member.sessionTimeoutMilliseconds, 0),
                protocols: [JoinProtocol(name: value.protocolName ?? "", metadata: member.subscription)]
            )
            byID[member.id]?.assignment = member.assignment
            assignmentBytes += member.assignment.count
            setKnown(member.id)
        }
        if let named = value.leader, contains(named) { leader = named }
    }
}
