import Groups
import Model

/// Every configuration that a consumer group can have of its own.
package enum GroupKeys {
    static let sessionTimeout = "consumer.session.timeout.ms"
    static let heartbeatInterval = "consumer.heartbeat.interval.ms"
    static let assignmentInterval = "consumer.assignment.interval.ms"

    /// Sorted by name.
    package static let all: [ConfigKey] = [
        ConfigKey(
            assignmentInterval,
            .int,
            default: "1000",
            .atLeast(0),
            update: .clusterWide,
            "Milliseconds between two divisions of the group's partitions if it has a thousand members or partitions, less if "
                + "it has fewer."
        ),
        ConfigKey(
            heartbeatInterval,
            .int,
            default: "5000",
            .atLeast(1),
            update: .clusterWide,
            "Milliseconds between two heartbeats of a member of the group, as members are told."
        ),
        ConfigKey(
            sessionTimeout,
            .int,
            default: "45000",
            .atLeast(1),
            update: .clusterWide,
            "Milliseconds after which a member of the group that does not heartbeat is taken out."
        ),
    ]

    static func require(_ name: String) throws(ConfigurationError) -> ConfigKey {
        if let key = all.first(where: { $0.name == name }) { return key }
        let nearest = NearestName.of(name, among: all.map(\.name))
        throw ConfigurationError(.unknownKey(name, scope: .group, nearest: nearest))
    }
}

/// A consumer group's configuration: what was set for it, over what the broker gives every group. Immutable.
struct GroupConfiguration: Sendable {
    /// Groups that may have a configuration of their own: all are kept in memory.
    static let maximumGroups = 10_000

    /// What was set for the group, as the catalogue keeps it.
    let overrides: [String: String]
    private let broker: BrokerConfiguration

    /// Fails for what IncrementalAlterConfigs has to refuse.
    init(overrides: [String: String], broker: BrokerConfiguration) throws(ConfigurationError) {
        for (name, text) in overrides.sorted(by: { $0.key < $1.key }) { _ = try GroupKeys.require(name).parse(text) }
        self.overrides = overrides
        self.broker = broker
    }

    /// Whether a group can have that name.
    static func check(name: String) throws(RequestError) {
        guard !name.isEmpty, GroupLimits.isName(name) else {
            throw RequestError(
                .invalidRequest,
                "a group's name has 1 to \(GroupLimits.nameBytes) bytes, this one has \(name.utf8.count)"
            )
        }
    }

    /// The group's configuration after the changes, or why they are refused, all of them.
    func altered(by changes: [ConfigChange]) throws(ConfigurationError) -> GroupConfiguration {
        let overrides = try ConfigAlteration.apply(
            changes,
            to: overrides,
            find: GroupKeys.require,
            inForce: { value($0)?.text }
        )
        let new = try GroupConfiguration(overrides: overrides, broker: broker)
        let problem = broker.settings.groups.consumerLimits.problem(
            sessionTimeout: new.number(GroupKeys.sessionTimeout),
            heartbeatInterval: new.number(GroupKeys.heartbeatInterval),
            assignmentInterval: new.number(GroupKeys.assignmentInterval)
        )
        if let problem { throw ConfigurationError(.conflict(problem)) }
        return new
    }

    /// What was set for the group as a number; nil if nothing was.
    private func number(_ name: String) -> Int32? { overrides[name].flatMap { Int32($0.trimmingBlanks) } }

    private func value(_ name: String) -> ConfigValue? {
        guard let key = GroupKeys.all.first(where: { $0.name == name }) else { return nil }
        if let own = overrides[name] { return ConfigValue(own, as: key.type) }
        return broker.sources(of: [Self.brokerName(name)]).first?.entry.value ?? key.parsedDefault
    }

    private static func brokerName(_ name: String) -> String { "group." + name }

    /// What DescribeConfigs says about the group, sorted by name.
    func describe(_ names: [String]?) -> [ConfigDescription] {
        ConfigDescription.selected(from: GroupKeys.all, names).map { key in
            var synonyms = broker.sources(of: [Self.brokerName(key.name)]).map { source in
                ConfigSynonym(name: source.name, value: source.entry.value.text, source: source.entry.source)
            }
            if let own = overrides[key.name] {
                synonyms.insert(ConfigSynonym(name: key.name, value: own, source: .dynamicGroup), at: 0)
            }
            return ConfigDescription(key, value: value(key.name), synonyms: synonyms, isReadOnly: false)
        }
    }
}
