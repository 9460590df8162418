package import Model

/// A protocol a member offers, for example the assignor `range`, with what it says of itself in that protocol. Immutable.
package struct JoinProtocol: Hashable, Sendable {
    package let name: String
    package let metadata: [UInt8]

    package init(name: String, metadata: [UInt8]) {
        self.name = name
        self.metadata = metadata
    }
}

/// A client's wish to be, or to stay, a member of a classic group. Immutable.
package struct JoinRequest: Equatable, Sendable {
    package var memberID = MemberID.unknown
    package var instanceID: InstanceID?
    package var client = ClientIdentity(id: "", host: "")
    package var sessionTimeoutMilliseconds: Int32 = 0
    package var rebalanceTimeoutMilliseconds: Int32 = 0
    package var protocolType = ""
    /// In the order of preference.
    package var protocols: [JoinProtocol] = []
    package var reason: String?
    /// Whether a client without an id is first told one and must come back with it (KIP-394, version 4).
    package var requiresKnownMemberID = true
    /// Whether the client understands that it leads without having to assign anything (KIP-814, version 9).
    package var understandsSkippedAssignment = true
    /// Whether the host has room for one more member, in whatever group.
    package var hasRoom = true
    /// The id to give to the client if it has none: unique, made by the host from ``idPrefix`` and a random part.
    package var freshMemberID = MemberID.unknown

    package init() {}

    /// What a new id of this client begins with, so that people can tell whose it is.
    package var idPrefix: String { instanceID?.rawValue ?? client.id }

    /// Bytes of all that the member says of itself.
    var metadataBytes: Int { protocols.reduce(0) { $0 + $1.metadata.count } }

    /// Why such a request is never accepted, whatever the group is like; nil if it may be.
    func problem(_ settings: ClassicGroupSettings) -> ErrorCode? {
        let timeouts = settings.minimumSessionTimeoutMilliseconds...settings.maximumSessionTimeoutMilliseconds
        guard timeouts.contains(sessionTimeoutMilliseconds) else { return .invalidSessionTimeout }
        let names = [memberID.rawValue, instanceID?.rawValue ?? "", client.id, protocolType] + protocols.map(\.name)
        guard rebalanceTimeoutMilliseconds >= 0, names.allSatisfy(GroupLimits.isName),
            protocols.count <= GroupLimits.protocolsPerMember, metadataBytes <= GroupLimits.metadataBytesPerMember,
            Set(protocols.map(\.name)).count == protocols.count
        else { return .invalidRequest }
        return nil
    }
}

/// The answer to a ``JoinRequest``. Immutable.
package struct JoinReply: Equatable, Sendable {
    package var error = ErrorCode.none
    package var generation = Generation.none
    package var protocolType: String?
    package var protocolName: String?
    package var leader = MemberID.unknown
    /// Whether the assignments stay as they are although the member leads.
    package var skipsAssignment = false
    package var memberID = MemberID.unknown
    /// All members, for the leader only, who assigns.
    package var members: [Member] = []

    package init() {}

    init(_ error: ErrorCode, memberID: MemberID) {
        self.error = error
        self.memberID = memberID
    }

    package struct Member: Equatable, Sendable {
        package let id: MemberID
        package let instanceID: InstanceID?
        package let metadata: [UInt8]
    }
}
