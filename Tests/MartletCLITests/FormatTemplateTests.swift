import MartletClient
import NIOCore
import Testing

@testable import MartletCLI

@Suite struct FormatTemplateTests {
    @Test(arguments: ["%", "%q", "a%", #"\"#, #"\y"#, "%\u{fc}"])
    func unknownLettersAreRefused(text: String) {
        #expect(throws: FormatTemplate.Problem.self) { try FormatTemplate(text) }
    }

    func formatted(_ format: String, _ record: ConsumedRecord) throws -> [UInt8] {
        var bytes: [UInt8] = []
        try FormatTemplate(format).write(record, to: &bytes)
        return bytes
    }

    @Test func lettersAreThoseOfKcat() throws {
        let record = ConsumedRecord.fixture(key: "k", value: "värde", headers: [("a", "1"), ("b", nil), ("a", "")])
        let text = try formatted(#"%t [%p] at %o (%T): %K %k = %S %s {%h} 100%%\n"#, record)
        #expect(
            String(decoding: text, as: UTF8.self)
                == "orders [3] at 42 (1700000000000): 1 k = 6 värde {a=1,b=NULL,a=} 100%\n"
        )
    }

    @Test func nullIsNothingOfLengthMinusOne() throws {
        let record = ConsumedRecord.fixture(key: nil, value: nil)
        #expect(String(decoding: try formatted("<%k|%K|%s|%S|%h>", record), as: UTF8.self) == "<|-1||-1|>")
        #expect(try formatted("%R", record) == [0xff, 0xff, 0xff, 0xff])
    }

    @Test func binaryLengthIsBigEndian() throws {
        #expect(try formatted("%R", .fixture(value: String(repeating: "x", count: 258))) == [0, 0, 1, 2])
    }

    @Test func bytesThatAreNotTextPass() throws {
        let record = ConsumedRecord.fixture(bytes: [0xff, 0x00, 0xfe])
        #expect(try formatted(#"%s\x80"#, record) == [0xff, 0x00, 0xfe, 0x80])
    }
}
