/// How a ``Consumer`` is a member of a group. The defaults are Kafka's unless a property says otherwise. A value.
public struct GroupConfiguration: Sendable {
    /// What a member wants to read. A value.
    public enum Subscription: Equatable, Sendable {
        /// These topics; those that do not exist yet are read once they do.
        case topics([String])
        /// All topics whose whole name matches a regular expression, in Swift's syntax, which is close to Perl's.
        case pattern(String)
    }

    /// By which protocol the group is coordinated (`group.protocol`). A value.
    public enum GroupProtocol: Equatable, Sendable {
        /// JoinGroup and SyncGroup: the members decide who reads what.
        case classic
    }

    /// What happens to a member's partitions. A value.
    public enum Rebalance: Equatable, Sendable {
        /// They are read from now on, in addition to what was.
        case assigned([Partition])
        /// They are given up. Nothing of them is handed out any more; what is finished until the callback returns is
        /// committed, if that happens automatically, before others get them.
        case revoked([Partition])
        /// They are gone already, and others may read them: nothing can be committed for them.
        case lost([Partition])
    }

    /// The group's id (`group.id`).
    public var id: String
    /// What to read.
    public var subscription: Subscription
    /// By which protocol (`group.protocol`).
    public var groupProtocol = GroupProtocol.classic
    /// Makes the member a static one, whose partitions wait for it while it restarts (`group.instance.id`, KIP-345).
    public var instanceID: String?
    /// The assignors to offer, the best first (`partition.assignment.strategy`). With cooperative ones only, members keep
    /// reading while they join anew.
    public var assignors: [Assignor] = [.range, .cooperativeSticky]
    /// How long the coordinator waits for a sign of life (`session.timeout.ms`).
    public var sessionTimeout = Duration.seconds(45)
    /// How often to give one (`heartbeat.interval.ms`).
    public var heartbeatInterval = Duration.seconds(3)
    /// How long the application may take between two calls for records before the member leaves, so that others can read
    /// what it does not; also how long the others wait for it in a rebalance (`max.poll.interval.ms`).
    public var maximumPollInterval = Duration.seconds(300)
    /// How often to commit what is finished; nil leaves it to ``Consumer/commit()`` (`enable.auto.commit`,
    /// `auto.commit.interval.ms`).
    public var commitInterval: Duration? = .seconds(5)
    /// Whether a record is finished when the next one is asked for, of the batch it came in if batches are; else it is when
    /// ``Consumer/store(_:)`` says so.
    public var finishesWhenReadOn = true
    /// Where to begin in a partition for which the group has committed nothing; nil ends with an error
    /// (`auto.offset.reset`).
    public var start: StartPosition? = .end
    /// Called when partitions come and go. The group waits for it, up to ``maximumPollInterval``; heartbeats go on.
    public var onRebalance: (@Sendable (Rebalance) async -> Void)?

    /// A configuration with the defaults.
    public init(id: String, subscription: Subscription) {
        self.id = id
        self.subscription = subscription
    }
}

extension GroupConfiguration {
    /// Throws what is wrong with the configuration.
    func validate() throws(ClientError) {
        if id.isEmpty { throw ClientError(.invalidArgument, "the group's id is empty") }
        if assignors.isEmpty { throw ClientError(.invalidArgument, "no assignor is given") }
        if Set(assignors).count != assignors.count { throw ClientError(.invalidArgument, "an assignor is given twice") }
        if instanceID?.isEmpty == true { throw ClientError(.invalidArgument, "the instance id is empty") }
        switch subscription {
        case .topics(let topics):
            if topics.isEmpty { throw ClientError(.invalidArgument, "no topic is subscribed to") }
        case .pattern(let pattern): _ = try TopicPattern(pattern)
        }
        guard heartbeatInterval > .zero, heartbeatInterval < sessionTimeout else {
            throw ClientError(
                .invalidArgument,
                "the heartbeat interval of \(heartbeatInterval) is not shorter than the session timeout of \(sessionTimeout)",
                hint: "a third of it is usual"
            )
        }
        if maximumPollInterval <= .zero { throw ClientError(.invalidArgument, "the poll interval is not positive") }
        if let commitInterval, commitInterval <= .zero {
            throw ClientError(.invalidArgument, "the commit interval is not positive")
        }
    }
}

/// A regular expression for topics' names, compiled. A value, owned by one task.
struct TopicPattern {
    private let regex: Regex<AnyRegexOutput>

    init(_ text: String) throws(ClientError) {
        do { regex = try Regex(text) } catch {
            throw ClientError(.invalidArgument, "the pattern '\(text)' is no regular expression: \(error)")
        }
    }

    /// Whether it matches the whole name.
    func matches(_ name: String) -> Bool {
        // A pattern that cannot be evaluated matches nothing; it compiled, so that does not happen.
        do { return try regex.wholeMatch(in: name) != nil } catch { return false }
    }
}
