import Model
import TestSupport
import Testing
import Wire

@testable import Broker

/// Names as long as the protocol allows: the answer quotes them, and is an answer all the same.
struct LongNameTests {
    private let broker: TestBroker
    private let connection: FakeConnection
    private let name = String(repeating: "x", count: Int(Int16.max))

    init() throws {
        broker = try TestBroker()
        connection = broker.connect()
    }

    @Test(arguments: CreateTopicsRequest.api.versions)
    func createTopicsAnswers(version: Int16) throws {
        var topic = CreateTopicsRequest.Topic()
        topic.name = name
        (topic.partitionCount, topic.replicationFactor) = (1, 1)
        var request = CreateTopicsRequest()
        request.topics = [topic, topic]
        #expect(
            try connection.send(request, version: version).topics.map(\.errorCode) == [
                .invalidRequest, .invalidRequest,
            ]
        )
        var config = CreateTopicsRequest.Config()
        (config.name, config.value) = (name, name)
        topic.name = "events"
        topic.configs = [config]
        request.topics = [topic]
        #expect(try connection.send(request, version: version).topics.map(\.errorCode) == [.invalidConfig])
    }

    @Test(arguments: DeleteTopicsRequest.api.versions)
    func deleteTopicsAnswers(version: Int16) throws {
        var topic = DeleteTopicsRequest.Topic()
        topic.name = name
        var request = DeleteTopicsRequest()
        (request.topics, request.topicNames) = ([topic], [name])
        let result = try connection.send(request, version: version).topics[0]
        #expect(result.errorCode == .unknownTopicOrPartition)
        #expect(version < 5 || result.errorMessage?.hasSuffix("…") == true)
    }

    @Test(arguments: CreatePartitionsRequest.api.versions)
    func createPartitionsAnswers(version: Int16) throws {
        var topic = CreatePartitionsRequest.Topic()
        topic.name = name
        var request = CreatePartitionsRequest()
        request.topics = [topic]
        #expect(try connection.send(request, version: version).topics[0].errorCode == .unknownTopicOrPartition)
    }

    @Test(arguments: [2, 4, 8] as [Int8])
    func configsAnswer(type: Int8) throws {
        var described = DescribeConfigsRequest.Resource()
        (described.type, described.name) = (type, name)
        var describe = DescribeConfigsRequest()
        describe.resources = [described]
        for version in DescribeConfigsRequest.api.versions {
            #expect(try connection.send(describe, version: version).resources[0].errorCode.isError)
        }
        var altered = IncrementalAlterConfigsRequest.Resource()
        (altered.type, altered.name) = (type, name)
        var alter = IncrementalAlterConfigsRequest()
        alter.resources = [altered, altered]
        for version in IncrementalAlterConfigsRequest.api.versions {
            #expect(
                try connection.send(alter, version: version).resources.map(\.errorCode) == [
                    .invalidRequest, .invalidRequest,
                ]
            )
        }
    }

    @Test(arguments: FindCoordinatorRequest.api.versions)
    func findCoordinatorAnswers(version: Int16) throws {
        var request = FindCoordinatorRequest()
        (request.key, request.coordinatorKeys) = (name, [name])
        #expect(try connection.send(request, version: version).errorCode == .none)
        guard version == 6 else { return }
        request.keyType = 2
        #expect(try connection.send(request, version: version).coordinators[0].errorCode == .invalidRequest)
    }

    @Test func theOthersAnswer() throws {
        var asked = MetadataRequest.Topic()
        asked.name = name
        var metadata = MetadataRequest()
        metadata.topics = [asked]
        #expect(try connection.send(metadata).topics[0].errorCode == .invalidTopicException)
        let produced = try connection.produce(.single(name, 0, Batch().bytes))
        #expect(produced.topics[0].partitions[0].errorCode == .unknownTopicOrPartition)
        var topic = DescribeTopicPartitionsRequest.Topic()
        topic.name = name
        var described = DescribeTopicPartitionsRequest()
        described.topics = [topic]
        #expect(try connection.send(described).topics[0].errorCode == .invalidTopicException)
    }
}
