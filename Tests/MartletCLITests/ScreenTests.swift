import Testing

@testable import MartletCLI

@Suite struct ScreenTests {
    private func shown(_ lines: [String], rows: Int?) -> [String] {
        let frame = Screen().frame(lines, rows: rows)
        #expect(frame.hasPrefix("\u{1b}[?7l\u{1b}[H"))
        #expect(frame.hasSuffix("\u{1b}[J\u{1b}[?7h"))
        return frame.split(separator: "\n").dropLast().map { line in
            String(line.replacing("\u{1b}[?7l\u{1b}[H", with: "").replacing("\u{1b}[K", with: ""))
        }
    }

    @Test func whatDoesNotFitIsCutOffAndCounted() {
        #expect(shown(["a", "b", "c", "d"], rows: 4) == ["a", "b", "… 2 more lines"])
        #expect(shown(["a", "b", "c"], rows: 4) == ["a", "b", "c"])
        #expect(shown(["a", "b", "c", "d"], rows: nil) == ["a", "b", "c", "d"])
        // A terminal that has no room for a text has none for a remark about it.
        #expect(shown(["a", "b", "c"], rows: 2) == ["a", "b", "c"])
    }

    @Test func whatWasThereBeforeIsGone() {
        #expect(Screen().frame(["a"], rows: 9).contains("a\u{1b}[K\n\u{1b}[J"))
        #expect(Screen().frame([], rows: 9) == "\u{1b}[?7l\u{1b}[H\u{1b}[J\u{1b}[?7h")
        #expect(Screen().end == "\r\u{1b}[K")
    }
}
