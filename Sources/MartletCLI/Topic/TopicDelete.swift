import ArgumentParser
import MartletClient

/// `martlet topic delete`. A value.
struct TopicDelete: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete",
        abstract: "Delete topics with all their records.",
        discussion: """
            Examples:
              martlet topic delete orders
              martlet topic delete a b c --if-exists
            """
    )

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var format: OutputOptions

    @Argument(help: "The topics.", completion: .topics)
    var names: [String]

    @Flag(help: "Accept that a topic does not exist.")
    var ifExists = false

    func run() async throws {
        try await Topic.withAdmin(connection) { admin, output in
            var results: [JSON] = []
            var hasFailed = false
            for name in names {
                let isDeleted: Bool
                do throws(ClientError) {
                    try await admin.deleteTopic(name)
                    isDeleted = true
                } catch {
                    guard error.kind == .broker else { throw error }
                    isDeleted = false
                    if !(ifExists && error.kafkaName == "UNKNOWN_TOPIC_OR_PARTITION") {
                        hasFailed = true
                        StandardError.line("martlet: \(error.description)")
                    }
                }
                results.append(.object(["name": .string(name), "deleted": .bool(isDeleted)]))
                if !format.json { try output.line(isDeleted ? "deleted topic \(name)" : "topic \(name) not deleted") }
            }
            if format.json { try output.line(JSON.array(results)) }
            if hasFailed { throw ExitCode.failure }
        }
    }
}
