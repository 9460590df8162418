package import Model

/// Positions that a member, or somebody who is none, wants kept. Immutable.
package struct CommitRequest: Equatable, Sendable {
    package var memberID = MemberID.unknown
    package var instanceID: InstanceID?
    /// None if the client takes no part in the group's rebalances.
    package var generation = Generation.none
    /// For how long old clients want offsets kept; nil leaves it to the broker.
    package var retentionMilliseconds: Int64?
    /// Whether the client may be a member of a consumer group (version 9).
    package var understandsMemberEpochs = true
    package var positions: [Position] = []

    package init() {}

    package struct Position: Equatable, Sendable {
        package let partition: TopicPartition
        package let offset: Offset
        package let leaderEpoch: LeaderEpoch
        package let metadata: String

        package init(
            _ partition: TopicPartition,
            offset: Offset,
            leaderEpoch: LeaderEpoch = .none,
            metadata: String = ""
        ) {
            self.partition = partition
            self.offset = offset
            self.leaderEpoch = leaderEpoch
            self.metadata = metadata
        }
    }
}
