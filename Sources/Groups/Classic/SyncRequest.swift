package import Model

/// A member's question for its assignment in a generation; the leader's brings everyone's. Immutable.
package struct SyncRequest: Equatable, Sendable {
    package var generation = Generation.none
    package var memberID = MemberID.unknown
    package var instanceID: InstanceID?
    /// What the member takes the group's protocol for; nil if it does not say (before version 5).
    package var protocolType: String?
    package var protocolName: String?
    package var assignments: [(member: MemberID, assignment: [UInt8])] = []

    package init() {}

    package static func == (left: SyncRequest, right: SyncRequest) -> Bool {
        left.generation == right.generation && left.memberID == right.memberID && left.instanceID == right.instanceID
            && left.protocolType == right.protocolType && left.protocolName == right.protocolName
            && left.assignments.elementsEqual(right.assignments, by: ==)
    }

    /// Whether the assignments are no more than a coordinator keeps.
    var isWithinLimits: Bool {
        var bytes = 0
        for (member, assignment) in assignments {
            if assignment.count > GroupLimits.assignmentBytesPerMember || !GroupLimits.isName(member.rawValue) {
                return false
            }
            bytes += assignment.count
        }
        return bytes <= GroupLimits.assignmentBytesPerGroup
    }
}

/// The answer to a ``SyncRequest``. Immutable.
package struct SyncReply: Equatable, Sendable {
    package var error = ErrorCode.none
    package var protocolType: String?
    package var protocolName: String?
    package var assignment: [UInt8] = []

    package init() {}

    init(_ error: ErrorCode) { self.error = error }
}
