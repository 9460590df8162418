extension BrokerKeys {
    /// Consumer groups and their offsets.
    static let groups: [ConfigKey] = [
        ConfigKey(
            "offsets.topic.num.partitions",
            .int,
            default: "50",
            .between(1, 1000),
            "Number of partitions of __consumer_offsets when it is made."
        ),
        ConfigKey(
            "offsets.topic.replication.factor",
            .short,
            default: "1",
            .atLeast(1),
            "Number of replicas of __consumer_offsets.",
            missing: ConfigLimits.noReplication
        ),
        ConfigKey(
            "offsets.topic.segment.bytes",
            .int,
            default: "8388608",
            .between(ConfigLimits.minimumSegmentBytes, Int64(Int32.max)),
            "Size in bytes of a segment of __consumer_offsets when it is made, and of the largest group it can keep. Only whole "
                + "segments are compacted, so this is what a start has to read at least."
        ),
        ConfigKey(
            "offsets.retention.minutes",
            .int,
            default: "10080",
            .atLeast(1),
            "Minutes for which the offsets of a group without members are kept at least."
        ),
        ConfigKey(
            "offsets.retention.policy",
            .string,
            default: "position",
            .oneOf(["position", "time"]),
            "After offsets.retention.minutes: 'position' keeps an offset while its topic still has the record it names, "
                + "'time' forgets it as Kafka does."
        ),
        ConfigKey(
            "offsets.retention.check.interval.ms",
            .long,
            default: "600000",
            .atLeast(1),
            "Milliseconds between two looks for offsets to forget."
        ),
        ConfigKey(
            "offset.metadata.max.bytes",
            .int,
            default: "4096",
            .between(0, 32_767),
            "Bytes of the note that a client may leave with an offset."
        ),
        ConfigKey(
            "group.max.size",
            .int,
            default: "10000",
            .between(1, 100_000),
            "Number of members a group may have."
        ),
        ConfigKey(
            "group.initial.rebalance.delay.ms",
            .int,
            default: "3000",
            .atLeast(0),
            "Milliseconds between two arrivals for which the first assignment of a new group waits at most. It waits "
                + "only while members arrive: a lone one for a sixtieth of this."
        ),
        ConfigKey(
            "group.min.session.timeout.ms",
            .int,
            default: "6000",
            .atLeast(0),
            "Milliseconds a group's member must at least ask for as its session timeout."
        ),
        ConfigKey(
            "group.max.session.timeout.ms",
            .int,
            default: "1800000",
            .atLeast(0),
            "Milliseconds a group's member may at most ask for as its session timeout."
        ),
    ]
}
