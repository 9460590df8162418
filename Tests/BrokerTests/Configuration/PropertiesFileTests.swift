import Model
import Testing

@testable import Broker

private func parse(_ text: String) throws -> [String: String] {
    let properties = try PropertiesFile.parse(Array(text.utf8), path: "x.properties")
    return Dictionary(properties.map { ($0.key, $0.value) }, uniquingKeysWith: { _, last in last })
}

private func failure(_ text: String) -> ConfigurationError? {
    do throws(ConfigurationError) {
        _ = try PropertiesFile.parse(Array(text.utf8), path: "x.properties")
        return nil
    } catch {
        return error
    }
}

@Test(arguments: ["a=\\u12", "a=\\u", "a=\\uzzzz", "a=\\u00 0", "a=\\u００４１"])
func unicodeEscapeWithoutFourDigitsIsRefused(_ text: String) {
    #expect(failure("# first\n" + text)?.description.hasPrefix("x.properties:2: '\\u") == true)
}

@Test(arguments: ["\\ud83d", "\\ude00", "\\ud83dx", "\\ude00\\ud83d"])
func halfOfASurrogatePairIsRefused(_ escape: String) {
    #expect(failure("a=\(escape)")?.message.contains("surrogate") == true)
}

@Test(arguments: ["=1", ":1", "  = 1"])
func valueWithoutKeyIsRefused(_ text: String) {
    #expect(failure("a=1\n\n\(text)")?.origin == .file(path: "x.properties", line: 3))
}

@Test func textThatIsNotUTF8IsRefusedWithItsLine() {
    let bytes = Array("a=1\nb=".utf8) + [0xff, 0x0a]
    #expect(throws: ConfigurationError(.malformed("the text is not UTF-8"), at: .file(path: "p", line: 2))) {
        try PropertiesFile.parse(bytes, path: "p")
    }
}

@Test func missingFileIsAnErrorThatNamesIt() {
    let path = "/nonexistent/server.properties"
    do throws(ConfigurationError) {
        _ = try PropertiesFile.read(path, from: PosixFileSystem())
        Issue.record("reading \(path) succeeded")
    } catch {
        #expect(error.description == "cannot open \(path): No such file or directory")
    }
}

@Test func directoryInPlaceOfAFileIsAnError() {
    #expect(throws: ConfigurationError.self) { try PropertiesFile.read("/", from: PosixFileSystem()) }
}

@Test func hugeFileIsRefused() throws {
    let fileSystem = PosixFileSystem()
    let path = "/tmp/martlet-configuration-\(UInt64.random(in: 0 ... .max))"
    let file = try fileSystem.open(path, .createNew)
    defer { #expect(throws: Never.self) { try fileSystem.remove(path) } }
    try file.truncate(to: ConfigLimits.maximumFileBytes + 1)
    #expect(throws: ConfigurationError(.tooLarge(path: path, limit: ConfigLimits.maximumFileBytes))) {
        try PropertiesFile.read(path, from: fileSystem)
    }
    try file.truncate(to: 0)
    #expect(try PropertiesFile.read(path, from: fileSystem) == [])
}

@Test(arguments: ["a=1", "a:1", "a 1", "a = 1", "  a\t=\t1", "a  :1", "\u{c}a\u{c}1"])
func keyEndsAtTheFirstSeparator(_ text: String) throws {
    #expect(try parse(text) == ["a": "1"])
}

@Test func onlyTheFirstSeparatorSeparates() throws {
    #expect(try parse("a==1\nb=:2\nc = d = e\nl=X://h:1") == ["a": "=1", "b": ":2", "c": "d = e", "l": "X://h:1"])
}

@Test func keyWithoutValueHasAnEmptyOne() throws {
    #expect(try parse("a\nb=\nc:\n") == ["a": "", "b": "", "c": ""])
}

@Test func blankLinesAndCommentsAreSkipped() throws {
    #expect(try parse("\n   \n# c\n  ! d=1\n#a=2\\\nb=3") == ["b": "3"])
}

@Test func markerAfterTheKeyIsNoComment() throws {
    #expect(try parse("a=1 # one\nb=!2") == ["a": "1 # one", "b": "!2"])
}

@Test func backslashContinuesALine() throws {
    #expect(try parse("a=1,\\\n   2,\\\r\n\t3\nb=4") == ["a": "1,2,3", "b": "4"])
}

@Test func markerInAContinuationIsNoComment() throws {
    #expect(try parse("a=1\\\n  #2\n") == ["a": "1#2"])
}

@Test func escapedBackslashDoesNotContinueALine() throws {
    #expect(try parse("a=1\\\\\nb=2") == ["a": "1\\", "b": "2"])
}

@Test func continuationAtTheEndOfTheFileIsHarmless() throws {
    #expect(try parse("a=1\\") == ["a": "1"])
    #expect(try parse("\\\n\\") == [:])
}

@Test func escapesStandForTheirCharacters() throws {
    #expect(try parse("a\\ b\\=c=\\t\\n\\r\\f\\q\\:") == ["a b=c": "\t\n\r\u{c}q:"])
    #expect(try parse("a=\\u00e4\\uD83D\\uDE00ö") == ["a": "ä😀ö"])
}

@Test func linesEndInAnyOfTheThreeWays() throws {
    #expect(try parse("a=1\rb=2\r\nc=3\n\rd=4") == ["a": "1", "b": "2", "c": "3", "d": "4"])
}

@Test func propertiesKnowTheLineTheyBeginOn() throws {
    let text = "# x\r\n\r\na=1\\\r\n  2\r\nb=3"
    let properties = try PropertiesFile.parse(Array(text.utf8), path: "p")
    #expect(properties.map(\.line) == [3, 5])
}

@Test func randomBytesNeverTrapTheParser() {
    var generator = SeededGenerator(seed: 7)
    let alphabet = Array("\\u=: \n\r\t#!a0\u{c}".utf8) + [0xff, 0xc3, 0xa4]
    for _ in 0..<2000 {
        let count = Int.random(in: 0..<40, using: &generator)
        let bytes = (0..<count).map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &generator)] }
        do throws(ConfigurationError) {
            _ = try PropertiesFile.parse(bytes, path: "p")
        } catch {
            #expect(error.origin != nil, "seed 7, bytes \(bytes)")
        }
    }
}
