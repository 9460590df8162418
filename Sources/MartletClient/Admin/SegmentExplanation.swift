/// What a broker says about one segment of a partition. Immutable.
public struct SegmentExplanation: Equatable, Sendable {
    /// The offset of its first record, or of the first it once had.
    public let baseOffset: Int64
    /// Where the next segment begins.
    public let endOffset: Int64
    /// Its size.
    public let sizeInBytes: Int64
    /// Whether records are appended to it.
    public let isActive: Bool
    /// In milliseconds since 1970-01-01T00:00Z; nil if no record has a timestamp.
    public let largestTimestamp: Int64?
    /// When its last record was appended, as far as the broker knows.
    public let lastAppendTime: Int64?
    /// Whether retention would remove it now.
    public let isExpired: Bool
    /// Why it stays or goes, in one word.
    public let reason: String
    /// The same in a few words for people.
    public let explanation: String
    /// When it will go by its age; nil if that cannot be foretold.
    public let expiresAt: Int64?
}

/// What retention has removed from a partition, or would remove. Immutable.
public struct RetentionResult: Equatable, Sendable {
    /// A segment that goes.
    public struct Segment: Equatable, Sendable {
        /// The offset of its first record.
        public let baseOffset: Int64
        /// Where the next segment begins.
        public let endOffset: Int64
        /// Its size.
        public let sizeInBytes: Int64
        /// Why it goes, in one word.
        public let reason: String
        /// The same in a few words for people.
        public let explanation: String
    }

    /// The partition's number.
    public let index: Int32
    /// The offset of the oldest record afterwards.
    public let logStart: Int64
    /// What goes, oldest first.
    public let segments: [Segment]
}
