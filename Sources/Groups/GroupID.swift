/// The name of a group, as its members give it. Immutable.
package struct GroupID: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible {
    package let rawValue: String

    package init(rawValue: String) { self.rawValue = rawValue }

    package init(_ name: String) { rawValue = name }

    package static func < (left: GroupID, right: GroupID) -> Bool { left.rawValue < right.rawValue }

    package var description: String { rawValue }
}

/// The name of one membership in a group: given out by the coordinator in the classic protocol, by the client in the
/// newer version of the consumer protocol. Immutable.
package struct MemberID: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible {
    package let rawValue: String

    package init(rawValue: String) { self.rawValue = rawValue }

    package init(_ name: String) { rawValue = name }

    /// What a client without an id yet says.
    package static let unknown = MemberID("")

    package static func < (left: MemberID, right: MemberID) -> Bool { left.rawValue < right.rawValue }

    package var description: String { rawValue }
}

/// The name a client keeps over its restarts, so that they are no change of the group (KIP-345). Immutable.
package struct InstanceID: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    package let rawValue: String

    package init(rawValue: String) { self.rawValue = rawValue }

    package init(_ name: String) { rawValue = name }

    package var description: String { rawValue }
}

/// Who is behind a membership, as people know it. Immutable.
package struct ClientIdentity: Hashable, Sendable {
    package let id: String
    package let host: String

    package init(id: String, host: String) {
        self.id = id
        self.host = host
    }
}
