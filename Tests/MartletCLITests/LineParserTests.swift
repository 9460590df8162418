import MartletClient
import NIOCore
import Testing

@testable import MartletCLI

@Suite struct LineParserTests {
    func record(
        _ line: String,
        delimiter: String? = nil,
        fixedKey: String? = nil,
        isEmptyNull: Bool = false
    ) -> ProducerRecord {
        LineParser(
            topic: "t",
            partition: nil,
            keyDelimiter: delimiter.map { Delimiter(bytes: Array($0.utf8)) },
            fixedKey: fixedKey.map { ByteBuffer(string: $0) },
            headers: [],
            isEmptyNull: isEmptyNull
        ).record(ByteBuffer(string: line))
    }

    @Test func keyEndsAtTheFirstDelimiter() {
        #expect(record("a:b:c", delimiter: ":") == ProducerRecord(topic: "t", key: "a", value: "b:c"))
        #expect(record(":b", delimiter: ":") == ProducerRecord(topic: "t", key: "", value: "b"))
        #expect(record("a->", delimiter: "->") == ProducerRecord(topic: "t", key: "a", value: ""))
    }

    @Test func lineWithoutDelimiterHasTheFixedKeyOrNone() {
        #expect(record("abc", delimiter: ":").key == nil)
        #expect(record("abc", delimiter: ":", fixedKey: "k") == ProducerRecord(topic: "t", key: "k", value: "abc"))
    }

    @Test func emptyValueIsNullOnlyIfAskedFor() {
        #expect(record("").value == ByteBuffer())
        #expect(record("", isEmptyNull: true).value == nil)
        #expect(record("a:", delimiter: ":", isEmptyNull: true).value == nil)
        #expect(record("x", isEmptyNull: true).value != nil)
    }
}
