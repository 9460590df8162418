/// Up to where a group has read a partition. A value.
public struct CommittedOffset: Equatable, Sendable {
    /// The offset of the next record to read.
    public var offset: Int64
    /// The leader epoch of the record before it (KIP-320); nil if it is not known.
    public var leaderEpoch: Int32?
    /// What whoever committed it has written beside it; empty mostly.
    public var metadata: String

    /// A position.
    public init(offset: Int64, leaderEpoch: Int32? = nil, metadata: String = "") {
        self.offset = offset
        self.leaderEpoch = leaderEpoch
        self.metadata = metadata
    }
}
