import Model

/// What the broker's configuration says about compaction. Immutable.
package struct CleanerSettings: Equatable, Sendable {
    package let isEnabled: Bool
    package let threads: Int
    package let backoff: Duration
    package let quietMilliseconds: Int64
    package let dedupeBufferBytes: Int
    package let maximumBytesPerSecond: Double

    init(_ values: Values) {
        isEnabled = values.boolean("log.cleaner.enable")
        threads = values.int("log.cleaner.threads")
        backoff = values.milliseconds("log.cleaner.backoff.ms")
        quietMilliseconds = values.int64("log.cleaner.quiet.ms")
        dedupeBufferBytes = values.int("log.cleaner.dedupe.buffer.size")
        maximumBytesPerSecond = values.double("log.cleaner.io.max.bytes.per.second")
    }
}
