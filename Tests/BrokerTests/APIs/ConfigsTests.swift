import CommitLog
import Model
import TestSupport
import Testing
import Wire

@testable import Broker

/// IncrementalAlterConfigs and DescribeConfigs: what is refused, what takes effect, and what survives.
struct ConfigsTests {
    private typealias Change = IncrementalAlterConfigsRequest.Config

    private let broker: TestBroker
    private let connection: FakeConnection

    private static let topic: Int8 = 2
    private static let node: Int8 = 4

    init() throws {
        broker = try TestBroker(["log.retention.hours": "3"])
        connection = broker.connect()
        try connection.createTopic("events", partitions: 2)
    }

    // MARK: Requests

    private func set(_ name: String, _ value: String?) -> Change { change(name, 0, value) }

    private func change(_ name: String, _ operation: Int8, _ value: String? = nil) -> Change {
        var change = Change()
        change.name = name
        change.operation = operation
        change.value = value
        return change
    }

    private func resource(
        _ type: Int8,
        _ name: String,
        _ changes: [Change]
    ) -> IncrementalAlterConfigsRequest.Resource {
        var resource = IncrementalAlterConfigsRequest.Resource()
        (resource.type, resource.name, resource.configs) = (type, name, changes)
        return resource
    }

    private func alter(
        _ type: Int8,
        _ name: String,
        _ changes: Change...,
        validateOnly: Bool = false
    ) throws -> ErrorCode {
        var request = IncrementalAlterConfigsRequest()
        request.resources = [resource(type, name, changes)]
        request.validateOnly = validateOnly
        let result = try #require(try broker.connect().send(request).resources.first)
        #expect(result.type == type && result.name == name)
        #expect(result.errorCode.isError == (result.errorMessage?.isEmpty == false))
        return result.errorCode
    }

    private func describe(
        _ type: Int8,
        _ name: String,
        _ keys: [String]? = nil,
        version: Int16 = 4
    ) throws -> DescribeConfigsResponse.Resource {
        var resource = DescribeConfigsRequest.Resource()
        (resource.type, resource.name, resource.configurationKeys) = (type, name, keys)
        var request = DescribeConfigsRequest()
        request.resources = [resource]
        request.includeSynonyms = true
        return try #require(try broker.connect().send(request, version: version).resources.first)
    }

    /// The value of a topic's configuration and its source.
    private func value(_ key: String) throws -> [String] {
        let config = try #require(try describe(Self.topic, "events", [key]).configs.first)
        return [config.value ?? "null", "\(try #require(ConfigSource(rawValue: config.source)))"]
    }

    // MARK: What is refused

    @Test func resourcesThatAreNotThereAreRefused() throws {
        let cases: [(Int8, String, ErrorCode, ErrorCode)] = [
            (2, "missing", .unknownTopicOrPartition, .unknownTopicOrPartition),
            (2, "", .invalidTopicException, .unknownTopicOrPartition),
            (2, "a b", .invalidTopicException, .unknownTopicOrPartition),
            (2, EmbeddedCatalogue.topicName, .unknownTopicOrPartition, .unknownTopicOrPartition),
            (4, "2", .invalidRequest, .invalidRequest),
            (4, "one", .invalidRequest, .invalidRequest),
            (8, "1", .invalidRequest, .invalidRequest),
            (16, "x", .invalidRequest, .invalidRequest),
            (0, "events", .invalidRequest, .invalidRequest),
            (-1, "events", .invalidRequest, .invalidRequest),
        ]
        for (type, name, described, altered) in cases {
            let result = try describe(type, name)
            #expect(result.errorCode == described, "\(type) '\(name)'")
            #expect(result.type == type && result.name == name && result.configs.isEmpty)
            #expect(try alter(type, name, set("retention.ms", "1")) == altered, "\(type) '\(name)'")
        }
    }

    @Test func changesThatMakeNoSenseAreRefusedAndNothingChanges() throws {
        let cases: [([Change], ErrorCode)] = [
            ([set("retention.millis", "1")], .invalidConfig),
            ([set("retention.ms", "long")], .invalidConfig),
            ([set("retention.ms", nil)], .invalidRequest),
            ([set("retention.ms", "1"), set("retention.ms", "2")], .invalidRequest),
            ([change("retention.ms", 2, "1")], .invalidConfig),
            ([change("retention.ms", 9, "1")], .invalidRequest),
            ([change("cleanup.policy", 2, "shred")], .invalidConfig),
            ([set("segment.ms", "5"), set("retention.ms", "long")], .invalidConfig),
            ([set("min.compaction.lag.ms", "2"), set("max.compaction.lag.ms", "1")], .invalidConfig),
        ]
        for (changes, code) in cases {
            var request = IncrementalAlterConfigsRequest()
            request.resources = [resource(Self.topic, "events", changes)]
            let result = try connection.send(request).resources[0]
            #expect(result.errorCode == code, "\(changes.map(\.name)): \(result.errorMessage ?? "")")
        }
        #expect(broker.broker.topics.snapshot["events"]?.configs == [:])
    }

    @Test func aResourceThatIsGivenTwiceIsChangedNeitherTime() throws {
        var request = IncrementalAlterConfigsRequest()
        request.resources = [
            resource(Self.topic, "events", [set("retention.ms", "1")]),
            resource(Self.node, "events", [set("log.retention.ms", "1")]),
            resource(Self.topic, "events", [set("segment.ms", "1")]),
        ]
        #expect(
            try connection.send(request).resources.map(\.errorCode) == [
                .invalidRequest, .invalidRequest, .invalidRequest,
            ]
        )
        #expect(broker.broker.topics.snapshot["events"]?.configs == [:])
    }

    @Test func whatIsOnlyCheckedIsNotDone() throws {
        #expect(try alter(2, "events", set("retention.ms", "1"), validateOnly: true) == .none)
        #expect(try alter(4, "", set("log.retention.ms", "1"), validateOnly: true) == .none)
        #expect(try alter(2, "events", set("retention.ms", "x"), validateOnly: true) == .invalidConfig)
        #expect(try value("retention.ms") == ["10800000", "staticBroker"])
    }

    @Test func theBrokersFixedConfigurationIsFixed() throws {
        #expect(try alter(4, "1", set("log.dirs", "/tmp")) == .invalidRequest)
        #expect(try alter(4, "", set("num.io.threads", "3")) == .invalidRequest)
        #expect(try alter(4, "", set("advertised.listeners", "PLAINTEXT://x:1")) == .invalidRequest)
        #expect(try alter(4, "1", set("of.the.future", "3")) == .invalidConfig)
        #expect(try alter(4, "1", set("broker.id", "3")) == .invalidConfig)
    }

    // MARK: Topics

    @Test func aTopicsValuesAreSetExtendedReducedAndForgotten() throws {
        #expect(try alter(2, "events", set("retention.ms", "1000")) == .none)
        #expect(try value("retention.ms") == ["1000", "dynamicTopic"])
        #expect(try alter(2, "events", change("cleanup.policy", 2, "compact")) == .none)
        #expect(try value("cleanup.policy") == ["delete,compact", "dynamicTopic"])
        #expect(try alter(2, "events", change("cleanup.policy", 3, "delete")) == .none)
        #expect(try value("cleanup.policy") == ["compact", "dynamicTopic"])
        #expect(try alter(2, "events", change("cleanup.policy", 1), change("retention.ms", 1)) == .none)
        #expect(try value("cleanup.policy") == ["delete", "default"])
        #expect(try value("retention.ms") == ["10800000", "staticBroker"])
        #expect(try alter(2, "events", change("retention.ms", 1)) == .none)
    }

    @Test func aChangeTakesEffectOnTheOpenLogs() throws {
        let large = Batch([String(repeating: "x", count: 500)])
        try connection.append(large, to: "events", 1)
        #expect(try alter(2, "events", set("max.message.bytes", "400")) == .none)
        let refused = try connection.produce(.single("events", 1, large.bytes)).topics[0].partitions[0]
        #expect(refused.errorCode == .messageTooLarge)
        #expect(try alter(2, "events", change("max.message.bytes", 1)) == .none)
        try connection.append(large, to: "events", 1)
    }

    // MARK: The broker

    @Test func theClustersAndTheBrokersValuesGoBeforeTheFilesInThisOrder() throws {
        #expect(try value("retention.ms") == ["10800000", "staticBroker"])
        #expect(try alter(4, "", set("log.retention.ms", "5000")) == .none)
        #expect(try value("retention.ms") == ["5000", "dynamicDefaultBroker"])
        #expect(try alter(4, "1", set("log.retention.ms", "6000")) == .none)
        #expect(try value("retention.ms") == ["6000", "dynamicBroker"])
        #expect(try broker.partitionLog("events").config.retentionMilliseconds == 6000)
        #expect(try alter(2, "events", set("retention.ms", "7000")) == .none)
        #expect(try value("retention.ms") == ["7000", "dynamicTopic"])
        let synonyms = try describe(2, "events", ["retention.ms"]).configs[0].synonyms
        #expect(
            synonyms.map { [$0.name, $0.value ?? "null"] } == [
                ["retention.ms", "7000"], ["log.retention.ms", "6000"], ["log.retention.ms", "5000"],
                ["log.retention.hours", "3"], ["log.retention.hours", "168"],
            ]
        )
        for (level, name) in [(2, "events"), (4, "1"), (4, "")] as [(Int8, String)] {
            #expect(try alter(level, name, change(level == 2 ? "retention.ms" : "log.retention.ms", 1)) == .none)
        }
        #expect(try value("retention.ms") == ["10800000", "staticBroker"])
    }

    @Test func theClustersConfigurationIsWhatWasChangedForAll() throws {
        #expect(try describe(4, "").configs.isEmpty)
        #expect(try alter(4, "", set("log.retention.ms", "5000")) == .none)
        #expect(try alter(4, "1", set("log.segment.bytes", "2097152")) == .none)
        #expect(try describe(4, "").configs.map(\.name) == ["log.retention.ms"])
        #expect(try describe(4, "1", ["log.segment.bytes"]).configs.map(\.value) == ["2097152"])
    }

    // MARK: Descriptions

    @Test(arguments: DescribeConfigsRequest.api.versions)
    func everythingIsDescribedToWhoNamesNothing(version: Int16) throws {
        for keys in [nil, []] as [[String]?] {
            let topic = try describe(2, "events", keys, version: version)
            #expect(topic.errorCode == .none)
            #expect(topic.configs.map(\.name) == TopicKeys.all.filter { !$0.isInternal }.map(\.name))
            let node = try describe(4, "1", keys, version: version)
            #expect(node.configs.map(\.name) == BrokerKeys.all.filter { !$0.isInternal }.map(\.name))
            if version >= 3 { #expect((topic.configs + node.configs).allSatisfy { $0.type != 0 }) }
        }
    }

    @Test func onlyKnownKeysThatAreNamedAreDescribed() throws {
        let names = ["segment.ms", "of.the.future", "cleanup.policy", "segment.ms"]
        #expect(try describe(2, "events", names).configs.map(\.name) == ["cleanup.policy", "segment.ms"])
        #expect(try describe(2, "events", ["of.the.future"]).configs.isEmpty)
    }

    @Test func synonymsAndTextsComeToWhoWantsThem() throws {
        var resource = DescribeConfigsRequest.Resource()
        (resource.type, resource.name, resource.configurationKeys) = (2, "events", ["retention.ms"])
        var request = DescribeConfigsRequest()
        request.resources = [resource]
        let plain = try #require(try connection.send(request).resources[0].configs.first)
        #expect(plain.synonyms.isEmpty && plain.documentation == nil)
        request.includeDocumentation = true
        request.includeSynonyms = true
        let full = try #require(try connection.send(request).resources[0].configs.first)
        #expect(!full.synonyms.isEmpty && full.documentation?.isEmpty == false)
    }

    @Test func aResourceThatIsNamedTwiceIsDescribedOnce() throws {
        var request = DescribeConfigsRequest()
        for (type, name) in [(2, "events"), (4, "1"), (2, "events"), (4, "1"), (2, "missing")] as [(Int8, String)] {
            var resource = DescribeConfigsRequest.Resource()
            (resource.type, resource.name) = (type, name)
            request.resources.append(resource)
        }
        #expect(try connection.send(request).resources.map(\.name) == ["events", "1", "missing"])
    }

    // MARK: What survives

    @Test(arguments: [TestBroker.Ending.clean, .kill, .powerCut])
    func everythingIsThereAgainAfterARestart(ending: TestBroker.Ending) throws {
        #expect(try alter(2, "events", set("max.message.bytes", "400")) == .none)
        #expect(try alter(4, "", set("log.retention.ms", "5000")) == .none)
        #expect(try alter(4, "1", set("log.segment.bytes", "2097152")) == .none)
        try broker.restart(ending)
        #expect(try value("max.message.bytes") == ["400", "dynamicTopic"])
        #expect(try value("retention.ms") == ["5000", "dynamicDefaultBroker"])
        #expect(try value("segment.bytes") == ["2097152", "dynamicBroker"])
        let config = try broker.partitionLog("events", 1).config
        #expect([config.maxMessageBytes, config.segmentBytes] == [400, 2_097_152])
        #expect(config.retentionMilliseconds == 5000)
    }

    @Test func whatCannotBeNotedDownDoesNotTakeEffect() throws {
        broker.fileSystem.limit(freeBytes: 0)
        #expect(try alter(2, "events", set("retention.ms", "1")) == .kafkaStorageError)
        #expect(try alter(4, "", set("log.retention.ms", "1")) == .kafkaStorageError)
        #expect(try value("retention.ms") == ["10800000", "staticBroker"])
        broker.fileSystem.limit(freeBytes: nil)
        #expect(try alter(2, "events", set("retention.ms", "1")) == .none)
    }
}
