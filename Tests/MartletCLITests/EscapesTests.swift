import NIOCore
import Testing

@testable import MartletCLI

@Suite struct EscapesTests {
    @Test(arguments: [#"a\"#, #"\q"#, #"\x"#, #"\x1"#, #"\xzz"#, #"\x+1"#])
    func unknownEscapesAreRefused(text: String) {
        #expect(throws: Escapes.Problem.self) { try Escapes.bytes(text) }
    }

    @Test(
        arguments: [
            (#"\n\r\t\0\\"#, [10, 13, 9, 0, 92]), (#"\x00\xFf"#, [0, 255]), (#"\x414"#, [0x41, 0x34]),
            ("ü", [0xc3, 0xbc]),
            ("", []),
        ] as [(String, [UInt8])]
    )
    func escapesAreRead(text: String, expected: [UInt8]) throws {
        #expect(try Escapes.bytes(text) == expected)
    }
}
