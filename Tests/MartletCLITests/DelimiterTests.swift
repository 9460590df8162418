import NIOCore
import Testing

@testable import MartletCLI

@Suite struct DelimiterTests {
    @Test func emptyOrUnreadableIsRefused() {
        #expect(Delimiter(argument: "") == nil)
        #expect(Delimiter(argument: #"\q"#) == nil)
    }

    @Test(
        arguments: [
            ("aabaab", "ab", 0, 1), ("aabaab", "ab", 2, 4), ("aab", "abc", 0, nil), ("", "a", 0, nil),
            ("a", "a", 1, nil),
            ("aaab", "aab", 0, 1), ("xyz", "z", 0, 2),
        ] as [(String, String, Int, Int?)]
    )
    func isFoundWhereItIs(text: String, delimiter: String, start: Int, expected: Int?) {
        let delimiter = Delimiter(bytes: Array(delimiter.utf8))
        #expect(Array(text.utf8).withUnsafeBytes { delimiter.firstIndex(in: $0, from: start) } == expected)
    }
}
