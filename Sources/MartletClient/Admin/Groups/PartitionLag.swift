/// How far a group is behind in one partition. Immutable.
public struct PartitionLag: Equatable, Sendable {
    /// The partition.
    public let partition: Partition
    /// Up to where the group has read; nil if it has committed nothing.
    public let committed: CommittedOffset?
    /// The offset of the oldest record; nil if the partition cannot be reached.
    public let start: Int64?
    /// The offset that the next record will get; nil if the partition cannot be reached.
    public let end: Int64?
    /// What the group will read next.
    public let next: Next

    /// What a group will read next. A value.
    public enum Next: Equatable, Sendable {
        /// There is no record from the committed offset on.
        case nothing
        /// A record: its offset is larger than what is committed if the records between are expired or compacted away.
        /// The timestamp is in milliseconds since 1970-01-01T00:00Z; −1 if the record has none.
        case record(offset: Int64, timestamp: Int64)
        /// It cannot be told; why, in a few words for people.
        case unknown(reason: String)
    }

    /// A lag by its parts.
    public init(partition: Partition, committed: CommittedOffset?, start: Int64?, end: Int64?, next: Next) {
        self.partition = partition
        self.committed = committed
        self.start = start
        self.end = end
        self.next = next
    }

    /// How many offsets lie between what is committed and the end; nil if either is not known. Offsets of records that
    /// are expired or compacted away count, as in Kafka's tools.
    public var records: Int64? {
        guard let committed, let end else { return nil }
        return end > committed.offset ? end - max(0, committed.offset) : 0
    }

    /// How old the next record to read is, in milliseconds: zero if there is none, nil if that cannot be told.
    ///
    /// - Parameter now: The time to compare with, in milliseconds since 1970-01-01T00:00Z.
    public func age(at now: Int64) -> Int64? {
        switch next {
        case .nothing: return 0
        case .unknown: return nil
        case .record(_, let timestamp):
            // No clock of ours is behind 1970.
            return timestamp < 0 ? nil : max(0, now - timestamp)
        }
    }
}
