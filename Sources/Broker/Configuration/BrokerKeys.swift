/// Every configuration the broker has, with Kafka's names and, where not said otherwise, its defaults (Kafka 4.3).
///
/// The groups are in BrokerKeys+….swift files.
package enum BrokerKeys {
    /// Sorted by name.
    package static let all: [ConfigKey] = (network + topics + log + coordination + groups).sorted { $0.name < $1.name }

    private static let byName = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })

    package static func find(_ name: String) -> ConfigKey? { byName[name] }

    /// The key of that name, or an error that names the nearest one.
    package static func require(_ name: String) throws(ConfigurationError) -> ConfigKey {
        if let key = byName[name] { return key }
        if let advice = foreign[name] { throw ConfigurationError(.foreignKey(name, advice: advice)) }
        let nearest = NearestName.of(name, among: byName.keys)
        throw ConfigurationError(.unknownKey(name, scope: .broker, nearest: nearest))
    }

    /// Keys of Kafka's that people bring along in a file they have, and what to do about each.
    private static let foreign: [String: String] = [
        "advertised.host.name": "set advertised.listeners, or leave it out: clients are told the address they used",
        "advertised.port": "set advertised.listeners, or leave it out: clients are told the address they used",
        "broker.id": "set node.id",
        "controller.listener.names": noController,
        "controller.quorum.bootstrap.servers": noController,
        "controller.quorum.voters": noController,
        "group.coordinator.rebalance.protocols": "remove it, the protocols cannot be switched off",
        "host.name": "set listeners",
        "inter.broker.listener.name": "remove it, a broker stands alone",
        "inter.broker.protocol.version": "remove it",
        "log.dir": "set log.dirs",
        "metadata.log.dir": noController,
        "port": "set listeners",
        "process.roles": noController,
        "security.inter.broker.protocol": "remove it, a broker stands alone",
        "share.coordinator.state.topic.min.isr": noShareGroups,
        "share.coordinator.state.topic.replication.factor": noShareGroups,
        "zookeeper.connect": noController,
    ]

    private static let noController = "remove it, the broker needs no controller"
    private static let noShareGroups = "remove it, there are no share groups"
}
