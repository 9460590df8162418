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
    /// How many bytes more the host can keep, for all groups.
    package var room = Int.max

    package init() {}

    package static func == (left: SyncRequest, right: SyncRequest) -> Bool {
        left.generation == right.generation && left.memberID == right.memberID && left.instanceID == right.instanceID
            && left.protocolType == right.protocolType && left.protocolName == right.protocolName
            && left.room == right.room && left.assignments.elementsEqual(right.assignments, by: ==)
    }

    private var assignmentBytes: Int { assignments.reduce(0) { $0 + $1.assignment.count } }

    /// Why a coordinator does not keep such assignments; nil if it does.
    ///
    /// - Parameter keptBytes: Of the assignments that these take the place of.
    func problemOfSize(keptBytes: Int) -> ErrorCode? {
        for (member, assignment) in assignments {
            if assignment.count > GroupLimits.assignmentBytesPerMember || !GroupLimits.isName(member.rawValue) {
                return .invalidRequest
            }
        }
        let bytes = assignmentBytes
        if bytes > GroupLimits.assignmentBytesPerGroup { return .invalidRequest }
        return bytes > keptBytes && bytes - keptBytes > room ? .groupMaxSizeReached : nil
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
