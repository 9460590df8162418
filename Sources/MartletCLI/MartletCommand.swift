import ArgumentParser
import Model

/// The command line's root: what `martlet` without arguments explains. Stateless.
struct MartletCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "martlet",
        abstract: "A Kafka-compatible broker, and the tools to use one.",
        discussion: """
            To begin with: 'martlet serve' in one terminal, then in another
              echo hello | martlet produce greetings
              martlet consume greetings -e
              martlet topic list

            Exit status:
            \(ExitStatus.table.joined(separator: "\n"))

            Environment:
              MARTLET_BOOTSTRAP  the broker's address for all commands but serve, unless --bootstrap is given
              MARTLET_…          settings for serve: MARTLET_LOG_DIRS stands for log.dirs
              NO_COLOR           no colours, even on a terminal

            Shell completion: martlet completion --help. Manual page: martlet man | man -l -
            """,
        version: "martlet \(Version.current)",
        subcommands: [
            Serve.self, Topic.self, Produce.self, Consume.self, GroupCommand.self, Retention.self, Compact.self,
            HealthCommand.self, DoctorCommand.self, BenchCommand.self, LogCommand.self, CompletionCommand.self,
            ManualCommand.self,
        ]
    )
}

/// Where the executable enters. Stateless.
package enum CommandLineEntry {
    /// Runs the command that the process's arguments ask for, and ends the process with its status.
    package static func run() async { await MartletCommand.main() }
}
