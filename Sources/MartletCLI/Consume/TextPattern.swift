import NIOCore

/// What to look for in bytes: a text as it is, or a regular expression. A value, owned by one task.
struct TextPattern {
    private enum Kind {
        /// Found by memchr, many times faster than an expression.
        case text(Delimiter)
        case expression(Regex<AnyRegexOutput>)
        /// No text at all, which everything contains.
        case anything
    }

    private let kind: Kind
    private let source: String

    private static let operators = Set(#"\.^$*+?()[]{}|"#)

    /// Throws ``InputError`` if it is no regular expression.
    init(_ pattern: String, ignoresCase: Bool) throws(InputError) {
        source = pattern
        if pattern.isEmpty {
            kind = .anything
        } else if !ignoresCase, !pattern.contains(where: Self.operators.contains) {
            kind = .text(Delimiter(bytes: Array(pattern.utf8)))
        } else {
            do {
                kind = .expression(try Regex(pattern).ignoresCase(ignoresCase).matchingSemantics(.unicodeScalar))
            } catch {
                throw InputError(description: "'\(pattern)' is no regular expression: \(error)", status: .usage)
            }
        }
    }

    /// Whether it occurs in a field; never in null.
    func occurs(in field: ByteBuffer?) -> Bool {
        guard let field else { return false }
        switch kind {
        case .anything: return true
        case .text(let text): return field.withUnsafeReadableBytes { text.firstIndex(in: $0) != nil }
        case .expression(let expression):
            return Self.found {
                try expression.firstMatch(in: String(decoding: field.readableBytesView, as: UTF8.self))
            }
        }
    }

    /// Whether it matches a text from its first to its last character.
    func matchesWhole(_ text: String) -> Bool {
        switch kind {
        case .anything: text.isEmpty
        case .text: text == source
        case .expression(let expression): Self.found { try expression.wholeMatch(in: text) }
        }
    }

    /// An expression that was compiled can be evaluated, unless code of one's own is part of it.
    private static func found(_ match: () throws -> Regex<AnyRegexOutput>.Match?) -> Bool {
        do { return try match() != nil } catch { return false }
    }
}
