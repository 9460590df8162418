/// What a broker says about the segments of a partition. Immutable.
public struct PartitionExplanation: Equatable, Sendable {
    /// The partition's number.
    public let index: Int32
    /// The offset of the oldest record.
    public let logStart: Int64
    /// The offset that the next record will get.
    public let logEnd: Int64
    /// The segments, oldest first.
    public let segments: [SegmentExplanation]
    /// How its compaction stands; nil if the topic is not compacted.
    public let compaction: CompactionExplanation?
    /// When every byte of it was last looked at, in milliseconds since 1970-01-01T00:00Z; nil if never.
    public let lastScrub: Int64?
    /// What in it is damaged, or was and is passed by consumers now.
    public let damage: [DamageExplanation]
}

/// Records of a partition that are damaged or gone, as a broker says. Immutable.
public struct DamageExplanation: Equatable, Sendable {
    /// The first offset.
    public let firstOffset: Int64
    /// One more than the last offset.
    public let endOffset: Int64
    /// The base offset of the segment that they are in.
    public let segment: Int64
    /// Where in the segment's file, in bytes.
    public let position: Int64
    /// How many bytes; 0 if the records are missing altogether.
    public let sizeInBytes: Int64
    /// When it was found, in milliseconds since 1970-01-01T00:00Z.
    public let foundAt: Int64
    /// Whether consumers pass it, as `martlet log repair` orders; else a fetch of it is refused.
    public let isSkipped: Bool
    /// What is wrong, in a few words for people.
    public let reason: String
}

/// How the compaction of a partition stands, as a broker says. Immutable.
public struct CompactionExplanation: Equatable, Sendable {
    /// Of what could be compacted, so much is new since the last compaction: from 0 to 1.
    public let dirtyRatio: Double
    /// Bytes of segments in which only the last record of each key is left.
    public let cleanBytes: Int64
    /// Bytes that are new since the last compaction and could be compacted.
    public let dirtyBytes: Int64
    /// Bytes that are new, but in the segment that is written.
    public let activeBytes: Int64
    /// Bytes that are new, but younger than `min.compaction.lag.ms`.
    public let youngBytes: Int64
    /// Below this offset, only the last record of each key is left.
    public let compactedTo: Int64
    /// When the last compaction ended, in milliseconds since 1970-01-01T00:00Z; nil if there was none.
    public let lastTime: Int64?
    /// How many bytes it has looked at; nil if that was before the broker's start.
    public let lastBytesBefore: Int64?
    /// How many of them it has left.
    public let lastBytesAfter: Int64?
    /// Whether the next one is due now.
    public let isDue: Bool
    /// Why it is due or not, in one word.
    public let reason: String
    /// The same in a few words for people.
    public let explanation: String
    /// When it comes at the latest; nil if that cannot be foretold.
    public let nextTime: Int64?
}
