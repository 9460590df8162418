import Groups

extension BrokerKeys {
    /// Consumer groups and their offsets.
    static let groups: [ConfigKey] = classicGroups + consumerGroups

    private static let classicGroups: [ConfigKey] = [
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
                + "only while members arrive: a lone one for a hundredth of this."
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

    /// Groups whose members use the consumer protocol (KIP-848).
    private static let consumerGroups: [ConfigKey] = [
        ConfigKey(
            "group.consumer.session.timeout.ms",
            .int,
            default: "45000",
            .atLeast(1),
            "Milliseconds after which a member of a consumer group that does not heartbeat is taken out."
        ),
        ConfigKey(
            "group.consumer.min.session.timeout.ms",
            .int,
            default: "45000",
            .atLeast(1),
            "The least, in milliseconds, that a group may have as its consumer.session.timeout.ms."
        ),
        ConfigKey(
            "group.consumer.max.session.timeout.ms",
            .int,
            default: "60000",
            .atLeast(1),
            "The most, in milliseconds, that a group may have as its consumer.session.timeout.ms."
        ),
        ConfigKey(
            "group.consumer.heartbeat.interval.ms",
            .int,
            default: "5000",
            .atLeast(1),
            "Milliseconds between two heartbeats of a member of a consumer group, as members are told."
        ),
        ConfigKey(
            "group.consumer.min.heartbeat.interval.ms",
            .int,
            default: "5000",
            .atLeast(1),
            "The least, in milliseconds, that a group may have as its consumer.heartbeat.interval.ms."
        ),
        ConfigKey(
            "group.consumer.max.heartbeat.interval.ms",
            .int,
            default: "15000",
            .atLeast(1),
            "The most, in milliseconds, that a group may have as its consumer.heartbeat.interval.ms."
        ),
        ConfigKey(
            "group.consumer.assignment.interval.ms",
            .int,
            default: "1000",
            .atLeast(0),
            "Milliseconds between two divisions of the partitions of a consumer group with a thousand members or partitions; "
                + "a smaller group waits for as much less as it is smaller. What changes in between is divided together."
        ),
        ConfigKey(
            "group.consumer.min.assignment.interval.ms",
            .int,
            default: "0",
            .atLeast(0),
            "The least, in milliseconds, that a group may have as its consumer.assignment.interval.ms."
        ),
        ConfigKey(
            "group.consumer.max.assignment.interval.ms",
            .int,
            default: "15000",
            .atLeast(0),
            "The most, in milliseconds, that a group may have as its consumer.assignment.interval.ms."
        ),
        ConfigKey(
            "group.consumer.max.size",
            .int,
            default: "10000",
            .between(1, 100_000),
            "Number of members a consumer group may have."
        ),
        ConfigKey(
            "group.consumer.assignors",
            .list,
            default: "uniform,range",
            .custom { text in
                let known = ConsumerAssignor.allCases.map(\.rawValue)
                guard case .list(let items)? = ConfigValue(text, as: .list), !items.isEmpty else {
                    return "At least one value is needed"
                }
                return items.allSatisfy(known.contains) ? nil : "Valid values are \(known.joined(separator: ", "))"
            },
            "How partitions can be divided among the members of a consumer group; the first for members that do not say."
        ),
        ConfigKey(
            "group.consumer.migration.policy",
            .string,
            default: "bidirectional",
            .oneOf(GroupMigration.allCases.map(\.rawValue)),
            "Whether a group with members may change from the classic to the consumer protocol (upgrade), back (downgrade)"
                + ", both or neither (disabled)."
        ),
    ]
}
