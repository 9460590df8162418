import MartletClient
import NIOCore
import Testing

@testable import MartletCLI

@Suite struct InputTemplateTests {
    func record(_ format: String, _ line: String, _ defaults: RecordDefaults = RecordDefaults(topic: "t")) throws
        -> ProducerRecord
    { try InputTemplate(format).record(ByteBuffer(string: line), defaults) }

    @Test(arguments: ["", "text", "%", "%x", "%k%s", "%s:%s", #"%s\y"#, "%K"])
    func formatsThatDivideNothingAreRefused(format: String) {
        #expect(throws: InputTemplate.Problem.self) { try InputTemplate(format) }
    }

    @Test(arguments: [
        ("%k:%s", "no delimiter"), ("<%s>", "x>"), ("<%s>", "<x"), ("%p:%s", "a:v"), ("%p:%s", "-1:v"),
        ("%p:%s", "2147483648:v"),
        ("%T|%s", "yesterday|v"), ("%h|%s", "a|v"), ("%h|%s", "=b|v"),
    ])
    func linesOfAnotherFormAreNoRecords(format: String, line: String) {
        #expect(throws: BadRecord.self) { try record(format, line) }
    }

    @Test func eachFieldEndsWhereTheTextBehindItBegins() throws {
        let found = try record(#"[%p] %k\t%h\t%T\t%s"#, "[3] key\ta=1,b=x=y\t1700000000000\tvalue\twith tabs")
        let expected = ProducerRecord(
            topic: "t",
            partition: 3,
            key: ByteBuffer(string: "key"),
            value: ByteBuffer(string: "value\twith tabs"),
            headers: [RecordHeader(name: "a", value: "1"), RecordHeader(name: "b", value: "x=y")],
            timestamp: 1_700_000_000_000
        )
        #expect(found == expected)
    }

    @Test func topicAndOffsetAreReadOver() throws {
        #expect(try record("%t %o %s", "other 17 v") == ProducerRecord(topic: "t", value: "v"))
    }

    @Test func optionsFillWhatTheLineLeavesOut() throws {
        let defaults = RecordDefaults(
            topic: "t",
            partition: 1,
            key: ByteBuffer(string: "fixed"),
            headers: [RecordHeader(name: "x", value: "y")],
            timestamp: 5
        )
        let found = try record("%p:%h:%s", "7::v", defaults)
        #expect(found.partition == 1)
        #expect(found.key == ByteBuffer(string: "fixed"))
        #expect(found.headers == [RecordHeader(name: "x", value: "y")])
        #expect(found.timestamp == 5)
    }

    @Test func noTimestampIsNow() throws {
        #expect(try record("%T %s", "-1 v").timestamp == nil)
    }

    @Test func percentSignsAndEscapesAreText() throws {
        #expect(try record(#"%s%%\x41"#, "v%A") == ProducerRecord(topic: "t", value: "v"))
    }
}
