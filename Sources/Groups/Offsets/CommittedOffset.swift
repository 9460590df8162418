package import Model

/// Up to where a group has read a partition, as it says. Immutable.
package struct CommittedOffset: Equatable, Sendable {
    /// The next record to read.
    package let offset: Offset
    /// The leader epoch of the record before it, or none if the client did not know.
    package let leaderEpoch: LeaderEpoch
    /// A note of the client's, for itself or for people.
    package let metadata: String
    package let committed: Timestamp
    /// When it is to be forgotten, if an old client has asked for that (OffsetCommit 2 to 4).
    package let expires: Timestamp?

    package init(
        offset: Offset,
        leaderEpoch: LeaderEpoch = .none,
        metadata: String = "",
        committed: Timestamp,
        expires: Timestamp? = nil
    ) {
        self.offset = offset
        self.leaderEpoch = leaderEpoch
        self.metadata = metadata
        self.committed = committed
        self.expires = expires
    }
}

/// What is configured for committed offsets. Immutable.
package struct OffsetSettings: Equatable, Sendable {
    /// `offset.metadata.max.bytes`
    package var maximumMetadataBytes = 4096
    /// `offsets.retention.minutes`
    package var retention = Duration.seconds(7 * 86_400)
    /// `offsets.retention.policy`: whether an offset stays for as long as its topic still has the record to read next.
    package var keepsValidPositions = true

    package init() {}
}
