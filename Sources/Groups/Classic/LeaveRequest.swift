package import Model

/// Members that leave, by themselves or by an admin's hand. Immutable.
package struct LeaveRequest: Equatable, Sendable {
    package var members: [Member] = []

    package init() {}

    package struct Member: Equatable, Sendable {
        /// Unknown if an admin removes a static member by its instance id (KIP-345).
        package var id = MemberID.unknown
        package var instanceID: InstanceID?
        package var reason: String?

        package init() {}
    }
}

/// The answer to a ``LeaveRequest``, member by member. Immutable.
package struct LeaveReply: Equatable, Sendable {
    package var error = ErrorCode.none
    package var members: [Member] = []

    package init() {}

    init(_ error: ErrorCode) { self.error = error }

    package struct Member: Equatable, Sendable {
        package let id: MemberID
        package let instanceID: InstanceID?
        package let error: ErrorCode
    }
}
