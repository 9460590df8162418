import ArgumentParser
import MartletClient

/// What `martlet consume` needs to know to be a member of a group. A value.
struct GroupOptions: ParsableArguments {
    /// By which protocol the group is coordinated.
    enum GroupProtocolOption: String, ExpressibleByArgument, CaseIterable {
        case classic
        case consumer

        var value: GroupConfiguration.GroupProtocol {
            switch self {
            case .classic: .classic
            case .consumer: .consumer
            }
        }
    }

    /// An assignor, by Kafka's name.
    struct AssignorOption: ExpressibleByArgument, Equatable {
        let assignor: Assignor

        init?(argument: String) {
            guard let assignor = Assignor(rawValue: argument) else { return nil }
            self.assignor = assignor
        }

        static var allValueStrings: [String] { Assignor.allCases.map(\.rawValue) }
    }

    @Option(
        name: .shortAndLong,
        help: "Read as a member of this group, and commit what was written.",
        completion: .groups
    )
    var group: String?

    @Option(
        name: .customLong("protocol"),
        help: "By which protocol the group is coordinated (default: classic); consumer is the newer one (KIP-848)."
    )
    var groupProtocol: GroupProtocolOption?

    @Option(help: "An assignor to offer; may be repeated (default: range, then cooperative-sticky).")
    var assignor: [AssignorOption] = []

    @Option(help: "Be a static member, whose partitions wait while it restarts.")
    var instanceId: String?

    @Option(
        help: ArgumentHelp(
            "Without a sign of life for so long, the group goes on without this member (default: 45).",
            valueName: "seconds"
        )
    )
    var sessionTimeout: Int?

    @Option(
        help: ArgumentHelp(
            "Read all topics whose whole name matches this: in a group also those to come.",
            valueName: "regex"
        )
    )
    var pattern: String?

    func validate() throws {
        if group == nil {
            let isAnySet = groupProtocol != nil || !assignor.isEmpty || instanceId != nil
            if isAnySet || sessionTimeout != nil {
                throw ValidationError("--protocol, --assignor, --instance-id and --session-timeout need --group")
            }
        } else if group?.isEmpty == true {
            throw ValidationError("--group is empty")
        }
        if groupProtocol == .consumer, !assignor.isEmpty || sessionTimeout != nil {
            throw ValidationError("--assignor and --session-timeout are the broker's affair with --protocol consumer")
        }
        if let sessionTimeout, sessionTimeout < 1 {
            throw ValidationError("--session-timeout is \(sessionTimeout), but must be at least 1")
        }
    }

    /// How to be a member; nil outside of a group.
    func configuration(topics: [String], start: StartPosition) -> GroupConfiguration? {
        guard let group else { return nil }
        let subscription: GroupConfiguration.Subscription = pattern.map { .pattern($0) } ?? .topics(topics)
        var configuration = GroupConfiguration(id: group, subscription: subscription)
        configuration.instanceID = instanceId
        configuration.groupProtocol = (groupProtocol ?? .classic).value
        if !assignor.isEmpty { configuration.assignors = assignor.map(\.assignor) }
        if let sessionTimeout {
            configuration.sessionTimeout = .seconds(sessionTimeout)
            // As many signs of life per session as by default.
            configuration.heartbeatInterval = min(configuration.heartbeatInterval, configuration.sessionTimeout / 10)
        }
        configuration.start = start
        configuration.finishesWhenReadOn = false
        configuration.commitInterval = Self.commitInterval
        return configuration
    }

    /// Short, so that a kill -9 leads to little that is written twice.
    private static let commitInterval = Duration.seconds(1)
}
