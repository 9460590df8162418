import ArgumentParser
import MartletClient

/// `martlet topic add-partitions`. A value.
struct TopicAddPartitions: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add-partitions",
        abstract: "Raise a topic's number of partitions.",
        discussion: """
            New records with a key may go to another partition than those before, so that their order is not kept. \
            Partitions cannot be taken away again.

            Examples:
              martlet topic add-partitions orders --partitions 12
            """
    )

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var format: OutputOptions

    @Argument(help: "The topic.", completion: .topics)
    var name: String

    @Option(help: "How many partitions it has afterwards.")
    var partitions: Int32

    func run() async throws {
        try await Topic.withAdmin(connection) { admin, output in
            try await admin.addPartitions(topic: name, upTo: partitions)
            if format.json {
                try output.line(JSON.object(["name": .string(name), "partitions": .int(partitions)]))
            } else {
                try output.line("topic \(name) has \(partitions) partitions")
            }
        }
    }
}
