extension BrokerKeys {
    /// Where and how logs are kept. Most are the values of topics that have none of their own, see TopicSynonyms.
    static let log: [ConfigKey] =
        [
            ConfigKey(
                "log.dirs",
                .list,
                default: "./data",
                .nonEmptyList,
                "Directories that hold the partitions; made if they are missing."
            ),
            ConfigKey(
                "log.reserve.bytes",
                .long,
                default: "-1",
                .atLeast(-1),
                "Bytes of each log directory's disk that are kept free: with less, producers are told to try again later, "
                    + "and what makes room goes on. -1 is two segments (log.segment.bytes) or 5 % of the disk, at most "
                    + "10 GiB, whichever is more, but never more than 10 % of the disk."
            ),
            ConfigKey(
                "num.recovery.threads.per.data.dir",
                .int,
                default: "2",
                .between(1, 1024),
                "Number of threads that open and recover the logs of one directory at start."
            ),
            ConfigKey(
                "log.open.files.max",
                .int,
                default: "-1",
                .atLeast(-1),
                "Files of logs that are kept open, idle ones included; others are opened when they are used. -1: a third "
                    + "of what ulimit -n allows, up to two thirds while there are few connections, and at most half of "
                    + "vm.max_map_count."
            ),
            ConfigKey(
                "log.retention.check.interval.ms",
                .long,
                default: "300000",
                .atLeast(1),
                "Milliseconds between two looks for segments that retention can delete."
            ),
        ] + segments + retention + flushing + compaction + cleaner + scrubber + timestamps

    private static let segments: [ConfigKey] = [
        dynamic(
            "log.segment.bytes",
            .int,
            default: "1073741824",
            .atLeast(ConfigLimits.minimumSegmentBytes),
            "Size in bytes at which a segment file is closed and the next one begun."
        ),
        dynamic(
            "log.roll.ms",
            .long,
            default: nil,
            .atLeast(1),
            "Age in milliseconds at which a segment is closed although it is not full; goes before log.roll.hours."
        ),
        ConfigKey(
            "log.roll.hours",
            .int,
            default: "168",
            .atLeast(1),
            "Age in hours at which a segment is closed although it is not full."
        ),
        dynamic(
            "log.roll.jitter.ms",
            .long,
            default: nil,
            .atLeast(0),
            "At most this many milliseconds are taken off log.roll.ms at random; goes before log.roll.jitter.hours."
        ),
        ConfigKey(
            "log.roll.jitter.hours",
            .int,
            default: "0",
            .atLeast(0),
            "At most this many hours are taken off log.roll.hours at random."
        ),
        dynamic(
            "log.index.size.max.bytes",
            .int,
            default: "10485760",
            .atLeast(4),
            "Size in bytes at which an offset index is full, which also closes its segment."
        ),
        dynamic(
            "log.index.interval.bytes",
            .int,
            default: "4096",
            .atLeast(0),
            "An index entry is written for about every so many bytes of records."
        ),
        dynamic(
            "log.preallocate",
            .boolean,
            default: "false",
            .any,
            "Whether disk space for a new segment file is reserved in full when it is created."
        ),
        dynamic(
            "log.segment.delete.delay.ms",
            .long,
            default: "60000",
            .atLeast(0),
            "Milliseconds between taking a segment out of the log and removing its files."
        ),
    ]

    private static let retention: [ConfigKey] = [
        dynamic(
            "log.cleanup.policy",
            .list,
            default: "delete",
            .listOf(["compact", "delete"]),
            "What happens to old segments: delete removes them, compact keeps the last record of each key, both do both, "
                + "and an empty list keeps everything."
        ),
        dynamic(
            "log.retention.ms",
            .long,
            default: nil,
            .custom(retentionProblem),
            "Age in milliseconds after which records are deleted, -1 for no limit; goes before log.retention.minutes."
        ),
        ConfigKey(
            "log.retention.minutes",
            .int,
            default: nil,
            .custom(retentionProblem),
            "Age in minutes after which records are deleted, -1 for no limit; goes before log.retention.hours."
        ),
        ConfigKey(
            "log.retention.hours",
            .int,
            default: "168",
            .custom(retentionProblem),
            "Age in hours after which records are deleted, -1 for no limit."
        ),
        dynamic(
            "log.retention.bytes",
            .long,
            default: "-1",
            .any,
            "Size in bytes above which a partition's oldest segments are deleted; -1 is no limit."
        ),
    ]

    private static let flushing: [ConfigKey] = [
        dynamic(
            "log.durability",
            .string,
            default: "fsync",
            .oneOf(["fsync", "page-cache"]),
            "When a record counts as stored. fsync: when it is on the disk, so that it survives a power cut; with acks=all the "
                + "producer hears of it then, and consumers see it then. page-cache: when the system has it in memory, as "
                + "with Kafka, so that it survives the end of the broker's process, but not of the machine."
        ),
        dynamic(
            "log.flush.interval.messages",
            .long,
            default: "9223372036854775807",
            .atLeast(1),
            "Number of records after which a partition is forced to disk, before the last of them is acknowledged."
        ),
        dynamic(
            "log.flush.interval.ms",
            .long,
            default: nil,
            .atLeast(0),
            "Milliseconds after which appended records are forced to disk; goes before log.flush.scheduler.interval.ms."
        ),
        ConfigKey(
            "log.flush.scheduler.interval.ms",
            .long,
            default: "9223372036854775807",
            .atLeast(0),
            "Milliseconds after which appended records are forced to disk."
        ),
    ]

    private static let compaction: [ConfigKey] = [
        dynamic(
            "log.cleaner.delete.retention.ms",
            .long,
            default: "86400000",
            .atLeast(0),
            "Milliseconds for which a compacted topic keeps the marker of a deleted key."
        ),
        dynamic(
            "log.cleaner.min.compaction.lag.ms",
            .long,
            default: "0",
            .atLeast(0),
            "Milliseconds for which a record is never compacted away."
        ),
        dynamic(
            "log.cleaner.max.compaction.lag.ms",
            .long,
            default: "9223372036854775807",
            .atLeast(1),
            "Milliseconds after which a record is compacted even if little else of its log would be."
        ),
        dynamic(
            "log.cleaner.min.cleanable.ratio",
            .double,
            default: "0.5",
            .fraction,
            "Share of a log, from 0 to 1, that must be new since the last compaction before the next one."
        ),
    ]

    private static let cleaner: [ConfigKey] = [
        ConfigKey(
            "log.cleaner.enable",
            .boolean,
            default: "true",
            .any,
            "Whether compacted topics are compacted in the background."
        ),
        dynamic(
            "log.cleaner.threads",
            .int,
            default: "1",
            .between(1, 1024),
            "Number of threads that compact."
        ),
        dynamic(
            "log.cleaner.backoff.ms",
            .long,
            default: "15000",
            .atLeast(0),
            "Milliseconds between two looks for something to compact, and before the first repetition of what has failed."
        ),
        dynamic(
            "log.cleaner.quiet.ms",
            .long,
            default: "600000",
            .atLeast(1),
            "Milliseconds without a write after which a log is compacted even if little of it is new; longer for large "
                + "logs, 100 seconds for each gigabyte. Kafka has no such key: there, a quiet log is never compacted."
        ),
        dynamic(
            "log.cleaner.dedupe.buffer.size",
            .long,
            default: "134217728",
            .atLeast(1 << 20),
            "Bytes of memory for the keys of compactions, 24 for each key, shared by all threads; more keys take more passes."
        ),
        dynamic(
            "log.cleaner.io.max.bytes.per.second",
            .double,
            default: "1.7976931348623157e+308",
            .custom(rateProblem),
            "Bytes that compactions may read and write in a second, all together."
        ),
    ]

    private static let scrubber: [ConfigKey] = [
        ConfigKey(
            "log.scrub.interval.ms",
            .long,
            default: "604800000",
            .custom(retentionProblem),
            "Milliseconds within which every byte of every log is read once to find damage, -1 for never."
        ),
        ConfigKey(
            "log.scrub.io.max.bytes.per.second",
            .double,
            default: "67108864.0",
            .custom(rateProblem),
            "Bytes that the search for damage may read in a second."
        ),
    ]

    private static let timestamps: [ConfigKey] = [
        dynamic(
            "log.message.timestamp.type",
            .string,
            default: "CreateTime",
            .oneOf(["CreateTime", "LogAppendTime"]),
            "Whose clock stamps records: the producer's (CreateTime) or the broker's (LogAppendTime)."
        ),
        dynamic(
            "log.message.timestamp.before.max.ms",
            .long,
            default: "9223372036854775807",
            .atLeast(0),
            "How many milliseconds a record's timestamp may lie before the broker's clock."
        ),
        dynamic(
            "log.message.timestamp.after.max.ms",
            .long,
            default: "3600000",
            .atLeast(0),
            "How many milliseconds a record's timestamp may lie after the broker's clock."
        ),
    ]

    private static func dynamic(
        _ name: String,
        _ type: ConfigType,
        default defaultValue: String?,
        _ rule: ConfigRule,
        _ meaning: String,
        missing: String? = nil
    ) -> ConfigKey {
        ConfigKey(name, type, default: defaultValue, rule, update: .clusterWide, meaning, missing: missing)
    }

    @Sendable
    private static func rateProblem(_ text: String) -> String? {
        guard let rate = Double(text), rate > 0 else { return "Value must be positive" }
        return nil
    }

    /// Kafka refuses zero here, which would delete every record as soon as it is written.
    @Sendable
    private static func retentionProblem(_ text: String) -> String? {
        guard let time = Int64(text), time == -1 || time > 0 else {
            return "Value must be positive, or -1 for no limit"
        }
        return nil
    }
}
