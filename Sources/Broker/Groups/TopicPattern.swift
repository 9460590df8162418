import CRE2

/// A compiled regular expression for names of topics, in RE2's syntax. Immutable; thread-safe.
final class TopicPattern: Sendable {
    /// Bytes of a compiled expression with all it needs to run. `\\pL{100}` needs 600 KiB; what needs more is refused.
    static let maximumMemory: Int64 = 1 << 20
    /// Bytes of RE2's explanation, of which it repeats a part of the expression.
    private static let maximumExplanation = 256

    // RE2 matches from any number of threads at once.
    private nonisolated(unsafe) let pattern: OpaquePointer

    /// Nil if the text is not a regular expression, or one that is too large.
    convenience init?(_ text: String) {
        switch Self.compile(text) {
        case .success(let pattern): self.init(compiled: pattern)
        case .failure: return nil
        }
    }

    private init(compiled: OpaquePointer) { pattern = compiled }

    deinit { martlet_pattern_free(pattern) }

    /// Why the text is not a regular expression, in RE2's words; nil if it is one.
    static func problem(with text: String) -> String? {
        switch compile(text) {
        case .success(let pattern):
            martlet_pattern_free(pattern)
            return nil
        case .failure(let problem): return problem.explanation
        }
    }

    private struct Problem: Error {
        let explanation: String
    }

    private static func compile(_ text: String) -> Result<OpaquePointer, Problem> {
        var text = text
        return text.withUTF8 { bytes in
            bytes.withMemoryRebound(to: CChar.self) { characters in
                withUnsafeTemporaryAllocation(of: CChar.self, capacity: maximumExplanation) { error in
                    error.initialize(repeating: 0)
                    let pattern = martlet_pattern_compile(
                        characters.baseAddress,
                        characters.count,
                        maximumMemory,
                        error.baseAddress,
                        error.count
                    )
                    if let pattern { return .success(pattern) }
                    let explanation = error.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
                    return .failure(Problem(explanation: String(decoding: explanation, as: UTF8.self)))
                }
            }
        }
    }

    /// Whether the whole name is what the expression describes.
    func matches(_ name: String) -> Bool {
        var name = name
        return name.withUTF8 { bytes in
            bytes.withMemoryRebound(to: CChar.self) { characters in
                martlet_pattern_matches(pattern, characters.baseAddress, characters.count) == 1
            }
        }
    }
}
