import ArgumentParser
import Model

/// `martlet man`: writes the manual page, which is made of the help of all commands. A value.
struct ManualCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "man",
        abstract: "Write the manual page of all commands.",
        discussion: """
            Examples:
              martlet man | man -l -
              martlet man > /usr/local/share/man/man1/martlet.1
            """
    )

    func run() async throws {
        try await Outcome.report {
            let output = StandardOutput()
            try output.write(try Self.page())
            try output.flush()
        }
    }

    static func page() throws(JSON.Problem) -> String {
        let root = try CommandDump(parsing: MartletCommand._dumpHelp())
        return ManualPage.text(root, version: "martlet \(Version.current)")
    }
}
