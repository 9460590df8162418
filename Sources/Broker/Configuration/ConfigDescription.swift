/// What DescribeConfigs says about one configuration. Immutable.
package struct ConfigDescription: Equatable, Sendable {
    package let name: String
    /// nil for null and for secrets.
    package let value: String?
    package let source: ConfigSource
    package let isReadOnly: Bool
    package let isSensitive: Bool
    package let type: ConfigType
    /// Every source that says something about it, the one in force first.
    package let synonyms: [ConfigSynonym]
    package let documentation: String

    /// What versions before 1 of DescribeConfigs say instead of the source.
    package var isDefault: Bool { source == .default }

    init(_ key: ConfigKey, value: ConfigValue?, synonyms: [ConfigSynonym], isReadOnly: Bool) {
        name = key.name
        self.value = key.isSensitive ? nil : value?.text
        source = synonyms.first?.source ?? .default
        self.isReadOnly = isReadOnly
        isSensitive = key.isSensitive
        type = key.type
        self.synonyms =
            key.isSensitive ? synonyms.map { ConfigSynonym(name: $0.name, value: nil, source: $0.source) } : synonyms
        documentation = key.documentation
    }

    /// The keys asked for; nil or none asks for all.
    static func selected(from keys: [ConfigKey], _ names: [String]?) -> [ConfigKey] {
        let visible = keys.filter { !$0.isInternal }
        guard let names, !names.isEmpty else { return visible }
        let wanted = Set(names)
        return visible.filter { wanted.contains($0.name) }
    }
}

/// One source of a configuration's value. Immutable.
package struct ConfigSynonym: Equatable, Sendable {
    package let name: String
    /// nil for secrets.
    package let value: String?
    package let source: ConfigSource

    package init(name: String, value: String?, source: ConfigSource) {
        self.name = name
        self.value = value
        self.source = source
    }
}

extension BrokerConfiguration {
    /// What DescribeConfigs says about this broker, sorted by name.
    ///
    /// - Parameter names: the keys asked for; nil or none for all. Unknown ones are left out, as Kafka does.
    package func describe(_ names: [String]? = nil) -> [ConfigDescription] {
        ConfigDescription.selected(from: BrokerKeys.all, names).map { key in
            ConfigDescription(
                key,
                value: entry(key.name)?.value,
                synonyms: synonyms(of: key.name),
                isReadOnly: !key.isDynamic
            )
        }
    }

    /// What DescribeConfigs says about the cluster, a broker without a name: only what was set for it dynamically.
    package func describeCluster(_ names: [String]? = nil) -> [ConfigDescription] {
        ConfigDescription.selected(from: BrokerKeys.all, names).compactMap { key in
            guard clusterOverrides[key.name] != nil else { return nil }
            let sources = synonyms(of: key.name).filter { $0.source == .dynamicDefaultBroker }
            let value = sources.first?.value.flatMap { ConfigValue($0, as: key.type) }
            return ConfigDescription(key, value: value, synonyms: sources, isReadOnly: !key.isDynamic)
        }
    }

    /// The key's own sources, then those of its aliases in other units. An alias that goes before the key is left out:
    /// it is not what this key's value comes from.
    private func synonyms(of name: String) -> [ConfigSynonym] {
        sources(of: TopicSynonyms.aliases(ofBrokerKey: name))
            .drop { $0.name != name }
            .map { ConfigSynonym(name: $0.name, value: $0.entry.value.text, source: $0.entry.source) }
    }
}
