import Testing

// Put together here, so that this file does not break its own rule.
private let unfinished = ["TO" + "DO", "FIX" + "ME", "XX" + "X"]
private let foreignPaths = ["/wo" + "rk/", "share" + "d/"]
private let traps = ["try" + "!", "as" + "!"]
private let unchecked = "@unchecked" + " Sendable"

/// Every file that people write, by path and text.
private let texts: [(path: String, lines: [Substring])] = {
    let directories = ["Sources", "Tests", "scripts", "config", ".ci"]
    let paths = directories.flatMap(Repository.files) + ["Package.swift", "README.md"]
    return paths.compactMap { path in
        Repository.read(path).map { (path, $0.split(separator: "\n", omittingEmptySubsequences: false)) }
    }
}()

private func places(_ isViolation: (Substring) -> String?) -> [String] {
    texts.flatMap { path, lines in
        lines.indices.compactMap { index in isViolation(lines[index]).map { "\(path):\(index + 1): \($0)" } }
    }
}

@Test func nothingIsLeftForLater() {
    let violations = places { line in
        unfinished.first { line.containsWord($0) }.map { "\($0)" }
    }
    expectNone(violations, advice: "Do it now, or write down elsewhere what is missing and take the remark out.")
}

@Test func noPathOfAnybodysMachineIsMentioned() {
    let violations = places { line in
        foreignPaths.first { path in
            line.ranges(of: path).contains { range in
                range.lowerBound == line.startIndex || !isPathCharacter(line[line.index(before: range.lowerBound)])
            }
        }.map { "the path \($0)" }
    }
    expectNone(violations, advice: "Use a path relative to the repository, or explain the thing in words.")
}

@Test func nothingTrapsWhereItCouldThrow() {
    let violations = (Repository.sources + Repository.tests).flatMap { source in
        traps.flatMap { trap in
            source.lines(withWord: trap).map { "\(source.path):\($0): \(trap)" }
        }
    }
    expectNone(
        violations,
        advice: "Use `try` and a typed error, or `as?` with a `guard`; `invariant` is for what only a bug can break."
    )
}

@Test func uncheckedSendabilityIsExplained() {
    let reasons = ["safe", "lock", "thread", "owned", "immutable", "event loop", "read-only", "mutex"]
    let violations = Repository.sources.flatMap { source in
        source.code.indices.filter { source.code[$0].contains(unchecked) }.compactMap { index -> String? in
            let above = source.lines[max(0, index - 3)..<index].filter { $0.drop { $0 == " " }.hasPrefix("//") }
            let isExplained = above.contains { line in reasons.contains { line.lowercased().contains($0) } }
            return isExplained ? nil : "\(source.path):\(index + 1): \(unchecked) without a reason"
        }
    }
    expectNone(
        violations,
        advice: "Say in the comment right above why sharing it is safe: who owns it, which lock guards it, "
            + "or that it never changes."
    )
}

private func isPathCharacter(_ character: Character) -> Bool {
    character.isLetter || character.isNumber || "_-./".contains(character)
}
