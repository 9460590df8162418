import Testing

@testable import Broker

private func problem(_ key: ConfigKey, _ text: String) -> String? {
    do throws(ConfigurationError) {
        _ = try key.parse(text)
        return nil
    } catch {
        return error.message
    }
}

private func topic(_ name: String, _ text: String) throws -> String? {
    problem(try TopicKeys.require(name), text)
}

private func broker(_ name: String, _ text: String) throws -> String? {
    problem(try BrokerKeys.require(name), text)
}

@Test(arguments: [
    ("retention.ms", "soon", "Not a number of type LONG"),
    ("retention.ms", "9223372036854775808", "Not a number of type LONG"),
    ("retention.ms", "-2", "Value must be at least -1"),
    ("segment.bytes", "2147483648", "Not a number of type INT"),
    ("segment.bytes", "1048575", "Value must be at least 1048576"),
    ("segment.bytes", "", "Not a number of type INT"),
    ("max.compaction.lag.ms", "0", "Value must be at least 1"),
    ("min.cleanable.dirty.ratio", "1.5", "Value must be no more than 1"),
    ("min.cleanable.dirty.ratio", "-0.1", "Value must be at least 0"),
    ("min.cleanable.dirty.ratio", "nan", "Not a number of type DOUBLE"),
    ("preallocate", "yes", "Expected value to be either true or false"),
    ("cleanup.policy", "remove", "String must be one of: compact, delete"),
    ("cleanup.policy", "compact,,delete", "List items must not be empty"),
    ("cleanup.policy", "delete,delete", "List items must not be repeated"),
    (
        "compression.type", "brotli",
        "String must be one of: uncompressed, zstd, lz4, snappy, gzip, producer"
    ),
    ("compression.gzip.level", "0", "Value must be 1 to 9 or -1"),
    ("compression.zstd.level", "23", "Value must be no more than 22"),
    ("message.timestamp.type", "createtime", "String must be one of: CreateTime, LogAppendTime"),
    (
        "leader.replication.throttled.replicas", "1:2,x",
        "Must be the literal '*' or a list of replicas in the form partition:broker"
    ),
    (
        "remote.storage.enable", "true",
        "Tiered Storage functionality is disabled in the broker. Keep the value false."
    ),
])
func badTopicValueIsRefusedInKafkasWords(_ name: String, _ value: String, _ reason: String) throws {
    #expect(try topic(name, value) == "Invalid value \(value) for configuration \(name): \(reason)")
}

@Test(arguments: [
    ("listeners", "", "At least one listener is needed, for example PLAINTEXT://127.0.0.1:9092"),
    ("log.dirs", " ", "At least one value is needed"),
    ("log.dirs", "a,a", "List items must not be repeated"),
    ("log.retention.hours", "0", "Value must be positive, or -1 for no limit"),
    ("log.retention.ms", "-5", "Value must be positive, or -1 for no limit"),
    ("socket.send.buffer.bytes", "0", "Value must be positive, or -1"),
    ("node.id", "-1", "Value must be at least 0"),
    ("num.network.threads", "0", "Value must be at least 1"),
    ("num.io.threads", "1025", "Value must be no more than 1024"),
    ("offsets.topic.replication.factor", "40000", "Not a number of type SHORT"),
])
func badBrokerValueIsRefused(_ name: String, _ value: String, _ reason: String) throws {
    #expect(try broker(name, value) == "Invalid value \(value) for configuration \(name): \(reason)")
}

@Test func valuesHaveOneNormalForm() throws {
    #expect(try TopicKeys.require("cleanup.policy").parse(" delete , compact ") == .list(["delete", "compact"]))
    #expect(try TopicKeys.require("cleanup.policy").parse("") == .list([]))
    #expect(try TopicKeys.require("preallocate").parse(" TRUE ").text == "true")
    #expect(try TopicKeys.require("retention.ms").parse(" +007 ").text == "7")
    #expect(try TopicKeys.require("min.cleanable.dirty.ratio").parse("1").text == "1.0")
    #expect(try TopicKeys.require("leader.replication.throttled.replicas").parse("0:1,2:3").text == "0:1,2:3")
    #expect(try TopicKeys.require("leader.replication.throttled.replicas").parse("*").text == "*")
}

@Test func secretValueIsNotInTheError() {
    let key = ConfigKey("x.password", .password, default: nil, .oneOf(["a"]), "A secret.")
    #expect(problem(key, "hunter2")?.contains("hunter2") == false)
}

@Test(arguments: [
    ("retention.mss", "retention.ms"),
    ("retentoin.ms", "retention.ms"),
    ("Retention.Bytes", "retention.bytes"),
    ("cleanup.polcy", "cleanup.policy"),
    ("max.messages.bytes", "max.message.bytes"),
])
func unknownTopicKeyNamesTheNearest(_ name: String, _ nearest: String) {
    #expect(throws: ConfigurationError(.unknownKey(name, scope: .topic, nearest: nearest))) {
        try TopicKeys.require(name)
    }
}

@Test func nameThatResemblesNothingSuggestsNothing() {
    #expect(throws: ConfigurationError(.unknownKey("x", scope: .topic, nearest: nil))) { try TopicKeys.require("x") }
    let long = String(repeating: "retention", count: 1000)
    #expect(throws: ConfigurationError(.unknownKey(long, scope: .topic, nearest: nil))) { try TopicKeys.require(long) }
    #expect(throws: ConfigurationError(.unknownKey("", scope: .topic, nearest: nil))) { try TopicKeys.require("") }
}

@Test func keyOfKafkasThatMeansNothingHereSaysWhatToDo() throws {
    let error = try #require(throws: ConfigurationError.self) { try BrokerKeys.require("process.roles") }
    #expect(error.message == "Martlet has no process.roles: remove it, the broker needs no controller")
}

@Test func editDistanceCountsEdits() {
    func distance(_ left: String, _ right: String) -> Int {
        NearestName.editDistance(Array(left.utf8), Array(right.utf8))
    }
    #expect(distance("", "") == 0)
    #expect(distance("", "abc") == 3)
    #expect(distance("abc", "") == 3)
    #expect(distance("kitten", "sitting") == 3)
    #expect(distance("ab", "ba") == 1)
    #expect(distance("retention", "retentoin") == 1)
}

@Test func everyDefaultIsValid() throws {
    for key in TopicKeys.all + BrokerKeys.all {
        guard let text = key.defaultValue else { continue }
        #expect(try key.parse(text).text == text, "\(key.name)")
    }
}

@Test func everyKeyIsDocumentedInOneSentence() {
    for key in TopicKeys.all + BrokerKeys.all {
        let text = key.documentation
        #expect(text.hasSuffix("."), "\(key.name)")
        #expect(text.first?.isUppercase == true, "\(key.name)")
        #expect(key.hasEffect || text.contains("without effect yet"), "\(key.name)")
    }
}

@Test(arguments: [(".ms", "illisecond"), (".bytes", "ytes"), (".hours", "hours"), (".minutes", "inutes")])
func documentationNamesTheUnit(_ suffix: String, _ unit: String) {
    for key in TopicKeys.all + BrokerKeys.all where key.name.hasSuffix(suffix) {
        #expect(key.documentation.contains(unit), "\(key.name): \(key.documentation)")
    }
}

@Test func topicKeysAreKafkasAndDurability() {
    let names = TopicKeys.all.filter { !$0.isInternal }.map(\.name)
    #expect(
        names == [
            "cleanup.policy", "compression.gzip.level", "compression.lz4.level", "compression.type",
            "compression.zstd.level", "delete.retention.ms", "durability", "file.delete.delay.ms", "flush.messages",
            "flush.ms",
            "follower.replication.throttled.replicas", "index.interval.bytes",
            "leader.replication.throttled.replicas", "local.retention.bytes", "local.retention.ms",
            "max.compaction.lag.ms", "max.message.bytes", "message.timestamp.after.max.ms",
            "message.timestamp.before.max.ms", "message.timestamp.type", "min.cleanable.dirty.ratio",
            "min.compaction.lag.ms", "min.insync.replicas", "preallocate", "remote.log.copy.disable",
            "remote.log.delete.on.disable", "remote.storage.enable", "retention.bytes", "retention.ms",
            "segment.bytes", "segment.index.bytes", "segment.jitter.ms", "segment.ms",
            "unclean.leader.election.enable",
        ]
    )
}

@Test func everySynonymIsAKeyOfTheBrokerWithTheSameDefault() throws {
    for key in TopicKeys.all {
        let synonyms = TopicSynonyms.of(key.name)
        for synonym in synonyms { #expect(BrokerKeys.find(synonym.name) != nil, "\(key.name): \(synonym.name)") }
        guard !synonyms.isEmpty else { continue }
        let inherited = synonyms.lazy.compactMap { synonym in
            BrokerKeys.find(synonym.name)?.parsedDefault.map(synonym.convert)
        }.first
        #expect(inherited == key.parsedDefault, "\(key.name)")
    }
}

@Test func timesInAnyUnitBecomeMilliseconds() {
    let hours = BrokerSynonym(name: "h", factor: 3_600_000)
    #expect(hours.convert(.integer(24)) == .integer(86_400_000))
    #expect(hours.convert(.integer(-1)) == .integer(-1))
    #expect(hours.convert(.integer(.max)) == .integer(.max))
}

@Test func typesHaveKafkasNumbers() {
    #expect(ConfigType.allCases.map(\.rawValue) == Array(1...9))
    #expect(ConfigType.class.name == "CLASS")
    #expect(ConfigOperation.allCases.map(\.name) == ["SET", "DELETE", "APPEND", "SUBTRACT"])
}
