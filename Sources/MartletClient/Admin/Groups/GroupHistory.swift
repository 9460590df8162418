/// The newest rebalances of a group, as a broker remembers them since its start. Immutable.
public struct GroupHistory: Equatable, Sendable {
    /// The group's id.
    public let id: String
    /// Whether it rebalances again and again, so that its members hardly get to read.
    public let isInStorm: Bool
    /// Whether the last of its rebalances is still under way.
    public let isRebalancing: Bool
    /// The oldest first.
    public let rebalances: [Rebalance]

    /// One rebalance. Immutable.
    public struct Rebalance: Equatable, Sendable {
        /// The generation it led to; nil if it is under way.
        public let generation: Int32?
        /// The member that was the reason.
        public let memberID: String
        /// That member's `client.id`; nil if the broker does not know it any more.
        public let clientID: String?
        /// That member's address; nil likewise.
        public let host: String?
        /// What the member did, in a few words.
        public let cause: String
        /// What its client gave as the reason; nil if nothing.
        public let clientReason: String?
        /// When it began, in milliseconds since 1970-01-01T00:00Z.
        public let began: Int64
        /// How long it took, in microseconds; nil if it is under way.
        public let durationMicroseconds: Int64?
        /// How many members there were before; nil if that is not known.
        public let membersBefore: Int32?
        /// How many members there were after it; nil if that is not known.
        public let membersAfter: Int32?
        /// How many partitions got an owner that they did not have before; nil if that is not known.
        public let partitionsMoved: Int32?
    }
}
