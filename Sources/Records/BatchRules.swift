package import Model

/// What a topic demands of a produced batch. Immutable.
package struct BatchRules: Equatable, Sendable {
    /// The largest batch in bytes, compressed if it is: `max.message.bytes`.
    package var maximumBytes: Int
    /// Whether every record needs a key: compacted topics.
    package var requiresKeys: Bool
    /// Whose clock counts. The producer's timestamps are checked only if it is the producer's.
    package var timestampType: TimestampType
    /// How far timestamps may lie in the past: `message.timestamp.before.max.ms`.
    package var maximumTimestampBeforeMilliseconds: Int64
    /// How far timestamps may lie in the future: `message.timestamp.after.max.ms`.
    package var maximumTimestampAfterMilliseconds: Int64
    /// Whether the broker itself writes: control batches are allowed, and need no sequence number.
    package var allowsControl: Bool
    /// The largest size that a batch's records may have when decompressed.
    package var maximumDecompressedBytes: Int
    /// The most headers one record may have.
    package var maximumHeaders: Int

    /// The defaults are Kafka's.
    package init(
        maximumBytes: Int = BatchLimits.batchBytes,
        requiresKeys: Bool = false,
        timestampType: TimestampType = .createTime,
        maximumTimestampBeforeMilliseconds: Int64 = .max,
        maximumTimestampAfterMilliseconds: Int64 = 3_600_000,
        allowsControl: Bool = false,
        maximumDecompressedBytes: Int? = nil,
        maximumHeaders: Int = BatchLimits.headers
    ) {
        self.maximumBytes = maximumBytes
        self.requiresKeys = requiresKeys
        self.timestampType = timestampType
        self.maximumTimestampBeforeMilliseconds = maximumTimestampBeforeMilliseconds
        self.maximumTimestampAfterMilliseconds = maximumTimestampAfterMilliseconds
        self.allowsControl = allowsControl
        self.maximumDecompressedBytes =
            maximumDecompressedBytes ?? BatchLimits.decompressedBytes(forBatchBytes: maximumBytes)
        self.maximumHeaders = maximumHeaders
    }
}

/// Bounds on batches where no configuration sets one. Immutable.
package enum BatchLimits {
    /// Kafka's default of `max.message.bytes`: 1 MiB of records and the overhead of the log.
    package static let batchBytes = 1_048_588

    /// Records of one batch after decompression: what a small batch can make us allocate.
    package static let decompressedBytes = 64 << 20

    /// How much larger than its topic's batches the records of one may become: text rarely gains more than tenfold.
    package static let decompressionFactor = 10

    /// Headers of one record. Kafka has no limit; each becomes an allocation in the consumer.
    package static let headers = 100_000

    /// The limit on decompressed bytes for a topic whose batches have at most `bytes`.
    package static func decompressedBytes(forBatchBytes bytes: Int) -> Int {
        let (scaled, overflow) = bytes.multipliedReportingOverflow(by: decompressionFactor)
        return max(decompressedBytes, overflow ? Int.max : scaled)
    }
}
