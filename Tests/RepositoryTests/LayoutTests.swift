import Testing

private let topLevel: Set<String> = ["Package.swift", "README.md", "Sources", "Tests", "config", "scripts"]

@Test func topLevelHoldsOnlyWhatEverybodyLooksFor() {
    let violations = Repository.list("").filter { !$0.hasPrefix(".") && !topLevel.contains($0) }
    expectNone(
        violations.map { "\($0) lies at the top level" },
        advice: "Put it into Sources, Tests, scripts or config; if it is made by a tool, add it to .gitignore."
    )
}

@Test func scriptsThatAreRunCanBeRunAndStopAtTheFirstError() {
    let paths = Repository.files(in: "scripts") + Repository.files(in: ".ci")
    let violations = paths.flatMap { path -> [String] in
        let lines = (Repository.read(path) ?? "").split(separator: "\n").map(String.init)
        // A file without a shebang is sourced by others, which have set their options already.
        guard let shebang = lines.first, shebang.hasPrefix("#!") else { return [] }
        let executable = Repository.isExecutable(path) ? [] : ["\(path) is not executable"]
        guard shebang.hasSuffix("sh") else { return executable }
        let first = lines.first { !$0.hasPrefix("#") && !$0.allSatisfy(\.isWhitespace) }
        return executable + (first == "set -euo pipefail" ? [] : ["\(path) does not begin with: set -euo pipefail"])
    }
    expectNone(violations, advice: "chmod +x the script, and make `set -euo pipefail` its first command.")
}
