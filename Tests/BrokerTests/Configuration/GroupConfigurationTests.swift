import Groups
import Testing

@testable import Broker

private func configuration(_ overrides: [String: String] = [:]) throws -> GroupConfiguration {
    try GroupConfiguration(overrides: overrides, broker: try broker())
}

private func broker() throws -> BrokerConfiguration {
    try BrokerConfiguration.load(overrides: [ConfigOverride("group.consumer.max.session.timeout.ms", "50000")])
}

@Test func aGroupsConfigurationIsWithinTheBrokersLimits() throws {
    let group = try configuration()
    for (name, value) in [
        ("consumer.session.timeout.ms", "44999"), ("consumer.session.timeout.ms", "50001"),
        ("consumer.heartbeat.interval.ms", "4999"), ("consumer.assignment.interval.ms", "15001"),
        ("consumer.heartbeat.interval.ms", "x"), ("consumer.colour", "1"),
    ] {
        #expect(throws: ConfigurationError.self) { try group.altered(by: [ConfigChange(name, .set, value)]) }
    }
    let changed = try group.altered(by: [ConfigChange("consumer.session.timeout.ms", .set, "50000")])
    #expect(changed.overrides == ["consumer.session.timeout.ms": "50000"])
    #expect(try changed.altered(by: [ConfigChange("consumer.session.timeout.ms", .delete)]).overrides.isEmpty)
}

@Test func aGroupsConfigurationIsDescribedWithWhereItComesFrom() throws {
    let described = try configuration(["consumer.session.timeout.ms": "50000"]).describe(nil)
    #expect(
        described.map(\.name) == [
            "consumer.assignment.interval.ms", "consumer.heartbeat.interval.ms", "consumer.session.timeout.ms",
        ]
    )
    #expect(described.map(\.value) == ["1000", "5000", "50000"])
    #expect(described.map(\.source) == [.default, .default, .dynamicGroup])
    #expect(described[2].synonyms.map(\.name) == ["consumer.session.timeout.ms", "group.consumer.session.timeout.ms"])
}

@Test func limitsThatWereLoweredHoldForGroupsToo() throws {
    let configurations = GroupConfigurations()
    let settings = try broker().settings.groups
    configurations.set(["consumer.session.timeout.ms": "60000"], of: GroupID("g"))
    #expect(configurations.settings(of: GroupID("g"), over: settings).sessionTimeoutMilliseconds == 50_000)
    #expect(configurations.settings(of: GroupID("h"), over: settings).sessionTimeoutMilliseconds == 45_000)
}
