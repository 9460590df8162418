import MartletClient
import NIOCore
import Testing

@testable import MartletCLI

@Suite struct RecordJSONParserTests {
    func record(_ line: String, isBase64: Bool = false) throws -> ProducerRecord {
        let defaults = RecordDefaults(topic: "t", isBase64: isBase64)
        return try RecordJSONParser(defaults: defaults).record(ByteBuffer(string: line))
    }

    @Test(arguments: [
        "", "1", "[]", "{", #"{"valeu":1}"#, #"{"partition":-1}"#, #"{"partition":1.5}"#, #"{"partition":4294967296}"#,
        #"{"timestamp":-2}"#, #"{"timestamp":"soon"}"#, #"{"headers":1}"#, #"{"headers":[{"value":"x"}]}"#,
        #"{"value":"?","value_encoding":"base64"}"#, #"{"value":1,"value_encoding":"base64"}"#,
        #"{"value":"x","value_encoding":"rot13"}"#,
    ])
    func whatIsNoRecordIsSaid(line: String) {
        let error = #expect(throws: BadRecord.self) { try record(line) }
        if let error { #expect(!error.description.isEmpty) }
    }

    @Test func allMembersAreTaken() throws {
        let found = try record(
            #"{"topic":"x","offset":9,"key":"k","value":"v","partition":2,"timestamp":7,"timestamp_type":"create","#
                + #""headers":[{"name":"a","value":"1"},{"name":"b","value":null}]}"#
        )
        let expected = ProducerRecord(
            topic: "t",
            partition: 2,
            key: ByteBuffer(string: "k"),
            value: ByteBuffer(string: "v"),
            headers: [RecordHeader(name: "a", value: "1"), RecordHeader(name: "b", value: nil)],
            timestamp: 7
        )
        #expect(found == expected)
    }

    @Test func valuesMayBeAnyJSON() throws {
        #expect(try record(#"{"value":{"a":[1, true]}}"#).value == ByteBuffer(string: #"{"a":[1,true]}"#))
        #expect(try record(#"{"value":12}"#).value == ByteBuffer(string: "12"))
        #expect(try record(#"{"value":null}"#).value == nil)
        #expect(try record("{}") == ProducerRecord(topic: "t", value: nil))
    }

    @Test func headersMayBeAnObject() throws {
        #expect(try record(#"{"headers":{"a":"1"}}"#).headers == [RecordHeader(name: "a", value: "1")])
    }

    @Test func bytesThatAreNoTextComeInBase64() throws {
        #expect(try record(#"{"value":"/w==","value_encoding":"base64"}"#).value == ByteBuffer(bytes: [0xff]))
        #expect(
            try record(#"{"key":"/w==","value":"/w==","value_encoding":"base64"}"#, isBase64: true).key
                == ByteBuffer(bytes: [0xff])
        )
    }

    @Test func whatConsumeWritesIsReadBack() throws {
        let consumed = ConsumedRecord.fixture(key: "k\"\n", bytes: [0xff, 0, 1], headers: [("h", "1"), ("n", nil)])
        for inBase64 in [false, true] {
            let found = try record(RecordJSON.object(consumed, inBase64: inBase64).text)
            #expect(found.key == consumed.key)
            #expect(found.value == consumed.value)
            #expect(found.headers == consumed.headers)
            #expect(found.partition == consumed.partition)
            #expect(found.timestamp == consumed.timestamp)
        }
    }
}
