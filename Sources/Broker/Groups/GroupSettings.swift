import Groups

/// What is configured for groups. Immutable.
package struct GroupSettings: Sendable {
    let classic: ClassicGroupSettings
    /// Of a group without configurations of its own.
    let consumer: ConsumerGroupSettings
    let consumerLimits: ConsumerGroupConfigLimits
    let offsets: OffsetSettings
    let topicPartitions: Int32
    let topicSegmentBytes: Int
    let expiryInterval: Duration

    init(_ values: Values) {
        var classic = ClassicGroupSettings()
        classic.maximumMembers = values.int("group.max.size")
        classic.initialRebalanceDelay = values.milliseconds("group.initial.rebalance.delay.ms")
        classic.minimumSessionTimeoutMilliseconds = values.int32("group.min.session.timeout.ms")
        classic.maximumSessionTimeoutMilliseconds = max(
            values.int32("group.max.session.timeout.ms"),
            classic.minimumSessionTimeoutMilliseconds
        )
        self.classic = classic
        let limits = ConsumerGroupConfigLimits(values)
        consumerLimits = limits
        var consumer = ConsumerGroupSettings()
        consumer.maximumMembers = values.int("group.consumer.max.size")
        consumer.sessionTimeoutMilliseconds = limits.sessionTimeout(values.int32("group.consumer.session.timeout.ms"))
        consumer.heartbeatIntervalMilliseconds =
            limits.heartbeatInterval(values.int32("group.consumer.heartbeat.interval.ms"))
        consumer.assignmentInterval =
            .milliseconds(Int64(limits.assignmentInterval(values.int32("group.consumer.assignment.interval.ms"))))
        consumer.assignors = values.list("group.consumer.assignors").compactMap { ConsumerAssignor(rawValue: $0) }
        consumer.migration =
            GroupMigration(rawValue: values.string("group.consumer.migration.policy")) ?? .bidirectional
        self.consumer = consumer
        var offsets = OffsetSettings()
        offsets.maximumMetadataBytes = values.int("offset.metadata.max.bytes")
        offsets.retention = .seconds(values.int64("offsets.retention.minutes") * 60)
        offsets.keepsValidPositions = values.string("offsets.retention.policy") == "position"
        self.offsets = offsets
        topicPartitions = values.int32("offsets.topic.num.partitions")
        topicSegmentBytes = values.int("offsets.topic.segment.bytes")
        expiryInterval = values.milliseconds("offsets.retention.check.interval.ms")
    }
}

/// Within what the configurations of a consumer group have to be. Immutable.
struct ConsumerGroupConfigLimits: Sendable {
    private let sessionTimeouts: ClosedRange<Int32>
    private let heartbeatIntervals: ClosedRange<Int32>
    private let assignmentIntervals: ClosedRange<Int32>

    fileprivate init(_ values: Values) {
        func range(_ least: String, _ most: String) -> ClosedRange<Int32> {
            let least = values.int32(least)
            return least...max(values.int32(most), least)
        }
        sessionTimeouts = range("group.consumer.min.session.timeout.ms", "group.consumer.max.session.timeout.ms")
        heartbeatIntervals = range(
            "group.consumer.min.heartbeat.interval.ms",
            "group.consumer.max.heartbeat.interval.ms"
        )
        assignmentIntervals = range(
            "group.consumer.min.assignment.interval.ms",
            "group.consumer.max.assignment.interval.ms"
        )
    }

    /// The nearest session timeout that is allowed.
    func sessionTimeout(_ milliseconds: Int32) -> Int32 { sessionTimeouts.clamp(milliseconds) }

    /// The nearest heartbeat interval that is allowed.
    func heartbeatInterval(_ milliseconds: Int32) -> Int32 { heartbeatIntervals.clamp(milliseconds) }

    /// The nearest assignment interval that is allowed.
    func assignmentInterval(_ milliseconds: Int32) -> Int32 { assignmentIntervals.clamp(milliseconds) }

    /// Why a group cannot have these; nil if it can.
    func problem(sessionTimeout: Int32?, heartbeatInterval: Int32?, assignmentInterval: Int32?) -> String? {
        if let timeout = sessionTimeout, !sessionTimeouts.contains(timeout) {
            return "consumer.session.timeout.ms must be between group.consumer.min.session.timeout.ms "
                + "(\(sessionTimeouts.lowerBound)) and group.consumer.max.session.timeout.ms "
                + "(\(sessionTimeouts.upperBound)), not \(timeout)"
        }
        if let interval = heartbeatInterval, !heartbeatIntervals.contains(interval) {
            return "consumer.heartbeat.interval.ms must be between group.consumer.min.heartbeat.interval.ms "
                + "(\(heartbeatIntervals.lowerBound)) and group.consumer.max.heartbeat.interval.ms "
                + "(\(heartbeatIntervals.upperBound)), not \(interval)"
        }
        if let interval = assignmentInterval, !assignmentIntervals.contains(interval) {
            return "consumer.assignment.interval.ms must be between group.consumer.min.assignment.interval.ms "
                + "(\(assignmentIntervals.lowerBound)) and group.consumer.max.assignment.interval.ms "
                + "(\(assignmentIntervals.upperBound)), not \(interval)"
        }
        return nil
    }
}

extension ClosedRange<Int32> {
    fileprivate func clamp(_ value: Int32) -> Int32 { Swift.min(Swift.max(value, lowerBound), upperBound) }
}

/// What a group decides by at one moment. Immutable.
struct GroupContext: Sendable {
    let rules: GroupRules
    let offsets: OffsetSettings
}
