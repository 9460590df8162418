/// What is configured for a consumer group: the broker's configuration, with the group's own in front of it. Immutable.
package struct ConsumerGroupSettings: Equatable, Sendable {
    /// `group.consumer.max.size`
    package var maximumMembers = 10_000
    /// `consumer.session.timeout.ms`
    package var sessionTimeoutMilliseconds: Int32 = 45_000
    /// `consumer.heartbeat.interval.ms`
    package var heartbeatIntervalMilliseconds: Int32 = 5_000
    /// `consumer.assignment.interval.ms`: how long large groups wait between two divisions of their partitions.
    package var assignmentInterval = Duration.zero
    /// `group.consumer.assignors`: the first is for members that name none.
    package var assignors: [ConsumerAssignor] = [.uniform, .range]
    /// `group.consumer.migration.policy`
    package var migration = GroupMigration.bidirectional

    package init() {}
}

/// Whether a group may change its protocol while it has members. Immutable.
package enum GroupMigration: String, Sendable, CaseIterable {
    case disabled = "disabled"
    /// From the classic protocol to the consumer protocol.
    case upgrade = "upgrade"
    /// The other way.
    case downgrade = "downgrade"
    case bidirectional = "bidirectional"

    var allowsUpgrade: Bool { self == .upgrade || self == .bidirectional }
    var allowsDowngrade: Bool { self == .downgrade || self == .bidirectional }
}

extension GroupLimits {
    /// Topics that one member of a consumer group may name.
    package static let topicsPerMember = 10_000
    /// The members, or partitions, with which a group waits for the whole `consumer.assignment.interval.ms`; a smaller one
    /// waits for as much less as it is smaller, so that dividing costs all groups the same part of the time.
    package static let sizeOfWholePause = 1_000
    /// How soon members may be told to heartbeat again while their group changes.
    package static let shortestHeartbeatInterval = Duration.milliseconds(100)
    /// What then lies at least between the heartbeats of two members, on average.
    package static let timeBetweenHeartbeats = Duration.milliseconds(1)
    /// Bytes of a regular expression.
    package static let patternBytes = 1024
    /// Different regular expressions in one group.
    package static let patternsPerGroup = 100
}
