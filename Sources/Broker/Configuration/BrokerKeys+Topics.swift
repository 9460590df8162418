extension BrokerKeys {
    /// How topics come and go.
    static let topics: [ConfigKey] = [
        ConfigKey(
            "num.partitions",
            .int,
            default: "1",
            .atLeast(1),
            "Number of partitions of a topic that is created without one."
        ),
        ConfigKey(
            "default.replication.factor",
            .int,
            default: "1",
            .between(1, 32767),
            "Number of replicas of a topic that is created without one."
        ),
        ConfigKey(
            "auto.create.topics.enable",
            .boolean,
            default: "true",
            .any,
            "Whether a topic is created when a client first asks for its metadata."
        ),
        ConfigKey(
            "delete.topic.enable",
            .boolean,
            default: "true",
            .any,
            "Whether topics can be deleted."
        ),
        ConfigKey(
            "min.insync.replicas",
            .int,
            default: "1",
            .atLeast(1),
            update: .clusterWide,
            "Number of replicas in sync that a write with acks=all needs, for topics without a value of their own.",
            missing: ConfigLimits.noReplication
        ),
        ConfigKey(
            "unclean.leader.election.enable",
            .boolean,
            default: "false",
            .any,
            update: .clusterWide,
            "Whether a replica that is not in sync may become leader, for topics without a value of their own.",
            missing: ConfigLimits.noReplication
        ),
        ConfigKey(
            "message.max.bytes",
            .int,
            default: "1048588",
            .atLeast(0),
            update: .clusterWide,
            "Size in bytes of the largest record batch, for topics without a max.message.bytes of their own."
        ),
        ConfigKey(
            "compression.type",
            .string,
            default: "producer",
            .oneOf(CodecLevels.topicCodecs),
            update: .clusterWide,
            "Codec in which records are kept, for topics without one of their own; producer keeps what was sent.",
            missing: CodecLevels.missing
        ),
        ConfigKey(
            "compression.gzip.level",
            .int,
            default: "-1",
            CodecLevels.gzip,
            update: .clusterWide,
            "Level of compression.type gzip: 1 to 9, or -1 for the codec's own default.",
            missing: CodecLevels.missing
        ),
        ConfigKey(
            "compression.lz4.level",
            .int,
            default: "9",
            CodecLevels.lz4,
            update: .clusterWide,
            "Level of compression.type lz4: 1 to 17.",
            missing: CodecLevels.missing
        ),
        ConfigKey(
            "compression.zstd.level",
            .int,
            default: "3",
            CodecLevels.zstd,
            update: .clusterWide,
            "Level of compression.type zstd: -131072 to 22.",
            missing: CodecLevels.missing
        ),
    ]
}
