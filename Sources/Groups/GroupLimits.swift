/// Bounds on what clients can make a coordinator keep. What is configurable is in ``ClassicGroupSettings``. Immutable.
package enum GroupLimits {
    /// Bytes of a group's, member's, instance's or client's name.
    package static let nameBytes = 1024
    /// Protocols that a member may offer. Clients offer one to four.
    package static let protocolsPerMember = 16
    /// Bytes of all that a member says of itself, over all its protocols.
    package static let metadataBytesPerMember = 64 * 1024
    /// Bytes of all that a group's members say of themselves: they are handed to the leader in one response.
    package static let metadataBytesPerGroup = 64 * 1024 * 1024
    /// Bytes that the members of all groups may make a broker keep. No more are accepted beyond that.
    package static let memberBytes = 512 * 1024 * 1024
    /// What a member counts for, beside what it says of itself and what it is assigned.
    package static let bytesPerMember = 1024
    /// What a partition of a member's target, or a topic that a regular expression has matched, counts for in a consumer
    /// group: it is in the target, in what the member holds, and in the list of owners.
    package static let bytesPerPartition = 128
    /// Bytes of one member's assignment.
    package static let assignmentBytesPerMember = 1024 * 1024
    /// Bytes of a group with all its assignments as it is written to the log.
    package static let assignmentBytesPerGroup = 16 * 1024 * 1024
    /// Ids handed out to clients that have not come back with them. The oldest is forgotten for a newer one.
    package static let expectedMembers = 10_000
    /// How long such an id is good, and so how long a rebalance waits for a client that has asked for one and is gone.
    package static let expectedReturn = Duration.seconds(10)
    /// How long a rebalance waits at least for static members of whom none has joined: without, a rebalance timeout of 0
    /// would have it wait again and again without end.
    package static let shortestWait = Duration.seconds(1)
    /// Rebalances a group remembers.
    package static let history = 32
    /// So many rebalances that begin within ``stormWindow`` are a storm, which somebody should look into.
    package static let stormRebalances = 10
    package static let stormWindow = Duration.seconds(60)
    /// Bytes of the assignments before and after a rebalance that are compared to see what has moved.
    package static let comparedAssignmentBytes = 256 * 1024
    /// Groups of one partition that are nothing but an id which a client was told to come back with. The oldest is
    /// forgotten for a newer one.
    package static let promisedGroups = 1_000
    /// Bytes of the reason a client gives for joining or leaving; the rest is cut off.
    package static let reasonBytes = 256

    package static func isName(_ text: String) -> Bool { text.utf8.count <= nameBytes }
}

/// What is configured for classic groups. Immutable.
package struct ClassicGroupSettings: Equatable, Sendable {
    /// `group.max.size`
    package var maximumMembers = 10_000
    /// `group.initial.rebalance.delay.ms`: the longest pause between two arrivals for which the first rebalance of an
    /// empty group still waits.
    package var initialRebalanceDelay = Duration.milliseconds(3000)
    /// `group.min.session.timeout.ms`
    package var minimumSessionTimeoutMilliseconds: Int32 = 6_000
    /// `group.max.session.timeout.ms`
    package var maximumSessionTimeoutMilliseconds: Int32 = 1_800_000
    /// How long a new member's join may wait: it cannot heartbeat yet, and its connection may be gone. Kafka's number.
    package var newMemberJoinTimeout = Duration.seconds(300)

    package init() {}
}
