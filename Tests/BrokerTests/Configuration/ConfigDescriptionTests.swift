import Testing

@testable import Broker

private func load(_ overrides: [String: String]) throws -> BrokerConfiguration {
    try .load(overrides: overrides.map { ConfigOverride($0.key, $0.value) })
}

private func describeTopic(
    _ name: String,
    _ overrides: [String: String] = [:],
    broker: BrokerConfiguration
) throws -> ConfigDescription {
    try #require(try TopicConfiguration(overrides: overrides, broker: broker).describe([name]).first)
}

private func describeBroker(_ name: String, _ broker: BrokerConfiguration) throws -> ConfigDescription {
    try #require(broker.describe([name]).first)
}

@Test func namesNobodyKnowsAreLeftOut() throws {
    let broker = try load([:])
    let topic = try TopicConfiguration(overrides: [:], broker: broker)
    #expect(topic.describe(["nonsense", "retention.ms"]).map(\.name) == ["retention.ms"])
    #expect(broker.describe(["nonsense"]).isEmpty)
}

@Test func keysForTestsAreNotDescribed() throws {
    let topic = try TopicConfiguration(overrides: ["internal.segment.bytes": "1000"], broker: try load([:]))
    #expect(topic.describe(["internal.segment.bytes"]).isEmpty)
    #expect(!topic.describe().contains { $0.name.hasPrefix("internal.") })
}

@Test func secretsAreNeverDescribed() {
    let key = ConfigKey("x.password", .password, default: nil, .any, "A secret.")
    let synonym = ConfigSynonym(name: "x.password", value: "hunter2", source: .staticBroker)
    let described = ConfigDescription(key, value: .string("hunter2"), synonyms: [synonym], isReadOnly: true)
    #expect(described.isSensitive)
    #expect(described.value == nil)
    #expect(described.synonyms == [ConfigSynonym(name: "x.password", value: nil, source: .staticBroker)])
    #expect(described.source == .staticBroker)
}

@Test func everyConfigurationOfATopicIsDescribed() throws {
    let broker = try load([:])
    let topic = try TopicConfiguration(overrides: [:], broker: broker)
    for names in [nil, []] as [[String]?] {
        let described = topic.describe(names)
        #expect(described.map(\.name) == TopicKeys.all.filter { !$0.isInternal }.map(\.name))
        #expect(described.allSatisfy { $0.value != nil && $0.source == .default && !$0.isReadOnly })
    }
    for key in TopicKeys.all where !key.isInternal {
        let description = try describeTopic(key.name, broker: broker)
        #expect(description.value == key.defaultValue, "\(key.name)")
    }
}

@Test func topicsOwnValueGoesBeforeTheBrokers() throws {
    let broker = try load(["message.max.bytes": "2000"])
        .replacingDynamic(cluster: ["message.max.bytes": "3000"], broker: ["message.max.bytes": "4000"])
    let described = try describeTopic("max.message.bytes", ["max.message.bytes": " 5000 "], broker: broker)
    #expect(described.value == "5000")
    #expect(described.source == .dynamicTopic)
    #expect(described.type == .int)
    #expect(!described.isDefault)
    #expect(
        described.synonyms == [
            ConfigSynonym(name: "max.message.bytes", value: "5000", source: .dynamicTopic),
            ConfigSynonym(name: "message.max.bytes", value: "4000", source: .dynamicBroker),
            ConfigSynonym(name: "message.max.bytes", value: "3000", source: .dynamicDefaultBroker),
            ConfigSynonym(name: "message.max.bytes", value: "2000", source: .staticBroker),
            ConfigSynonym(name: "message.max.bytes", value: "1048588", source: .default),
        ]
    )
}

@Test func brokersValueStandsInForATopics() throws {
    let described = try describeTopic("max.message.bytes", broker: try load(["message.max.bytes": "2000"]))
    #expect(described.value == "2000")
    #expect(described.source == .staticBroker)
}

@Test func coarseUnitIsConvertedAndFineOneGoesBeforeIt() throws {
    let hours = try describeTopic("retention.ms", broker: try load(["log.retention.hours": "2"]))
    #expect(hours.value == "7200000")
    #expect(hours.source == .staticBroker)
    #expect(hours.synonyms.map(\.name) == ["log.retention.hours", "log.retention.hours"])
    #expect(hours.synonyms.map(\.value) == ["2", "168"])

    let all = ["log.retention.hours": "2", "log.retention.minutes": "3", "log.retention.ms": "4"]
    #expect(try describeTopic("retention.ms", broker: try load(all)).value == "4")
    let minutes = all.filter { $0.key != "log.retention.ms" }
    #expect(try describeTopic("retention.ms", broker: try load(minutes)).value == "180000")
    #expect(try describeTopic("segment.ms", broker: try load(["log.roll.hours": "1"])).value == "3600000")
    #expect(try describeTopic("segment.jitter.ms", broker: try load(["log.roll.jitter.hours": "1"])).value == "3600000")
    #expect(try describeTopic("retention.ms", broker: try load(["log.retention.hours": "-1"])).value == "-1")
    #expect(try describeTopic("flush.ms", broker: try load(["log.flush.scheduler.interval.ms": "9"])).value == "9")
}

@Test func dynamicFineUnitGoesBeforeAStaticCoarseOne() throws {
    let broker = try load(["log.retention.hours": "2"])
        .replacingDynamic(cluster: ["log.retention.ms": "5"], broker: [:])
    let described = try describeTopic("retention.ms", broker: broker)
    #expect(described.value == "5")
    #expect(described.source == .dynamicDefaultBroker)
}

@Test func everyConfigurationOfTheBrokerIsDescribed() throws {
    let broker = try load(["log.dirs": "/a, /b"])
    #expect(broker.describe().map(\.name) == BrokerKeys.all.map(\.name))
    let directories = try describeBroker("log.dirs", broker)
    #expect(directories.value == "/a,/b")
    #expect(directories.isReadOnly)
    #expect(directories.type == .list)
    #expect(directories.source == .staticBroker)
    #expect(!(try describeBroker("message.max.bytes", broker)).isReadOnly)
    let advertised = try describeBroker("advertised.listeners", broker)
    #expect(advertised.value == nil)
    #expect(advertised.source == .default)
}

@Test func brokersKeyIsDescribedByItsOwnValueNotByThatOfAnAlias() throws {
    let broker = try load(["log.retention.ms": "5", "log.retention.hours": "2"])
    let hours = try describeBroker("log.retention.hours", broker)
    #expect(hours.value == "2")
    #expect(hours.synonyms.map(\.name) == ["log.retention.hours", "log.retention.hours"])
    let milliseconds = try describeBroker("log.retention.ms", broker)
    #expect(milliseconds.value == "5")
    #expect(
        milliseconds.synonyms.map(\.name) == ["log.retention.ms", "log.retention.hours", "log.retention.hours"]
    )
    let minutes = try describeBroker("log.retention.minutes", broker)
    #expect(minutes.value == nil)
    #expect(minutes.synonyms.isEmpty)
}

@Test func clusterIsDescribedByWhatWasSetForItOnly() throws {
    let broker = try load(["message.max.bytes": "2000"])
        .replacingDynamic(cluster: ["message.max.bytes": "3000"], broker: ["message.max.bytes": "4000"])
    let described = broker.describeCluster()
    #expect(described.map(\.name) == ["message.max.bytes"])
    #expect(described.first?.value == "3000")
    #expect(
        described.first?.synonyms
            == [ConfigSynonym(name: "message.max.bytes", value: "3000", source: .dynamicDefaultBroker)]
    )
}
