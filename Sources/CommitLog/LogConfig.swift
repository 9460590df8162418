package import Model

/// What a topic's configuration says about its partitions' logs; the defaults are Kafka's. Immutable.
///
/// Each property's comment names Kafka's topic key.
package struct LogConfig: Equatable, Sendable {
    /// `segment.bytes`
    package var segmentBytes = 1 << 30
    /// `segment.ms`
    package var segmentMilliseconds: Int64 = 7 * 24 * 60 * 60 * 1000
    /// `segment.jitter.ms`
    package var segmentJitterMilliseconds: Int64 = 0
    /// `segment.index.bytes`
    package var segmentIndexBytes = 10 << 20
    /// `index.interval.bytes`
    package var indexIntervalBytes = 4096
    /// `max.message.bytes`: of a whole batch, as it travels.
    package var maxMessageBytes = 1_048_588
    /// `retention.ms`; nil keeps records forever.
    package var retentionMilliseconds: Int64? = 7 * 24 * 60 * 60 * 1000
    /// `retention.bytes`; nil is without limit.
    package var retentionBytes: Int64?
    /// `cleanup.policy`
    package var cleanupPolicy: CleanupPolicy = .delete
    /// `message.timestamp.type`
    package var timestampType = TimestampType.createTime
    /// `message.timestamp.before.max.ms`
    package var timestampBeforeMaxMilliseconds = Int64.max
    /// `message.timestamp.after.max.ms`
    package var timestampAfterMaxMilliseconds: Int64 = 60 * 60 * 1000
    /// `file.delete.delay.ms`
    package var fileDeleteDelayMilliseconds: Int64 = 60_000
    /// `durability`: Martlet's own; here as Kafka has it, a broker's topics have ``Durability/fsync`` unless told otherwise.
    package var durability = Durability.pageCache
    /// `flush.messages`
    package var flushMessages = Int64.max
    /// `flush.ms`
    package var flushMilliseconds = Int64.max
    /// `preallocate`
    package var preallocate = false
    /// `delete.retention.ms`
    package var deleteRetentionMilliseconds: Int64 = 24 * 60 * 60 * 1000
    /// `min.compaction.lag.ms`
    package var minCompactionLagMilliseconds: Int64 = 0
    /// `max.compaction.lag.ms`
    package var maxCompactionLagMilliseconds = Int64.max
    /// `min.cleanable.dirty.ratio`
    package var minCleanableDirtyRatio = 0.5
    /// Whether the log is written to as long as there is any room on the disk: without it nothing could be deleted.
    package var usesReserve = false

    package init() {}

    /// After how long a segment takes no more: what is written cannot be compacted.
    var rollMilliseconds: Int64 {
        cleanupPolicy.contains(.compact) ? min(segmentMilliseconds, maxCompactionLagMilliseconds) : segmentMilliseconds
    }

    /// How many entries an offset index may have.
    var maximumOffsetEntries: Int { max(1, segmentIndexBytes / OffsetIndexFormat.entrySize) }
    /// A segment is closed once it spans more than so much time, so that what is in it expires at about the same time:
    /// one part in twenty of `retention.ms`, so that with the time until someone looks no record stays for more than a
    /// tenth longer than it should. nil where age does not matter.
    var retentionSpanMilliseconds: Int64? {
        guard cleanupPolicy.contains(.delete), let retentionMilliseconds else { return nil }
        return max(Self.minimumSpanMilliseconds, retentionMilliseconds / Self.spansPerRetention)
    }

    /// The shortest time that a segment is meant to last, and between two looks for expired ones: the tenth holds from a
    /// `retention.ms` of ``spansPerRetention`` times as much on, which is a second. Below, it is twice this span.
    package static let minimumSpanMilliseconds: Int64 = 50
    /// How many segments of the greatest span make up `retention.ms`.
    package static let spansPerRetention: Int64 = 20

    /// How many entries a time index may have.
    var maximumTimeEntries: Int { max(1, segmentIndexBytes / TimeIndexFormat.entrySize) }
}

/// `durability`: when a record counts as stored.
package enum Durability: String, Sendable {
    /// When it is on stable storage: it survives a power cut. Nothing is seen by consumers, or acknowledged with acks=all,
    /// before.
    case fsync
    /// When it is in the system's page cache: it survives the process, not the machine.
    case pageCache = "page-cache"
}

/// `cleanup.policy`: what happens to old records. Immutable.
package struct CleanupPolicy: OptionSet, Hashable, Sendable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Segments past the retention are deleted.
    package static let delete = CleanupPolicy(rawValue: 1)
    /// Only the last record of each key is kept.
    package static let compact = CleanupPolicy(rawValue: 2)
}
