package import Model

/// What is written to the coordinator's log: a key with its newest value, or with none, which deletes it. Immutable.
package enum GroupRecord: Equatable, Sendable {
    case classicGroup(GroupID, ClassicGroupValue?)
    case offset(GroupID, TopicPartition, CommittedOffset?)
    case consumerGroup(GroupID, ConsumerGroupRecord)
}

/// A classic group as it is written down: after every assignment and whenever the last member has gone. Immutable.
package struct ClassicGroupValue: Equatable, Sendable {
    /// For example `consumer`; empty for a group that has had no members.
    package var protocolType = ""
    package var generation = Generation.initial
    /// Nil without members.
    package var protocolName: String?
    package var leader: MemberID?
    /// When the group came into its state.
    package var stateTimestamp = Timestamp.none
    package var members: [Member] = []

    package init() {}

    package struct Member: Equatable, Sendable {
        package var id = MemberID.unknown
        package var instanceID: InstanceID?
        package var client = ClientIdentity(id: "", host: "")
        package var rebalanceTimeoutMilliseconds: Int32 = 0
        package var sessionTimeoutMilliseconds: Int32 = 0
        /// What the member said of itself for the group's protocol.
        package var subscription: [UInt8] = []
        package var assignment: [UInt8] = []

        package init() {}
    }
}
