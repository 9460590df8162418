/// A topic's configuration: what was set for it, over what the broker gives every topic. Immutable.
package struct TopicConfiguration: Sendable {
    /// What was set for the topic, as the catalogue keeps it.
    package let overrides: [String: String]
    private let own: [String: ConfigValue]
    let broker: BrokerConfiguration

    /// Fails for what CreateTopics and AlterConfigs have to refuse.
    package init(overrides: [String: String], broker: BrokerConfiguration) throws(ConfigurationError) {
        var own: [String: ConfigValue] = [:]
        for (name, text) in overrides.sorted(by: { $0.key < $1.key }) {
            own[name] = try TopicKeys.require(name).parse(text)
        }
        self.overrides = overrides
        self.own = own
        self.broker = broker
        try checkCompactionLags()
    }

    /// A topic without a configuration of its own.
    package init(broker: BrokerConfiguration) {
        overrides = [:]
        own = [:]
        self.broker = broker
    }

    /// A key's value in force; nil if it has none. An unknown name has none.
    package func value(_ name: String) -> ConfigValue? {
        own[name] ?? inherited(name).first?.value
    }

    /// Every key's value in force.
    var values: [String: ConfigValue] {
        Dictionary(uniqueKeysWithValues: TopicKeys.all.compactMap { key in value(key.name).map { (key.name, $0) } })
    }

    /// What the topic would have without a value of its own: converted from the broker's keys that stand behind this
    /// one, or its default.
    private func inherited(_ name: String) -> [(name: String, value: ConfigValue)] {
        let synonyms = TopicSynonyms.of(name)
        if synonyms.isEmpty {
            guard let value = TopicKeys.find(name)?.parsedDefault else { return [] }
            return [(name, value)]
        }
        return broker.sources(of: synonyms.map(\.name)).compactMap { source in
            guard let synonym = synonyms.first(where: { $0.name == source.name }) else { return nil }
            return (source.name, synonym.convert(source.entry.value))
        }
    }

    private func checkCompactionLags() throws(ConfigurationError) {
        let names = ("min.compaction.lag.ms", "max.compaction.lag.ms")
        guard case .integer(let least)? = value(names.0), case .integer(let most)? = value(names.1), least > most
        else { return }
        throw ConfigurationError(
            .conflict("conflict topic config setting \(names.0) (\(least)) > \(names.1) (\(most))")
        )
    }
}

// MARK: - Description

extension TopicConfiguration {
    /// What DescribeConfigs says about the topic, sorted by name.
    ///
    /// - Parameter names: the keys asked for; nil or none for all. Unknown ones are left out, as Kafka does.
    package func describe(_ names: [String]? = nil) -> [ConfigDescription] {
        ConfigDescription.selected(from: TopicKeys.all, names).map(describe)
    }

    private func describe(_ key: ConfigKey) -> ConfigDescription {
        var synonyms = broker.sources(of: TopicSynonyms.of(key.name).map(\.name)).map { source in
            ConfigSynonym(name: source.name, value: source.entry.value.text, source: source.entry.source)
        }
        if let value = own[key.name] {
            synonyms.insert(ConfigSynonym(name: key.name, value: value.text, source: .dynamicTopic), at: 0)
        }
        return ConfigDescription(key, value: value(key.name), synonyms: synonyms, isReadOnly: false)
    }
}
