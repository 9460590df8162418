import Testing

@testable import MartletCLI

@Suite struct JSONTests {
    @Test func controlCharactersAndQuotesAreEscaped() {
        #expect(JSON.string("a\"b\\c\n\r\t\u{0}\u{1f}\u{7f}").text == #""a\"b\\c\n\r\t\u0000\u001f\u007f""#)
    }

    @Test func otherTextIsKept() {
        #expect(JSON.string("üñ語🐦/").text == "\"üñ語🐦/\"")
    }

    @Test func numbersWithoutAJSONFormAreNull() {
        #expect(JSON.array([.double(.infinity), .double(.nan), .double(1.5)]).text == "[null,null,1.5]")
    }

    @Test func objectsKeepTheirOrder() {
        let object: JSON = .object([
            "z": .int(Int64.min), "a": .null, "m": .bool(true), "e": .object([]), "l": .array([]),
        ])
        #expect(object.text == #"{"z":-9223372036854775808,"a":null,"m":true,"e":{},"l":[]}"#)
    }
}
