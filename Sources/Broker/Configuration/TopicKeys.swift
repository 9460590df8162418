/// Every configuration a topic has, with Kafka's names and, where not said otherwise, its defaults (Kafka 4.3).
package enum TopicKeys {
    /// Sorted by name.
    package static let all: [ConfigKey] = (segments + retention + compaction + messages + replication + unsupported)
        .sorted { $0.name < $1.name }

    private static let byName = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })

    package static func find(_ name: String) -> ConfigKey? { byName[name] }

    /// The key of that name, or an error that names the nearest one.
    package static func require(_ name: String) throws(ConfigurationError) -> ConfigKey {
        if let key = byName[name] { return key }
        let nearest = NearestName.of(name, among: byName.keys)
        throw ConfigurationError(.unknownKey(name, scope: .topic, nearest: nearest))
    }

    private static let segments: [ConfigKey] = [
        topic(
            "segment.bytes",
            .int,
            default: "1073741824",
            .atLeast(ConfigLimits.minimumSegmentBytes),
            "Size in bytes at which a segment file is closed and the next one begun."
        ),
        topic(
            "segment.ms",
            .long,
            default: "604800000",
            .atLeast(1),
            "Age in milliseconds at which a segment is closed although it is not full, so that retention can reach it."
        ),
        topic(
            "segment.jitter.ms",
            .long,
            default: "0",
            .atLeast(0),
            "At most this many milliseconds are taken off segment.ms at random, so that segments do not all roll at once."
        ),
        topic(
            "segment.index.bytes",
            .int,
            default: "10485760",
            .atLeast(4),
            "Size in bytes at which an offset index is full, which also closes its segment."
        ),
        topic(
            "index.interval.bytes",
            .int,
            default: "4096",
            .atLeast(0),
            "An index entry is written for about every so many bytes of records."
        ),
        topic(
            "preallocate",
            .boolean,
            default: "false",
            .any,
            "Whether disk space for a new segment file is reserved in full when it is created."
        ),
        topic(
            "durability",
            .string,
            default: "fsync",
            .oneOf(["fsync", "page-cache"]),
            "When a record counts as stored. fsync: when it is on the disk, so that it survives a power cut; with acks=all the "
                + "producer hears of it then, and consumers see it then. page-cache: when the system has it in memory, as "
                + "with Kafka, so that it survives the end of the broker's process, but not of the machine."
        ),
        topic(
            "flush.messages",
            .long,
            default: "9223372036854775807",
            .atLeast(1),
            "Number of records after which a partition is forced to disk, before the last of them is acknowledged."
        ),
        topic(
            "flush.ms",
            .long,
            default: "9223372036854775807",
            .atLeast(0),
            "Milliseconds after which appended records are forced to disk, where durability=page-cache would leave them to "
                + "the system."
        ),
        topic(
            "file.delete.delay.ms",
            .long,
            default: "60000",
            .atLeast(0),
            "Milliseconds between taking a segment out of the log and removing its files."
        ),
        ConfigKey(
            "internal.segment.bytes",
            .int,
            default: nil,
            .atLeast(1),
            update: .clusterWide,
            isInternal: true,
            "Stands in for segment.bytes without its minimum, in bytes; for tests only."
        ),
    ]

    private static let retention: [ConfigKey] = [
        topic(
            "cleanup.policy",
            .list,
            default: "delete",
            .listOf(["compact", "delete"]),
            "What happens to old segments: delete removes them, compact keeps the last record of each key, both do both, "
                + "and an empty list keeps everything."
        ),
        topic(
            "retention.ms",
            .long,
            default: "604800000",
            .atLeast(-1),
            "Age in milliseconds after which records are deleted under the policy delete; -1 is no limit."
        ),
        topic(
            "retention.bytes",
            .long,
            default: "-1",
            .any,
            "Size in bytes above which a partition's oldest segments are deleted under the policy delete; -1 is no limit."
        ),
    ]

    private static let compaction: [ConfigKey] = [
        topic(
            "delete.retention.ms",
            .long,
            default: "86400000",
            .atLeast(0),
            "Milliseconds for which a compacted topic keeps the marker of a deleted key."
        ),
        topic(
            "min.compaction.lag.ms",
            .long,
            default: "0",
            .atLeast(0),
            "Milliseconds for which a record is never compacted away."
        ),
        topic(
            "max.compaction.lag.ms",
            .long,
            default: "9223372036854775807",
            .atLeast(1),
            "Milliseconds after which a record is compacted even if little else of its log would be."
        ),
        topic(
            "min.cleanable.dirty.ratio",
            .double,
            default: "0.5",
            .fraction,
            "Share of a log, from 0 to 1, that must be new since the last compaction before the next one."
        ),
    ]

    private static let messages: [ConfigKey] = [
        topic(
            "max.message.bytes",
            .int,
            default: "1048588",
            .atLeast(0),
            "Size in bytes of the largest record batch the topic takes, as it arrives, that is after compression."
        ),
        topic(
            "message.timestamp.type",
            .string,
            default: "CreateTime",
            .oneOf(["CreateTime", "LogAppendTime"]),
            "Whose clock stamps records: the producer's (CreateTime) or the broker's (LogAppendTime)."
        ),
        topic(
            "message.timestamp.before.max.ms",
            .long,
            default: "9223372036854775807",
            .atLeast(0),
            "How many milliseconds a record's timestamp may lie before the broker's clock."
        ),
        topic(
            "message.timestamp.after.max.ms",
            .long,
            default: "3600000",
            .atLeast(0),
            "How many milliseconds a record's timestamp may lie after the broker's clock."
        ),
        topic(
            "compression.type",
            .string,
            default: "producer",
            .oneOf(CodecLevels.topicCodecs),
            "Codec in which the topic keeps its records; producer keeps what was sent.",
            missing: CodecLevels.missing
        ),
        topic(
            "compression.gzip.level",
            .int,
            default: "-1",
            CodecLevels.gzip,
            "Level of compression.type gzip: 1 to 9, or -1 for the codec's own default.",
            missing: CodecLevels.missing
        ),
        topic(
            "compression.lz4.level",
            .int,
            default: "9",
            CodecLevels.lz4,
            "Level of compression.type lz4: 1 to 17.",
            missing: CodecLevels.missing
        ),
        topic(
            "compression.zstd.level",
            .int,
            default: "3",
            CodecLevels.zstd,
            "Level of compression.type zstd: -131072 to 22.",
            missing: CodecLevels.missing
        ),
    ]

    private static let replication: [ConfigKey] = [
        topic(
            "min.insync.replicas",
            .int,
            default: "1",
            .atLeast(1),
            "Number of replicas in sync that a write with acks=all needs.",
            missing: ConfigLimits.noReplication
        ),
        topic(
            "unclean.leader.election.enable",
            .boolean,
            default: "false",
            .any,
            "Whether a replica that is not in sync may become leader, at the price of lost records.",
            missing: ConfigLimits.noReplication
        ),
        topic(
            "leader.replication.throttled.replicas",
            .list,
            default: "",
            .custom(ConfigLimits.throttledReplicasProblem),
            "Replicas whose leaders send to followers at a limited rate: * or a list of partition:broker.",
            missing: ConfigLimits.noReplication
        ),
        topic(
            "follower.replication.throttled.replicas",
            .list,
            default: "",
            .custom(ConfigLimits.throttledReplicasProblem),
            "Replicas that copy from their leaders at a limited rate: * or a list of partition:broker.",
            missing: ConfigLimits.noReplication
        ),
    ]

    private static let unsupported: [ConfigKey] = [
        topic(
            "remote.storage.enable",
            .boolean,
            default: "false",
            .custom { text in
                text == "false"
                    ? nil : "Tiered Storage functionality is disabled in the broker. Keep the value false."
            },
            "Whether old segments move to remote storage; only false is possible.",
            missing: ConfigLimits.noRemoteStorage
        ),
        topic(
            "local.retention.ms",
            .long,
            default: "-2",
            .atLeast(-2),
            "Milliseconds for which segments stay on the broker's disks besides remote storage; -2 means retention.ms.",
            missing: ConfigLimits.noRemoteStorage
        ),
        topic(
            "local.retention.bytes",
            .long,
            default: "-2",
            .atLeast(-2),
            "Bytes of a partition that stay on the broker's disks besides remote storage; -2 means retention.bytes.",
            missing: ConfigLimits.noRemoteStorage
        ),
        topic(
            "remote.log.copy.disable",
            .boolean,
            default: "false",
            .any,
            "Whether no further segments are copied to remote storage.",
            missing: ConfigLimits.noRemoteStorage
        ),
        topic(
            "remote.log.delete.on.disable",
            .boolean,
            default: "false",
            .any,
            "Whether the topic's remote segments are deleted when remote storage is switched off for it.",
            missing: ConfigLimits.noRemoteStorage
        ),
    ]

    /// A topic's configurations can all be changed at run time.
    private static func topic(
        _ name: String,
        _ type: ConfigType,
        default defaultValue: String,
        _ rule: ConfigRule,
        _ meaning: String,
        missing: String? = nil
    ) -> ConfigKey {
        ConfigKey(name, type, default: defaultValue, rule, update: .clusterWide, meaning, missing: missing)
    }
}
