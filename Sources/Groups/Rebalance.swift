package import Model

/// What happened in a group that people may want to know. Immutable.
package enum GroupNote: Equatable, Sendable {
    case rebalanceBegan(RebalanceReason)
    case rebalanceCompleted(Rebalance)
    /// The group rebalances again and again: the newest of so many within so short a time.
    case stormBegan(count: Int, within: Duration, RebalanceReason)
    /// It has stopped doing that.
    case stormEnded
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
    /// Who is behind the member; nil if that is not known.
    package let client: ClientIdentity?
    /// What the client gave as its reason; empty if nothing.
    package let clientReason: String

    init(_ member: MemberID, _ cause: Cause, client: ClientIdentity? = nil, clientReason: String? = nil) {
        self.member = member
        self.cause = cause
        self.client = client
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
    /// Partitions that have an owner which they did not have before; nil if the assignments are not consumers'.
    package let partitionsMoved: Int?
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
