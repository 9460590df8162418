package import Model

/// The broker's configuration: what the file, the environment and the command line say, and what was changed since by
/// requests. Immutable; a change makes a new one.
///
/// A later source goes before an earlier one: defaults, the file, `MARTLET_…` variables, flags, the cluster's dynamic
/// configuration, the broker's.
package struct BrokerConfiguration: Sendable {
    /// The broker's own settings in their types.
    package let settings: BrokerSettings
    /// The dynamic configuration of the cluster, as the catalogue keeps it.
    package let clusterOverrides: [String: String]
    /// The dynamic configuration of this broker, as the catalogue keeps it.
    package let brokerOverrides: [String: String]

    private let fixed: [String: ConfigEntry]
    private let cluster: [String: ConfigEntry]
    private let broker: [String: ConfigEntry]

    private init(
        fixed: [String: ConfigEntry],
        clusterOverrides: [String: String],
        brokerOverrides: [String: String]
    ) throws(ConfigurationError) {
        self.fixed = fixed
        self.clusterOverrides = clusterOverrides
        self.brokerOverrides = brokerOverrides
        cluster = try Self.parse(clusterOverrides, origin: .cluster)
        broker = try Self.parse(brokerOverrides, origin: .broker)
        var effective: [String: ConfigValue] = [:]
        for key in BrokerKeys.all { effective[key.name] = key.parsedDefault }
        for layer in [fixed, cluster, broker] {
            for (name, entry) in layer { effective[name] = entry.value }
        }
        settings = try BrokerSettings(effective)
    }

    /// Reads the configuration a broker starts with. Without arguments: the defaults.
    ///
    /// The first unknown key or invalid value is an error, which says where it is written.
    package static func load(
        file: String? = nil,
        environment: [String: String] = [:],
        overrides: [ConfigOverride] = [],
        fileSystem: any FileSystem = PosixFileSystem()
    ) throws(ConfigurationError) -> BrokerConfiguration {
        var fixed: [String: ConfigEntry] = [:]
        if let file {
            for property in try PropertiesFile.read(file, from: fileSystem) {
                let origin = ConfigOrigin.file(path: file, line: property.line)
                fixed[property.key] = try entry(property.key, property.value, origin: origin)
            }
        }
        for (key, entry) in try environmentEntries(environment) { fixed[key] = entry }
        for override in overrides {
            fixed[override.name] = try entry(override.name, override.value, origin: .flag(override.flag))
        }
        return try BrokerConfiguration(fixed: fixed, clusterOverrides: [:], brokerOverrides: [:])
    }

    /// The same configuration with other dynamic values, in place of those it has.
    package func replacingDynamic(
        cluster: [String: String],
        broker: [String: String]
    ) throws(ConfigurationError) -> BrokerConfiguration {
        try BrokerConfiguration(fixed: fixed, clusterOverrides: cluster, brokerOverrides: broker)
    }

    /// A key's value in force and where it comes from; nil if it has none. An unknown name has none.
    package func entry(_ name: String) -> ConfigEntry? {
        broker[name] ?? cluster[name] ?? fixed[name] ?? defaultEntry(name)
    }

    /// Every source that says something about one of the names, the one in force first: sources in their order, and
    /// within each the names in theirs.
    func sources(of names: [String]) -> [(name: String, entry: ConfigEntry)] {
        var found: [(name: String, entry: ConfigEntry)] = []
        for layer in [broker, cluster, fixed] {
            for name in names {
                if let entry = layer[name] { found.append((name, entry)) }
            }
        }
        for name in names {
            if let entry = defaultEntry(name) { found.append((name, entry)) }
        }
        return found
    }

    private func defaultEntry(_ name: String) -> ConfigEntry? {
        guard let value = BrokerKeys.find(name)?.parsedDefault else { return nil }
        return ConfigEntry(value: value, origin: .builtIn)
    }

    private static func entry(
        _ name: String,
        _ value: String,
        origin: ConfigOrigin
    ) throws(ConfigurationError) -> ConfigEntry {
        do throws(ConfigurationError) {
            return ConfigEntry(value: try BrokerKeys.require(name).parse(value), origin: origin)
        } catch {
            throw error.located(at: origin)
        }
    }

    private static func environmentEntries(
        _ environment: [String: String]
    ) throws(ConfigurationError) -> [String: ConfigEntry] {
        var entries: [String: ConfigEntry] = [:]
        for (variable, value) in environment.sorted(by: { $0.key < $1.key }) {
            guard variable.hasPrefix(EnvironmentNames.prefix), !EnvironmentNames.isReserved(variable)
            else { continue }
            guard let key = EnvironmentNames.key(for: variable) else {
                let nearest = EnvironmentNames.nearest(to: variable)
                throw ConfigurationError(.unknownVariable(variable, nearest: nearest))
            }
            entries[key.name] = try entry(key.name, value, origin: .environment(variable: variable))
        }
        return entries
    }

    private static func parse(
        _ overrides: [String: String],
        origin: ConfigOrigin
    ) throws(ConfigurationError) -> [String: ConfigEntry] {
        var entries: [String: ConfigEntry] = [:]
        for (name, value) in overrides.sorted(by: { $0.key < $1.key }) {
            entries[name] = try entry(name, value, origin: origin)
        }
        return entries
    }
}

/// A value and where it comes from. Immutable.
package struct ConfigEntry: Equatable, Sendable {
    package let value: ConfigValue
    package let origin: ConfigOrigin

    package var source: ConfigSource { origin.source }
}
