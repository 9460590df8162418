import ArgumentParser
import MartletClient

/// `martlet topic delete`. A value.
struct TopicDelete: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete",
        abstract: "Delete topics with all their records."
    )

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var format: OutputOptions

    @Argument(help: "The topics.")
    var names: [String]

    @Flag(help: "Accept that a topic does not exist.")
    var ifExists = false

    func run() async throws {
        try await Topic.withAdmin(connection) { admin, output in
            let deletion = Deletion(
                noun: "topic",
                jsonKey: "name",
                accepting: ifExists ? "UNKNOWN_TOPIC_OR_PARTITION" : nil,
                json: format.json
            )
            try await deletion.run(names, output) { name throws(ClientError) in try await admin.deleteTopic(name) }
        }
    }
}
