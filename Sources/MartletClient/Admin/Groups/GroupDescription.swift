/// A group with its members, by whichever protocol they are coordinated. Immutable.
public struct GroupDescription: Equatable, Sendable {
    /// The group's id.
    public let id: String
    /// By which protocol its members are coordinated.
    public let type: GroupType
    /// What it is doing.
    public let state: GroupState
    /// What its members call their protocol, `consumer` for consumers; empty for a group that never had any.
    public let protocolType: String
    /// The assignor that decides who reads what; nil while that is not settled.
    public let assignor: String?
    /// The broker that coordinates it.
    public let coordinator: Int32
    /// Its members, in the coordinator's order.
    public let members: [Member]

    /// One member. Immutable.
    public struct Member: Equatable, Sendable {
        /// The id that the coordinator or the member itself has chosen.
        public let id: String
        /// `group.instance.id` of a static member (KIP-345).
        public let instanceID: String?
        /// The client's `client.id`.
        public let clientID: String
        /// The client's address, as the coordinator sees it.
        public let host: String
        /// The topics it has subscribed to, as far as the coordinator shows it.
        public let subscription: [String]
        /// What it is to read.
        public let assignment: [Partition]

        /// A member by its parts.
        public init(
            id: String,
            instanceID: String? = nil,
            clientID: String,
            host: String,
            subscription: [String] = [],
            assignment: [Partition] = []
        ) {
            self.id = id
            self.instanceID = instanceID
            self.clientID = clientID
            self.host = host
            self.subscription = subscription
            self.assignment = assignment
        }
    }

    /// A group by its parts.
    public init(
        id: String,
        type: GroupType = .classic,
        state: GroupState,
        protocolType: String = "consumer",
        assignor: String? = nil,
        coordinator: Int32 = 0,
        members: [Member] = []
    ) {
        self.id = id
        self.type = type
        self.state = state
        self.protocolType = protocolType
        self.assignor = assignor
        self.coordinator = coordinator
        self.members = members
    }

    /// Whether it has members, so that nobody but them may change its offsets.
    public var isActive: Bool { !members.isEmpty }

    /// Who reads a partition; nil if nobody does.
    public func owner(of partition: Partition) -> Member? { members.first { $0.assignment.contains(partition) } }
}
