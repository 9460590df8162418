import NIOCore
import Testing

@testable import Wire

struct WireDescriptionTests {
    @Test func textIsEscaped() {
        #expect(WireDescription.string("a\"\\\n\u{7f}ü").json == #""a\"\\\u000a\u007fü""#)
    }

    @Test func numbersThatJSONDoesNotHaveAreNull() {
        #expect(WireDescription.double(.nan).json == "null")
        #expect(WireDescription.double(0.5).json == "0.5")
    }

    @Test func messagesAreDescribedWithKafkasNames() throws {
        var partition = ProduceRequest.Partition()
        partition.records = .bytes(ByteBuffer(bytes: [0, 255]))
        var topic = ProduceRequest.Topic()
        topic.name = "t"
        topic.partitions = [partition]
        var request = ProduceRequest()
        request.topics = [topic]
        let json = try request.describe(version: 3, isFlexible: false).json
        #expect(
            json == """
                {"TransactionalId": null, "Acks": 0, "TimeoutMs": 0, "TopicData": \
                [{"Name": "t", "PartitionData": [{"Index": 0, "Records": {"hex": "00ff"}}]}]}
                """
        )
    }

    @Test func defaultsShowOneElementOfEachArray() throws {
        let json = try CreatePartitionsRequest.describeDefaults(version: 0, isFlexible: false).json
        #expect(
            json == """
                {"Topics": [{"Name": "", "Count": 0, "Assignments": [{"BrokerIds": [0]}]}], "TimeoutMs": 0, \
                "ValidateOnly": false}
                """
        )
    }
}
