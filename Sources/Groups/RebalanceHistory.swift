package import Model

/// What happened in a group that people may want to know. Immutable.
package enum GroupNote: Equatable, Sendable {
    case rebalanceBegan(RebalanceReason)
    case rebalanceCompleted(Rebalance)
}

/// Why a rebalance began. Immutable.
package struct RebalanceReason: Equatable, Sendable, CustomStringConvertible {
    package enum Cause: String, Sendable {
        case joined = "joined"
        case rejoined = "joined again"
        case leaderRejoined = "leads the group and joined again"
        case changedSubscription = "changed its subscription"
        case restarted = "restarted as a static member"
        case left = "left"
        case sessionExpired = "was not heard of within its session timeout"
        case syncExpired = "did not fetch its assignment in time"
        case storeFailed = "handed in assignments that could not be stored"
        case tooManyMembers = "is one of more members than are allowed"
        case revocationExpired = "did not give back its partitions in time"
        case rejoinExpired = "did not join again in time"
        case topicsChanged = "was the first to heartbeat after topics had changed"
    }

    package let member: MemberID
    package let cause: Cause
    /// What the client gave as its reason; empty if nothing.
    package let clientReason: String

    init(_ member: MemberID, _ cause: Cause, clientReason: String? = nil) {
        self.member = member
        self.cause = cause
        self.clientReason = (clientReason ?? "").prefix(utf8: GroupLimits.reasonBytes)
    }

    package var description: String {
        clientReason.isEmpty ? "\(member) \(cause.rawValue)" : "\(member) \(cause.rawValue) (\(clientReason))"
    }
}

/// One rebalance of a group, from its reason to the assignment. Immutable.
package struct Rebalance: Equatable, Sendable {
    package let generation: Generation
    package let reason: RebalanceReason
    package let began: Timestamp
    package let duration: Duration
    package let membersBefore: Int
    package let membersAfter: Int
}

/// The newest rebalances of a group, and the one under way. A value, owned by its group.
struct RebalanceHistory: Equatable, Sendable {
    private(set) var completed: [Rebalance] = []
    private var current: (reason: RebalanceReason, began: EventTime)?
    /// How many members the last rebalance left.
    private var members: Int

    init(members: Int) { self.members = members }

    var isUnderWay: Bool { current != nil }

    /// A rebalance that begins while one is under way is a part of it.
    mutating func begin(_ reason: RebalanceReason, _ step: inout GroupStep) {
        step.note(.rebalanceBegan(reason))
        if current == nil { current = (reason, step.now) }
    }

    mutating func complete(_ generation: Generation, members: Int, _ step: inout GroupStep) {
        guard let (reason, began) = current else { return }
        let rebalance = Rebalance(
            generation: generation,
            reason: reason,
            began: began.timestamp,
            duration: began.instant.duration(to: step.now.instant),
            membersBefore: self.members,
            membersAfter: members
        )
        current = nil
        self.members = members
        if completed.count == GroupLimits.history { completed.removeFirst() }
        completed.append(rebalance)
        step.note(.rebalanceCompleted(rebalance))
    }

    static func == (left: RebalanceHistory, right: RebalanceHistory) -> Bool { left.completed == right.completed }
}

extension String {
    /// As many whole characters from the beginning as fit into so many bytes.
    func prefix(utf8 limit: Int) -> String {
        if utf8.count <= limit { return self }
        var end = startIndex
        var bytes = 0
        while end < endIndex {
            let next = index(after: end)
            bytes += self[end..<next].utf8.count
            if bytes > limit { break }
            end = next
        }
        return String(self[..<end])
    }
}
