import ArgumentParser
import MartletClient

/// `martlet topic alter`. A value.
struct TopicAlter: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "alter",
        abstract: "Change a topic's configuration.",
        discussion: """
            Either all changes are made, or none.

            Examples:
              martlet topic alter orders --set retention.ms=86400000
              martlet topic alter orders --set cleanup.policy=compact --delete retention.ms
            """
    )

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var format: OutputOptions

    @Argument(help: "The topic.", completion: .topics)
    var name: String

    @Option(help: ArgumentHelp("Set a configuration, by Kafka's name; may be repeated.", valueName: "key=value"))
    var set: [KeyValue] = []

    @Option(help: ArgumentHelp("Go back to the default; may be repeated.", valueName: "key"))
    var delete: [String] = []

    func validate() throws {
        if set.isEmpty, delete.isEmpty {
            throw ValidationError("nothing to change: give --set key=value or --delete key")
        }
    }

    func run() async throws {
        try await Topic.withAdmin(connection) { admin, output in
            let changes =
                set.map { ConfigChange.set(name: $0.key, value: $0.value) }
                + delete.map { ConfigChange.delete(name: $0) }
            try await admin.alterConfigs(.topic(name), changes)
            if format.json {
                try output.line(
                    JSON.object([
                        "name": .string(name),
                        "set": .object(set.map { JSON.Field($0.key, .string($0.value)) }),
                        "deleted": .array(delete.map { .string($0) }),
                    ])
                )
                return
            }
            try output.line("changed topic \(name)")
        }
    }
}
