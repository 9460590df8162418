import Foundation
import Testing

private let readmeExists = Repository.exists("README.md")
private let readme = Repository.read("README.md") ?? ""

/// The lines between `<!-- name:begin -->` and `<!-- name:end -->`; nil if a marker is missing.
private func markedSection(_ name: String) -> (lines: [String], range: Range<String.Index>)? {
    guard let begin = readme.range(of: "<!-- \(name):begin -->\n"), let end = readme.range(of: "<!-- \(name):end -->"),
        begin.upperBound <= end.lowerBound
    else { return nil }
    let range = begin.upperBound..<end.lowerBound
    return (readme[range].split(separator: "\n").map(String.init), range)
}

@Test(.enabled(if: readmeExists, "there is no README yet"))
func readmesTableOfAPIsIsWhatTheCodeSays() throws {
    let section = try #require(
        markedSection("apis"),
        "README.md needs the lines <!-- apis:begin --> and <!-- apis:end --> around its table of APIs"
    )
    if section.lines == APIInventory.table { return }
    if ProcessInfo.processInfo.environment["MARTLET_WRITE_README"] == "1" {
        let table = "\n" + APIInventory.table.joined(separator: "\n") + "\n\n"
        let text = readme.replacingCharacters(in: section.range, with: table)
        try text.write(to: Repository.root.appending(path: "README.md"), atomically: true, encoding: .utf8)
        return
    }
    let advice = "Run `MARTLET_WRITE_README=1 swift test --filter RepositoryTests` to write it anew."
    let missing = APIInventory.table.filter { !section.lines.contains($0) }.map { "README.md lacks the row: \($0)" }
    let stray = section.lines.filter { !APIInventory.table.contains($0) }.map { "README.md has the stray row: \($0)" }
    expectNone(missing + stray, advice: advice)
    if missing.isEmpty, stray.isEmpty { expectNone(["README.md has the rows in another order"], advice: advice) }
}

@Test(.enabled(if: readmeExists, "there is no README yet"))
func readmesMapNamesEveryDirectoryOfSources() throws {
    let section = try #require(
        markedSection("sources"),
        "README.md needs the lines <!-- sources:begin --> and <!-- sources:end --> around its map of Sources"
    )
    let named = section.lines.flatMap { row -> [String] in
        guard row.hasPrefix("|"), let cell = row.split(separator: "|").first else { return [] }
        // Every second piece of the first cell is between backticks.
        return cell.split(separator: "`", omittingEmptySubsequences: false).enumerated()
            .filter { !$0.offset.isMultiple(of: 2) }.map { String($0.element) }
    }
    let directories = Set(Repository.list("Sources"))
    let missing = directories.subtracting(named).map { "README.md's map of Sources lacks \($0)" }
    let stray = Set(named).subtracting(directories).map { "README.md's map of Sources has \($0), which is not there" }
    expectNone((missing + stray).sorted(), advice: "Give each directory a row: | `Name` | what lives there |.")
}

@Test(.enabled(if: readmeExists, "there is no README yet"))
func scriptsTheReadmeNamesCanBeRun() {
    let names = Set(readme.matches(of: /scripts\/[A-Za-z0-9_-]+/).map { String($0.output) })
    expectNone(
        names.filter { !Repository.isExecutable($0) }.sorted().map { "README.md names \($0), which cannot be run" },
        advice: "Correct the name in README.md, write the script, or chmod +x it."
    )
}

@Test(.enabled(if: readmeExists, "there is no README yet"))
func readmesExampleIsTheProgramThatIsBuilt() throws {
    let begin = try #require(readme.range(of: "<!-- example:begin -->\n```swift\n"))
    let end = try #require(readme.range(of: "```\n<!-- example:end -->"))
    let program = try #require(Repository.read("config/example/Orders.swift"))
    #expect(
        readme[begin.upperBound..<end.lowerBound] == program[...],
        "Copy config/example/Orders.swift between the markers in README.md"
    )
}
