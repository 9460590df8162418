import Testing

@testable import MartletCLI

@Suite struct JSONParsingTests {
    @Test(arguments: [
        "", " ", "{", "[", "[1", "[1,", "[1,]", "{\"a\"", "{\"a\":", "{\"a\":1", "{a:1}", "{\"a\" 1}", "\"", "\"\\",
        "\"\\x\"",
        "\"\\u12\"", "\"\u{1}\"", "tru", "nul", "+1", "-", "01x", "1 2", "[1] ]", "--1", "e5",
    ])
    func whatIsNoJSONIsRefused(text: String) {
        #expect(throws: JSON.Problem.self) { try JSON(parsing: Array(text.utf8)) }
    }

    @Test func depthIsBounded() throws {
        let deep = { (depth: Int) in
            Array((String(repeating: "[", count: depth) + String(repeating: "]", count: depth)).utf8)
        }
        _ = try JSON(parsing: deep(64))
        #expect(throws: JSON.Problem.self) { try JSON(parsing: deep(65)) }
        #expect(throws: JSON.Problem.self) { try JSON(parsing: Array(repeating: UInt8(ascii: "["), count: 1_000_000)) }
    }

    @Test func bytesThatAreNoTextAreRefused() {
        #expect(throws: JSON.Problem.self) { try JSON(parsing: [UInt8(ascii: "\""), 0xff, UInt8(ascii: "\"")]) }
    }

    @Test(arguments: [
        JSON.null, .bool(true), .int(.min), .int(.max), .double(0.25), .string("a\"\\\n\t\u{7f}é👋"), .array([]),
        .object([]),
        .array([.int(1), .array([.null])]), .object([JSON.Field("a", .string("")), JSON.Field("b", .object([]))]),
    ])
    func whatIsWrittenIsReadBack(value: JSON) throws {
        #expect(try JSON(parsing: Array(value.text.utf8)) == value)
        #expect(try JSON(parsing: Array(" \n\(value.text)\t".utf8)) == value)
    }

    @Test func escapesAreUnderstood() throws {
        let value = try JSON(parsing: Array(#"{ "a\/b" : [ 1 , -2e1 , "\u0041\ud83d\udc4b\b\f\r" ] }"#.utf8))
        #expect(value["a/b"] == .array([.int(1), .double(-20), .string("A👋\u{8}\u{c}\r")]))
        #expect(value["missing"] == nil)
        // Half a character becomes the sign for what cannot be read.
        #expect(try JSON(parsing: Array(#""\ud83dx""#.utf8)) == .string("\u{fffd}x"))
    }
}
