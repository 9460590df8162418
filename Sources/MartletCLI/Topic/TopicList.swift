import ArgumentParser
import MartletClient

/// `martlet topic list`. A value.
struct TopicList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List the topics.",
        discussion: """
            Examples:
              martlet topic list
              martlet topic list --json | jq -r '.[].name'
            """
    )

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var format: OutputOptions

    @Flag(help: "Include the topics that hold the cluster's own state.")
    var `internal` = false

    func run() async throws {
        try await Topic.withAdmin(connection) { admin, output in
            let topics = try await admin.listTopics(includingInternal: `internal`)
            if format.json {
                try output.line(JSON.array(topics.map(Self.json)))
                return
            }
            var table = Table([("NAME", .left), ("PARTITIONS", .right), ("REPLICAS", .right)])
            for topic in topics {
                table.add([topic.name, String(topic.partitions.count), topic.replicationFactor.map(String.init) ?? "-"])
            }
            for line in table.lines { try output.line(line) }
        }
    }

    private static func json(_ topic: TopicDescription) -> JSON {
        .object([
            "name": .string(topic.name),
            "id": .optional(topic.id) { .string($0) },
            "internal": .bool(topic.isInternal),
            "partitions": .int(topic.partitions.count),
            "replication_factor": .optional(topic.replicationFactor) { .int($0) },
        ])
    }
}

extension TopicDescription {
    /// On how many brokers each record is kept; nil if the topic has no partition.
    var replicationFactor: Int? { partitions.first.map(\.replicas.count) }
}
