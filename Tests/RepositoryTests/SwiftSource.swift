/// A Swift file, looked at as text: enough for rules about its form, without a compiler. Immutable.
struct SwiftSource: Sendable {
    let path: String
    let lines: [Substring]
    /// The lines with comments and the contents of strings blanked out.
    let code: [Substring]

    init(path: String, text: String) {
        self.path = path
        lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        code = SwiftScanner.codeOnly(text).split(separator: "\n", omittingEmptySubsequences: false)
    }

    /// The target it belongs to, by its directory.
    var target: String { path.split(separator: "/").dropFirst().first.map(String.init) ?? "" }

    /// The file's name without its extension.
    var name: String {
        let file = path.split(separator: "/").last ?? ""
        return String(file.dropLast(".swift".count))
    }

    /// The file's length in lines, not counting the empty piece behind the last line feed.
    var length: Int { lines.last?.isEmpty == true ? lines.count - 1 : lines.count }

    /// The modules it imports, with the line each is imported on.
    var imports: [(module: String, line: Int)] {
        code.enumerated().compactMap { index, line in
            let words = line.split(separator: " ").map(String.init)
            guard let position = words.firstIndex(of: "import"), position + 1 < words.count,
                words[..<position].allSatisfy({ $0.hasPrefix("@") || Self.accessLevels.contains($0) })
            else { return nil }
            let rest = words[(position + 1)...].filter { !Self.importKinds.contains($0) }
            return rest.first.map { (String($0.prefix { $0 != "." }), index + 1) }
        }
    }

    /// The names of what it declares or extends, at any depth.
    var declarations: Set<String> {
        var names: Set<String> = []
        for line in code {
            let words = line.split { !($0.isLetter || $0.isNumber || $0 == "_" || $0 == ".") }
            for (keyword, name) in zip(words, words.dropFirst()) where Self.declarationKinds.contains(keyword) {
                names.insert(String(name))
            }
        }
        return names
    }

    /// Every function with a body: the line its declaration begins on and its length in lines.
    var functions: [(line: Int, length: Int)] { SwiftScanner.functions(in: code.joined(separator: "\n")) }

    /// The lines on which the code has `word` as a word of its own.
    func lines(withWord word: String) -> [Int] {
        code.indices.filter { code[$0].containsWord(word) }.map { $0 + 1 }
    }

    private static let accessLevels: Set<String> = ["public", "package", "internal", "fileprivate", "private"]
    private static let importKinds: Set<String> = [
        "struct", "class", "enum", "protocol", "func", "var", "let", "typealias",
    ]
    private static let declarationKinds: Set<Substring> = [
        "struct", "class", "enum", "protocol", "actor", "extension", "typealias", "func",
    ]
}

extension StringProtocol {
    /// Whether the text contains `word` with no letter, digit or underscore next to it.
    func containsWord(_ word: String) -> Bool {
        func isWordCharacter(_ character: Character?) -> Bool {
            guard let character else { return false }
            return character.isLetter || character.isNumber || character == "_"
        }
        return ranges(of: word).contains { range in
            let before = range.lowerBound == startIndex ? nil : self[index(before: range.lowerBound)]
            let after = range.upperBound == endIndex ? nil : self[range.upperBound]
            return !isWordCharacter(before) && !isWordCharacter(after)
        }
    }
}
