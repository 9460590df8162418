import CSyscalls
import Glibc

/// A text that is shown again and again in the same place of a terminal. Immutable.
///
/// Each line is written over the one before and only then cleared behind its end, so nothing flickers. What does not fit is
/// cut off and counted: a terminal that scrolls would lose the place.
struct Screen {
    private static let home = "\u{1b}[H"
    private static let clearRestOfLine = "\u{1b}[K"
    private static let clearBelow = "\u{1b}[J"
    private static let noWrapping = "\u{1b}[?7l"
    private static let wrapping = "\u{1b}[?7h"

    /// What shows the lines.
    ///
    /// - Parameter rows: How many fit; nil if that is not known.
    func frame(_ lines: [String], rows: Int?) -> String {
        var shown = lines
        // The last row is for the cursor.
        if let rows, rows > 2, lines.count >= rows {
            let kept = rows - 2
            shown = lines.prefix(kept) + ["… \(lines.count - kept) more lines"]
        }
        let text = shown.map { $0 + Self.clearRestOfLine + "\n" }.joined()
        // Without wrapping a long line is cut off at the edge, and still one row.
        return Self.noWrapping + Self.home + text + Self.clearBelow + Self.wrapping
    }

    /// What leaves the terminal with the last text above the prompt, and without the `^C` that it has shown.
    var end: String { "\r" + Self.clearRestOfLine }
}

extension StandardOutput {
    /// How many rows the terminal has; nil if there is none.
    static var rows: Int? {
        let rows = Int(martlet_terminal_rows(STDOUT_FILENO))
        return rows > 0 ? rows : nil
    }
}
