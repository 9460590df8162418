import ArgumentParser
import Model

/// The command line's root: what `martlet` without arguments explains. Stateless.
struct MartletCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "martlet",
        abstract: "A Kafka-compatible broker, and the tools to use one.",
        discussion: """
            Exit status: 0 if all went well, 1 if something failed (the reason is on standard error), 64 if the command \
            was written wrongly.

            Environment: MARTLET_BOOTSTRAP is the broker's address for all commands but serve, unless --bootstrap is given.

            Shell completion: martlet --generate-completion-script bash|zsh|fish, for example
              martlet --generate-completion-script bash > /etc/bash_completion.d/martlet
            """,
        version: "martlet \(Version.current)",
        subcommands: [
            Serve.self, Topic.self, Produce.self, Consume.self, GroupCommand.self, Retention.self, Compact.self,
            HealthCommand.self,
            LogCommand.self,
        ]
    )
}

/// Where the executable enters. Stateless.
package enum CommandLineEntry {
    /// Runs the command that the process's arguments ask for, and ends the process with its status.
    package static func run() async { await MartletCommand.main() }
}
