import ArgumentParser
import Testing

@testable import MartletCLI

@Suite struct ManualPageTests {
    @Test(arguments: ["", "{}", "[]", "no JSON"])
    func whatIsNoDumpIsRefused(text: String) {
        #expect(throws: JSON.Problem.self) { try CommandDump(parsing: text) }
    }

    @Test func roffTakesTextLiterally() {
        #expect(ManualPage.escaped(#".x -'\n~^`…"#) == #"\&.x \-\(aq\en\(ti\(ha\(ga\[u2026]"#)
    }

    @Test func everyCommandAndOptionIsOnThePage() throws {
        let dump = try CommandDump(parsing: MartletCommand._dumpHelp())
        #expect(dump.leaves.count > 20)
        let page = try ManualCommand.page()
        for command in dump.leaves {
            #expect(page.contains(".SS martlet \(ManualPage.escaped(command.path))\n"))
            for argument in command.arguments { #expect(page.contains(".B \(ManualPage.escaped(argument.form))\n")) }
        }
        for status in ExitStatus.allCases { #expect(page.contains(".B \(status.rawValue)\n")) }
    }

    @Test func everyCommandHasExamplesThatAreItsOwn() throws {
        for command in try CommandDump(parsing: MartletCommand._dumpHelp()).leaves {
            let examples = command.discussion.split(separator: "\n").filter { $0.hasPrefix("  ") }
            #expect(command.discussion.contains("Examples:\n"), "\(command.path)")
            #expect(examples.contains { $0.contains("martlet \(command.path)") }, "\(command.path)")
        }
    }

    /// The tests of the clients run commands and look at their status; here every example is parsed.
    @Test func everyExampleIsUnderstood() throws {
        for command in try CommandDump(parsing: MartletCommand._dumpHelp()).leaves {
            for line in command.discussion.split(separator: "\n") where line.hasPrefix("  ") {
                for words in Shell.commands(String(line)) {
                    #expect(throws: Never.self, "\(line)") { _ = try MartletCommand.parseAsRoot(words) }
                }
            }
        }
    }
}

/// As much of a shell as examples need. Stateless.
private enum Shell {
    /// The arguments of each `martlet` in a line.
    static func commands(_ line: String) -> [[String]] {
        var commands: [[String]] = [[]]
        var word: String?
        var quote: Character?
        for character in line + "\n" {
            if character == quote {
                quote = nil
            } else if quote != nil {
                word?.append(character)
            } else {
                switch character {
                case "'", "\"": (quote, word) = (character, word ?? "")
                case " ", "\n", "|", ";", ">", "<", "(", ")":
                    if let done = word { commands[commands.count - 1].append(done) }
                    word = nil
                    if character != " " { commands.append([]) }
                default: word = (word ?? "") + String(character)
                }
            }
        }
        return commands.compactMap { words in words.first == "martlet" ? Array(words.dropFirst()) : nil }
    }
}
