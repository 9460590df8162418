/// What IncrementalAlterConfigs does to one key, numbered as in the request (KIP-339). Immutable.
package enum ConfigOperation: Int8, CaseIterable, Sendable {
    case set = 0
    case delete = 1
    /// Adds items to a list.
    case append = 2
    /// Takes items off a list.
    case subtract = 3

    /// Kafka's name of the operation.
    package var name: String { String(describing: self).uppercased() }
}

/// A change of one key, as a request asks for it. Immutable.
package struct ConfigChange: Equatable, Sendable {
    package let name: String
    /// The number in the request, which may be none of ``ConfigOperation``.
    package let operation: Int8
    package let value: String?

    package init(_ name: String, operation: Int8, value: String?) {
        self.name = name
        self.operation = operation
        self.value = value
    }

    package init(_ name: String, _ operation: ConfigOperation, _ value: String? = nil) {
        self.init(name, operation: operation.rawValue, value: value)
    }
}

/// Which of the broker's dynamic configurations a request changes. Immutable.
package enum DynamicLevel: Sendable {
    /// That of all brokers: the request names no broker.
    case cluster
    /// That of this broker.
    case broker
}

extension TopicConfiguration {
    /// The topic's configuration after the changes, or why they are refused, all of them.
    package func altered(by changes: [ConfigChange]) throws(ConfigurationError) -> TopicConfiguration {
        let overrides = try ConfigAlteration.apply(
            changes,
            to: overrides,
            find: TopicKeys.require,
            inForce: { value($0)?.text }
        )
        return try TopicConfiguration(overrides: overrides, broker: broker)
    }

    /// The configuration of a topic that a request wants created with these values.
    package static func requested(
        _ values: [(name: String, value: String?)],
        broker: BrokerConfiguration
    ) throws(ConfigurationError) -> TopicConfiguration {
        let changes = values.map { ConfigChange($0.name, .set, $0.value) }
        return try TopicConfiguration(overrides: [:], broker: broker).altered(by: changes)
    }
}

extension BrokerConfiguration {
    /// The broker's configuration after the changes, or why they are refused, all of them.
    package func altered(
        _ level: DynamicLevel,
        by changes: [ConfigChange]
    ) throws(ConfigurationError) -> BrokerConfiguration {
        let overrides = try ConfigAlteration.apply(
            changes,
            to: level == .cluster ? clusterOverrides : brokerOverrides,
            find: BrokerKeys.require,
            inForce: { entry($0)?.value.text }
        )
        try ConfigAlteration.checkUpdateModes(changes.map(\.name), level)
        return switch level {
        case .cluster: try replacingDynamic(cluster: overrides, broker: brokerOverrides)
        case .broker: try replacingDynamic(cluster: clusterOverrides, broker: overrides)
        }
    }
}

/// The rules of IncrementalAlterConfigs that topics and brokers share.
enum ConfigAlteration {
    /// The overrides after the changes; values are kept as they were sent, once they are known to be valid.
    static func apply(
        _ changes: [ConfigChange],
        to overrides: [String: String],
        find: (String) throws(ConfigurationError) -> ConfigKey,
        inForce: (String) -> String?
    ) throws(ConfigurationError) -> [String: String] {
        guard Set(changes.map(\.name)).count == changes.count else { throw ConfigurationError(.duplicateKeys) }
        let nulls = changes.filter { $0.value == nil && $0.operation != ConfigOperation.delete.rawValue }
        if !nulls.isEmpty { throw ConfigurationError(.nullValues(nulls.map(\.name))) }

        var overrides = overrides
        for change in changes {
            guard let operation = ConfigOperation(rawValue: change.operation) else {
                throw ConfigurationError(.unknownOperation(change.operation))
            }
            // What an earlier version stored can be deleted, even if this one does not know it.
            if operation == .delete, overrides.removeValue(forKey: change.name) != nil { continue }
            let key = try find(change.name)
            let value = try newValue(key, operation, change.value ?? "", current: inForce(key.name))
            if let value { _ = try key.parse(value) }
            overrides[key.name] = value
        }
        return overrides
    }

    /// Lists are changed from what is in force, so that appending to a default keeps the default's items.
    private static func newValue(
        _ key: ConfigKey,
        _ operation: ConfigOperation,
        _ value: String,
        current: String?
    ) throws(ConfigurationError) -> String? {
        switch operation {
        case .set: return value
        case .delete: return nil
        case .append, .subtract:
            guard key.type == .list else {
                throw ConfigurationError(.notAList(key: key.name, operation: operation))
            }
        }
        let old = items(current ?? "")
        let given = items(value)
        let new = operation == .append ? old + given.filter { !old.contains($0) } : old.filter { !given.contains($0) }
        return new.joined(separator: ",")
    }

    static func checkUpdateModes(_ names: [String], _ level: DynamicLevel) throws(ConfigurationError) {
        let keys = names.compactMap(BrokerKeys.find)
        let fixed = keys.filter { $0.update == .readOnly }
        if !fixed.isEmpty { throw ConfigurationError(.readOnly(fixed.map(\.name))) }
        let single = keys.filter { $0.update == .perBroker }
        if level == .cluster, !single.isEmpty { throw ConfigurationError(.perBrokerOnly(single.map(\.name))) }
    }

    private static func items(_ text: String) -> [String] {
        guard case .list(let items)? = ConfigValue(text, as: .list) else { return [] }
        return items
    }
}
