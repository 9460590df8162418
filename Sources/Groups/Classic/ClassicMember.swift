/// A member of a classic group. A value, owned by its group.
package struct ClassicMember: Equatable, Sendable {
    package internal(set) var id: MemberID
    package let instanceID: InstanceID?
    package let client: ClientIdentity
    package internal(set) var rebalanceTimeoutMilliseconds: Int32
    package internal(set) var sessionTimeoutMilliseconds: Int32
    /// In the order of preference.
    package internal(set) var protocols: [JoinProtocol]
    package internal(set) var assignment: [UInt8] = []
    /// Its place in the order in which members came: the first leads.
    let arrival: Int
    /// Its JoinGroup that waits for the others.
    var join: ReplyToken?
    /// Its SyncGroup that waits for the leader.
    var sync: ReplyToken?
    /// Whether it has not got the answer to its first JoinGroup. Until then it cannot heartbeat, and if its connection
    /// breaks nobody comes back under its id.
    var isNew = true

    var isStatic: Bool { instanceID != nil }

    /// Bytes of all that it says of itself.
    var metadataBytes: Int { protocols.reduce(0) { $0 + $1.metadata.count } }

    func metadata(for name: String?) -> [UInt8] { protocols.first { $0.name == name }?.metadata ?? [] }

    /// The first of its own protocols that all members have.
    func vote(among candidates: Set<String>) -> String? { protocols.first { candidates.contains($0.name) }?.name }

    /// A static member that came back under a new id, with what is needed to take that back.
    package struct Restart: Hashable, Sendable {
        let instanceID: InstanceID
        let oldID: MemberID
        let newID: MemberID
        let generation: Generation
        let protocols: [JoinProtocol]
        let rebalanceTimeoutMilliseconds: Int32
        let sessionTimeoutMilliseconds: Int32
        let understandsSkippedAssignment: Bool
        /// Who led when it came back.
        let leader: MemberID?
    }
}
