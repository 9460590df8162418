/// A reader of Swift's outer form: it tells code from comments and strings, and finds where functions end.
enum SwiftScanner {
    /// The text with comments and string literals, whatever is interpolated included, replaced by blanks. Lines stay.
    static func codeOnly(_ text: String) -> String {
        var scanner = Blanker(Array(text.utf8))
        scanner.run()
        return String(decoding: scanner.bytes, as: UTF8.self)
    }

    /// The functions, initializers and subscripts with a body in code without comments and strings.
    static func functions(in code: String) -> [(line: Int, length: Int)] {
        let bytes = Array(code.utf8)
        var found: [(line: Int, length: Int)] = []
        var line = 1
        var index = 0
        while index < bytes.count {
            if bytes[index] == newline { line += 1 }
            if let keyword = keywords.first(where: { isWord($0, at: index, in: bytes) }),
                let body = bodyStart(from: index + keyword.count, in: bytes),
                let end = closingBrace(from: body, in: bytes)
            {
                found.append((line, bytes[index...end].count { $0 == newline } + 1))
            }
            index += 1
        }
        return found
    }

    private static let newline = UInt8(ascii: "\n")
    private static let keywords = ["func", "init", "deinit", "subscript"].map { Array($0.utf8) }
    /// What a declaration can go on with in a new line.
    private static let continuations = ["{", "where", "->", "throws", "async", "rethrows"].map { Array($0.utf8) }

    /// A word that stands alone and is no member, as in `self.init`.
    private static func isWord(_ word: [UInt8], at index: Int, in bytes: [UInt8]) -> Bool {
        guard bytes[index...].starts(with: word) else { return false }
        if index > 0, isWordByte(bytes[index - 1]) || bytes[index - 1] == UInt8(ascii: ".") { return false }
        let end = index + word.count
        return end == bytes.count || !isWordByte(bytes[end])
    }

    private static func isWordByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "`"):
            true
        default: byte >= 0x80
        }
    }

    /// Where the body of a declaration opens; nil if it has none, as in a protocol.
    private static func bodyStart(from start: Int, in bytes: [UInt8]) -> Int? {
        var depth = 0
        for index in start..<bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "("), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: ")"), UInt8(ascii: "]"): depth -= 1
            case UInt8(ascii: "{") where depth == 0: return index
            case UInt8(ascii: "}") where depth == 0: return nil
            case newline where depth == 0:
                let rest = bytes[index...].drop { $0 == newline || $0 == UInt8(ascii: " ") }
                if !continuations.contains(where: rest.starts(with:)) { return nil }
            default: break
            }
            if depth < 0 { return nil }
        }
        return nil
    }

    private static func closingBrace(from start: Int, in bytes: [UInt8]) -> Int? {
        var depth = 0
        for index in start..<bytes.count {
            if bytes[index] == UInt8(ascii: "{") { depth += 1 }
            if bytes[index] == UInt8(ascii: "}") { depth -= 1 }
            if depth == 0 { return index }
        }
        return nil
    }
}

/// Blanks out comments and strings in place. Owned by one call.
private struct Blanker {
    var bytes: [UInt8]
    private var index = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func run() {
        while index < bytes.count { step() }
    }

    /// Passes over one character of code, or blanks one comment or string.
    private mutating func step() {
        if skips("//") {
            while index < bytes.count, bytes[index] != UInt8(ascii: "\n") { blank(1) }
        } else if skips("/*") {
            blankComment()
        } else if bytes[index] == UInt8(ascii: "\"") || bytes[index] == UInt8(ascii: "#") {
            blankString()
        } else {
            index += 1
        }
    }

    private mutating func blankComment() {
        var depth = 0
        repeat {
            if skips("/*") {
                depth += 1
                blank(2)
            } else if skips("*/") {
                depth -= 1
                blank(2)
            } else {
                blank(1)
            }
        } while depth > 0 && index < bytes.count
    }

    /// A string with any number of `#` before its quotes; other uses of `#` are code.
    private mutating func blankString() {
        let hashes = bytes[index...].prefix { $0 == UInt8(ascii: "#") }.count
        let marks = String(repeating: "#", count: hashes)
        let quotes: String
        if skips(marks + "\"\"\"") {
            quotes = "\"\"\""
        } else if skips(marks + "\"") {
            quotes = "\""
        } else {
            index += max(hashes, 1)
            return
        }
        blank(hashes + quotes.utf8.count)
        let end = quotes + marks
        while index < bytes.count, !skips(end) {
            if skips("\\" + marks + "(") {
                blank(hashes + 2)
                blankInterpolation()
            } else {
                blank(skips("\\" + marks) ? hashes + 2 : 1)
            }
        }
        blank(end.utf8.count)
    }

    /// Code inside a string, up to its closing parenthesis; it may hold strings of its own.
    private mutating func blankInterpolation() {
        var depth = 1
        while index < bytes.count, depth > 0 {
            switch bytes[index] {
            case UInt8(ascii: "("): depth += 1
            case UInt8(ascii: ")"): depth -= 1
            case UInt8(ascii: "\""), UInt8(ascii: "#"):
                blankString()
                continue
            default: break
            }
            blank(1)
        }
    }

    private func skips(_ text: String) -> Bool { bytes[index...].starts(with: text.utf8) }

    private mutating func blank(_ count: Int) {
        for _ in 0..<count where index < bytes.count {
            if bytes[index] != UInt8(ascii: "\n") { bytes[index] = UInt8(ascii: " ") }
            index += 1
        }
    }
}
