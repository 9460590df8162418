import Groups
import Logging
import Model

/// The configurations of single consumer groups (KIP-848), which go before the broker's. Thread-safe; changed on the control
/// thread only.
final class GroupConfigurations: Sendable {
    private let overrides = Locked<[GroupID: [String: String]]>([:])

    /// Takes over what the catalogue has. What cannot be read is left out, loudly.
    func load(_ contents: CatalogueContents, _ log: Logger) {
        for (key, entry) in contents.entries where key.hasPrefix(CatalogueKey.groupConfigPrefix) {
            do throws(CatalogueError) {
                let configs = try ConfigRecord.decode(entry.value, key: key).configs
                let values = Dictionary(configs.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
                set(values, of: GroupID(String(key.dropFirst(CatalogueKey.groupConfigPrefix.count))))
            } catch {
                log.error("the configuration of a group is not used: \(error)")
            }
        }
    }

    func overrides(of group: GroupID) -> [String: String] { overrides.withLock { $0[group] ?? [:] } }

    func set(_ values: [String: String], of group: GroupID) {
        overrides.withLock { $0[group] = values.isEmpty ? nil : values }
    }

    var count: Int { overrides.withLock { $0.count } }

    /// What a group decides by. Values that limits of the broker's forbid by now are as near to them as is allowed.
    func settings(of group: GroupID, over broker: GroupSettings) -> ConsumerGroupSettings {
        var settings = broker.consumer
        let overrides = overrides(of: group)
        if overrides.isEmpty { return settings }
        if let timeout = overrides[GroupKeys.sessionTimeout].flatMap({ Int32($0.trimmingBlanks) }) {
            settings.sessionTimeoutMilliseconds = broker.consumerLimits.sessionTimeout(timeout)
        }
        if let interval = overrides[GroupKeys.heartbeatInterval].flatMap({ Int32($0.trimmingBlanks) }) {
            settings.heartbeatIntervalMilliseconds = broker.consumerLimits.heartbeatInterval(interval)
        }
        if let interval = overrides[GroupKeys.assignmentInterval].flatMap({ Int32($0.trimmingBlanks) }) {
            settings.assignmentInterval = .milliseconds(Int64(broker.consumerLimits.assignmentInterval(interval)))
        }
        return settings
    }
}

extension Broker {
    /// Changes the configuration of a group, which need not be there yet. On the control thread.
    func alterGroupConfiguration(
        _ name: String,
        _ changes: [ConfigChange],
        validateOnly: Bool
    ) throws(RequestError) {
        try GroupConfiguration.check(name: name)
        let group = GroupID(name)
        let old = groups.configurations.overrides(of: group)
        let new = try requestingConfiguration { () throws(ConfigurationError) in
            try GroupConfiguration(overrides: old, broker: configuration).altered(by: changes)
        }
        if validateOnly || new.overrides == old { return }
        guard !old.isEmpty || groups.configurations.count < GroupConfiguration.maximumGroups else {
            throw RequestError(
                .policyViolation,
                "\(GroupConfiguration.maximumGroups) groups have configurations of their own, which is the limit; "
                    + "delete those of others first"
            )
        }
        try storing { () throws(CatalogueError) in
            var record = ConfigRecord()
            record.configs = new.overrides.sorted { $0.key < $1.key }.map {
                StoredConfig(name: $0.key, value: $0.value)
            }
            let value = new.overrides.isEmpty ? nil : try record.encoded()
            let change = CatalogueChange(key: CatalogueKey.groupConfig(name), value: value)
            return try catalogue.commit([change], ifUnchanged: [])
        }
        groups.configurations.set(new.overrides, of: group)
        log.info("configuration of group \(name) is now \(new.overrides)")
    }
}
