package import Model

/// A group as admins see it. Immutable.
package struct GroupDescription: Equatable, Sendable {
    package var state = GroupState.dead
    package var protocolType = ""
    /// Of a stable group; empty otherwise.
    package var protocolName = ""
    package var members: [Member] = []

    package init() {}

    package struct Member: Equatable, Sendable {
        package let id: MemberID
        package let instanceID: InstanceID?
        package let client: ClientIdentity
        package let metadata: [UInt8]
        package let assignment: [UInt8]
    }
}

/// The state of a group, in Kafka's words. Immutable.
package enum GroupState: String, Sendable {
    case empty = "Empty"
    case preparingRebalance = "PreparingRebalance"
    case completingRebalance = "CompletingRebalance"
    case stable = "Stable"
    /// Of a consumer group that has changed and has not been assigned anew.
    case assigning = "Assigning"
    /// Of a consumer group of which not every member has what it is to have.
    case reconciling = "Reconciling"
    /// Of a group that is not there.
    case dead = "Dead"
}

extension ClassicGroup {
    package var state: GroupState {
        switch phase {
        case .empty: .empty
        case .preparing: .preparingRebalance
        case .completing: .completingRebalance
        case .stable: .stable
        }
    }

    /// What members say of themselves is shown once it is settled for which protocol.
    package var description: GroupDescription {
        var description = GroupDescription()
        description.state = state
        description.protocolType = protocolType ?? ""
        description.protocolName = phase == .stable ? protocolName ?? "" : ""
        description.members = members.inOrder.map {
            GroupDescription.Member(
                id: $0.id,
                instanceID: $0.instanceID,
                client: $0.client,
                metadata: phase == .stable ? $0.metadata(for: protocolName) : [],
                assignment: $0.assignment
            )
        }
        return description
    }

    /// Why the group cannot be deleted now; nil if it can.
    package var deletionProblem: ErrorCode? { phase == .empty ? nil : .nonEmptyGroup }
}
