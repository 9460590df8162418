import Model
import Testing

@testable import Broker

private func topic(_ overrides: [String: String] = [:], broker: [String: String] = [:]) throws -> TopicConfiguration {
    let broker = try BrokerConfiguration.load(overrides: broker.map { ConfigOverride($0.key, $0.value) })
    return try TopicConfiguration(overrides: overrides, broker: broker)
}

private func refusal(
    _ overrides: [String: String] = [:],
    _ changes: ConfigChange...
) throws -> (code: ErrorCode, message: String)? {
    let topic = try topic(overrides)
    do throws(ConfigurationError) {
        _ = try topic.altered(by: changes)
        return nil
    } catch {
        return (error.errorCode, error.message)
    }
}

private func refusal(
    _ level: DynamicLevel,
    _ changes: ConfigChange...
) throws -> (code: ErrorCode, message: String)? {
    let broker = try BrokerConfiguration.load()
    do throws(ConfigurationError) {
        _ = try broker.altered(level, by: changes)
        return nil
    } catch {
        return (error.errorCode, error.message)
    }
}

@Test func unknownTopicKeyIsAnInvalidConfig() throws {
    for operation in ConfigOperation.allCases {
        let refusal = try #require(try refusal([:], ConfigChange("retention.mss", operation, "1")))
        #expect(refusal.code == .invalidConfig)
        #expect(refusal.message == "Unknown topic config name: retention.mss (did you mean retention.ms?)")
    }
}

@Test func badTopicValueIsAnInvalidConfig() throws {
    let refusal = try #require(try refusal([:], ConfigChange("max.compaction.lag.ms", .set, "0")))
    #expect(refusal.code == .invalidConfig)
    #expect(refusal.message == "Invalid value 0 for configuration max.compaction.lag.ms: Value must be at least 1")
}

@Test func errorsAboutHugeNamesAndValuesStayShort() throws {
    let huge = String(repeating: "ä\u{301}", count: 100_000)
    for change in [ConfigChange(huge, .set, "1"), ConfigChange("retention.ms", .set, huge), ConfigChange(huge, .set)] {
        let refusal = try #require(try refusal([:], change))
        #expect(refusal.message.utf8.count < Int16.max)
        #expect(refusal.message.hasSuffix("…"))
    }
}

@Test func keyNamedTwiceIsAnInvalidRequest() throws {
    let refusal = try #require(
        try refusal([:], ConfigChange("retention.ms", .set, "1"), ConfigChange("retention.ms", .delete))
    )
    #expect(refusal.code == .invalidRequest)
    #expect(refusal.message == "Error due to duplicate config keys")
}

@Test(arguments: [ConfigOperation.set, .append, .subtract])
func nullIsAnInvalidRequestExceptToDelete(_ operation: ConfigOperation) throws {
    let refusal = try #require(try refusal([:], ConfigChange("cleanup.policy", operation, nil)))
    #expect(refusal.code == .invalidRequest)
    #expect(refusal.message == "Null value not supported for : cleanup.policy")
}

@Test func operationNobodyKnowsIsAnInvalidRequest() throws {
    for number in [-1, 4, 127] as [Int8] {
        let refusal = try #require(try refusal([:], ConfigChange("retention.ms", operation: number, value: "1")))
        #expect(refusal.code == .invalidRequest)
        #expect(refusal.message == "Unknown operations type \(number)")
    }
}

@Test(arguments: [ConfigOperation.append, .subtract])
func onlyListsCanBeAddedToAndTakenFrom(_ operation: ConfigOperation) throws {
    let refusal = try #require(try refusal([:], ConfigChange("retention.ms", operation, "1")))
    #expect(refusal.code == .invalidConfig)
    #expect(refusal.message == "Can't \(operation.name) to key retention.ms because its type is not LIST.")
}

@Test func lagsThatContradictEachOtherAreAnInvalidConfig() throws {
    let refusal = try #require(
        try refusal(["min.compaction.lag.ms": "100"], ConfigChange("max.compaction.lag.ms", .set, "99"))
    )
    #expect(refusal.code == .invalidConfig)
    #expect(refusal.message.hasPrefix("conflict topic config setting min.compaction.lag.ms (100) > "))
}

@Test func appendedItemHasToBeValid() throws {
    let refusal = try #require(try refusal([:], ConfigChange("cleanup.policy", .append, "remove")))
    #expect(refusal.message.hasSuffix("String must be one of: compact, delete"))
}

@Test func oneBadChangeRefusesAll() throws {
    #expect(
        try refusal([:], ConfigChange("retention.ms", .set, "1"), ConfigChange("segment.bytes", .set, "1")) != nil
    )
}

@Test func setAndDeleteChangeTheOverrides() throws {
    let altered = try topic(["retention.ms": "1", "segment.ms": "2"]).altered(by: [
        ConfigChange("retention.ms", .delete),
        ConfigChange("segment.bytes", .set, "2000000"),
        ConfigChange("segment.ms", .set, "3"),
        ConfigChange("flush.ms", .delete, "ignored"),
    ])
    #expect(altered.overrides == ["segment.bytes": "2000000", "segment.ms": "3"])
}

@Test func listsAreChangedFromWhatIsInForce() throws {
    func policy(_ topic: TopicConfiguration, _ operation: ConfigOperation, _ value: String) throws -> String? {
        try topic.altered(by: [ConfigChange("cleanup.policy", operation, value)]).overrides["cleanup.policy"]
    }
    #expect(try policy(try topic(), .append, "compact") == "delete,compact")
    #expect(try policy(try topic(), .append, "delete") == "delete")
    #expect(try policy(try topic(), .subtract, "delete") == "")
    #expect(try policy(try topic(), .subtract, "compact") == "delete")
    #expect(try policy(try topic(["cleanup.policy": "compact"]), .append, "delete") == "compact,delete")
    #expect(try policy(try topic(broker: ["log.cleanup.policy": "compact"]), .append, "delete") == "compact,delete")
}

@Test func requestedTopicIsCheckedLikeAnAlteredOne() throws {
    let broker = try BrokerConfiguration.load()
    #expect(throws: ConfigurationError(.nullValues(["retention.ms"]))) {
        try TopicConfiguration.requested([("retention.ms", nil)], broker: broker)
    }
    #expect(throws: ConfigurationError(.duplicateKeys)) {
        try TopicConfiguration.requested([("retention.ms", "1"), ("retention.ms", "2")], broker: broker)
    }
    let topic = try TopicConfiguration.requested([("retention.ms", "1"), ("cleanup.policy", "")], broker: broker)
    #expect(topic.overrides == ["retention.ms": "1", "cleanup.policy": ""])
}

@Test func brokersFixedKeysCannotBeAltered() throws {
    for level in [DynamicLevel.cluster, .broker] {
        for operation in [ConfigOperation.set, .delete] {
            let refusal = try #require(try refusal(level, ConfigChange("log.dirs", operation, "/x")))
            #expect(refusal.code == .invalidRequest)
            #expect(refusal.message.hasPrefix("Cannot update these configs dynamically: log.dirs."))
        }
    }
}

@Test func keyOfASingleBrokerCannotBeSetForTheCluster() throws {
    let change = ConfigChange("advertised.listeners", .set, "PLAINTEXT://x:1")
    let refused = try #require(try refusal(.cluster, change))
    #expect(refused.code == .invalidRequest)
    #expect(refused.message.hasSuffix("broker id must be specified: advertised.listeners"))
    #expect(try refusal(.broker, change) == nil)
}

@Test func changeThatContradictsTheListenersIsRefused() throws {
    let refusal = try #require(
        try refusal(.broker, ConfigChange("advertised.listeners", .set, "OTHER://x:1"))
    )
    #expect(refusal.code == .invalidConfig)
}

@Test func unknownBrokerKeyIsAnInvalidConfig() throws {
    let refusal = try #require(try refusal(.cluster, ConfigChange("message.max.byte", .set, "1")))
    #expect(refusal.code == .invalidConfig)
    #expect(refusal.message == "Unknown broker config name: message.max.byte (did you mean message.max.bytes?)")
}

@Test func brokersChangesAreKeptPerLevel() throws {
    let start = try BrokerConfiguration.load()
    let cluster = try start.altered(.cluster, by: [ConfigChange("message.max.bytes", .set, "7")])
    #expect(cluster.clusterOverrides == ["message.max.bytes": "7"])
    #expect(cluster.brokerOverrides.isEmpty)
    #expect(cluster.settings.messageMaxBytes == 7)
    let single = try cluster.altered(.broker, by: [ConfigChange("message.max.bytes", .set, "8")])
    #expect(single.settings.messageMaxBytes == 8)
    let back = try single.altered(.broker, by: [ConfigChange("message.max.bytes", .delete)])
    #expect(back.settings.messageMaxBytes == 7)
}
