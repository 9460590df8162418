package import Model

/// A group of the classic protocol: members join, one of them, the leader, assigns the work, and everyone holds its
/// part for one generation (Kafka's "group management", KIP-394 for ids, KIP-345 and KIP-814 for static members).
///
/// A value, owned by its coordinator. Requests, timers and outcomes of appends go in, effects come out through the
/// ``GroupStep``. It has no clock of its own, and nothing that clients send grows it beyond ``GroupLimits`` and its
/// settings.
///
/// ```
///          join                 all joined, or time is up          assignments stored
///  Empty ────────▶ Preparing ────────────────────────────▶ Completing ─────────────▶ Stable
///    ▲                │  ▲                                      │                     │
///    └── nobody left ─┘  └─── a member comes, goes or changes ──┴─────────────────────┘
/// ```
package struct ClassicGroup: Equatable, Sendable {
    package let id: GroupID
    package internal(set) var generation: Generation
    /// What the members speak, for example `consumer`; nil before the first came.
    package internal(set) var protocolType: String?
    /// The protocol of the generation; nil without one.
    package internal(set) var protocolName: String?
    var members: ClassicMembers
    var phase: Phase
    /// When the group came into its phase.
    var phaseBegan: Timestamp
    /// Ids that were handed out and whose clients have not come back yet, with the order in which they were.
    var expected: [MemberID: Int] = [:]
    var expectedCount = 0
    /// Members of this generation that have not asked for their assignment yet.
    var unsynced: Set<MemberID> = []
    var history: RebalanceHistory

    /// Where a group stands, with what matters only there.
    enum Phase: Equatable, Sendable {
        case empty
        /// Waits for all members to join; with an ``InitialWait``, for unknown ones to come.
        case preparing(InitialWait?)
        /// Waits for the leader's assignments, and then for them to be stored.
        case completing(HandedIn?)
        case stable
    }

    /// Assignments that the leader has handed in and that are not stored yet.
    struct HandedIn: Equatable, Sendable {
        private(set) var byMember: [MemberID: [UInt8]] = [:]
        private(set) var bytes = 0

        mutating func set(_ assignment: [UInt8], of member: MemberID) {
            bytes += assignment.count - (byMember[member]?.count ?? 0)
            byMember[member] = assignment
        }
    }

    package init(id: GroupID, now: Timestamp) {
        self.id = id
        generation = .initial
        members = ClassicMembers()
        phase = .empty
        phaseBegan = now
        history = RebalanceHistory(members: 0)
    }

    /// The group as it was written down; its members' timers start with ``resume(_:_:)``.
    package init(id: GroupID, value: ClassicGroupValue) {
        self.id = id
        generation = Generation(max(value.generation.rawValue, 0))
        protocolType = value.protocolType.isEmpty ? nil : value.protocolType
        protocolName = value.protocolName
        members = ClassicMembers(value)
        phase = members.isEmpty ? .empty : .stable
        phaseBegan = value.stateTimestamp
        history = RebalanceHistory(members: members.count)
    }

    /// Starts the clock for members that were loaded: each has its session timeout to be heard of.
    package mutating func resume(_ settings: ClassicGroupSettings, _ step: inout GroupStep) {
        for member in members.inOrder {
            restartSession(of: member.id, &step)
        }
        guard members.count > settings.maximumMembers, let last = members.inOrder.last else { return }
        // The limit was lowered: those that join first stay.
        prepareRebalance(RebalanceReason(last.id, .tooManyMembers), settings, &step)
    }

    /// Whether nobody is a member and nobody was told to come back as one.
    package var isUnused: Bool { phase == .empty && expected.isEmpty }

    /// About how much memory its members take.
    package var memberBytes: Int {
        if case .completing(let assignments?) = phase { members.bytes + assignments.bytes } else { members.bytes }
    }

    /// Whether nobody is a member, but somebody was told to come back as one.
    var isPromise: Bool { phase == .empty && !expected.isEmpty }

    var isInitialRebalance: Bool {
        if case .preparing(.some) = phase { return true }
        return false
    }

    var isPreparing: Bool {
        if case .preparing = phase { return true }
        return false
    }

    var isCompleting: Bool {
        if case .completing = phase { return true }
        return false
    }

    var hasEverybodyJoined: Bool { members.joiningCount == members.count && expected.isEmpty }

    mutating func enter(_ next: Phase, _ step: GroupStep) {
        phase = next
        phaseBegan = step.now.timestamp
    }

    /// Whether the member may speak for itself: its id is known, and no other client has taken over its instance id.
    func problem(_ id: MemberID, _ instanceID: InstanceID?) -> ErrorCode? {
        if let instanceID {
            guard let holder = members.byInstance[instanceID] else { return .unknownMemberId }
            if holder != id { return .fencedInstanceId }
        }
        return members.contains(id) ? nil : .unknownMemberId
    }

    /// The group to be written down, with these assignments in place of those the members have.
    func record(_ assignments: [MemberID: [UInt8]]? = nil) -> GroupRecord {
        var value = ClassicGroupValue()
        value.protocolType = protocolType ?? ""
        value.generation = generation
        value.protocolName = protocolName
        value.leader = members.leader
        value.stateTimestamp = phaseBegan
        value.members = members.inOrder.map { member in
            var written = ClassicGroupValue.Member()
            written.id = member.id
            written.instanceID = member.instanceID
            written.client = member.client
            written.rebalanceTimeoutMilliseconds = member.rebalanceTimeoutMilliseconds
            written.sessionTimeoutMilliseconds = member.sessionTimeoutMilliseconds
            written.subscription = member.metadata(for: protocolName)
            written.assignment = assignments.map { $0[member.id] ?? [] } ?? member.assignment
            return written
        }
        return .classicGroup(id, value)
    }
}
