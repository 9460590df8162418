import MartletClient
import NIOCore
import Testing

@testable import MartletCLI

@Suite struct LineParserTests {
    func record(
        _ line: String,
        delimiter: String? = nil,
        fixedKey: String? = nil,
        isEmptyNull: Bool = false,
        isBase64: Bool = false
    ) throws -> ProducerRecord {
        let defaults = RecordDefaults(
            topic: "t",
            key: fixedKey.map { ByteBuffer(string: $0) },
            isEmptyNull: isEmptyNull,
            isBase64: isBase64
        )
        let parser = LineParser(defaults: defaults, keyDelimiter: delimiter.map { Delimiter(bytes: Array($0.utf8)) })
        return try parser.record(ByteBuffer(string: line))
    }

    @Test(arguments: ["a", "YQ", "YQ=a", "YQ==YQ==", "Y===", "ÿÿÿÿ"])
    func whatIsNotBase64IsNoRecord(line: String) {
        #expect(throws: BadRecord.self) { try record(line, isBase64: true) }
    }

    @Test func keyEndsAtTheFirstDelimiter() throws {
        #expect(try record("a:b:c", delimiter: ":") == ProducerRecord(topic: "t", key: "a", value: "b:c"))
        #expect(try record(":b", delimiter: ":") == ProducerRecord(topic: "t", key: "", value: "b"))
        #expect(try record("a->", delimiter: "->") == ProducerRecord(topic: "t", key: "a", value: ""))
    }

    @Test func lineWithoutDelimiterHasTheFixedKeyOrNone() throws {
        #expect(try record("abc", delimiter: ":").key == nil)
        #expect(try record("abc", delimiter: ":", fixedKey: "k") == ProducerRecord(topic: "t", key: "k", value: "abc"))
    }

    @Test func emptyValueIsNullOnlyIfAskedFor() throws {
        #expect(try record("").value == ByteBuffer())
        #expect(try record("", isEmptyNull: true).value == nil)
        #expect(try record("a:", delimiter: ":", isEmptyNull: true).value == nil)
        #expect(try record("x", isEmptyNull: true).value != nil)
    }

    @Test func keyAndValueComeOutOfBase64() throws {
        #expect(
            try record("aw==:dg==", delimiter: ":", isBase64: true) == ProducerRecord(topic: "t", key: "k", value: "v")
        )
    }
}
