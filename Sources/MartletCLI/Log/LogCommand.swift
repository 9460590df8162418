import ArgumentParser
import CommitLog

/// `martlet log`: a broker's files, looked at without a broker. Stateless.
struct LogCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "log",
        abstract: "Look into the files of a data directory, verify and repair them.",
        subcommands: [LogDump.self, LogVerify.self, LogRepair.self]
    )
}

extension InputError {
    init(_ error: LogError) { self.init(description: error.description) }
}
