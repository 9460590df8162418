import ArgumentParser
import MartletClient

/// `martlet topic create`. A value.
struct TopicCreate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create",
        abstract: "Create a topic.",
        discussion: """
            Examples:
              martlet topic create orders --partitions 6
              martlet topic create users --config cleanup.policy=compact --if-not-exists
            """
    )

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var format: OutputOptions

    @Argument(help: "The topic's name: letters, digits, '.', '_' and '-'.")
    var name: String

    @Option(help: "How many partitions (default: the broker's num.partitions).")
    var partitions: Int32?

    @Option(help: "On how many brokers to keep each record (default: the broker's default.replication.factor).")
    var replicationFactor: Int16?

    @Option(help: ArgumentHelp("A configuration by Kafka's name; may be repeated.", valueName: "key=value"))
    var config: [KeyValue] = []

    @Flag(help: "Accept a topic of this name that exists already, as it is.")
    var ifNotExists = false

    func validate() throws {
        if let partitions, partitions < 1 {
            throw ValidationError("--partitions is \(partitions), but a topic has at least 1")
        }
        if let replicationFactor, replicationFactor < 1 {
            throw ValidationError("--replication-factor is \(replicationFactor), but must be at least 1")
        }
    }

    func run() async throws {
        try await Topic.withAdmin(connection) { admin, output in
            let topic = NewTopic(
                name: name,
                partitions: partitions,
                replicationFactor: replicationFactor,
                configs: Dictionary(config.map { ($0.key, $0.value) }, uniquingKeysWith: { _, last in last })
            )
            do {
                try show(try await admin.createTopic(topic), wasCreated: true, output)
            } catch let error as ClientError where ifNotExists && error.kafkaName == "TOPIC_ALREADY_EXISTS" {
                let existing = try await admin.describeTopic(name)
                let known = CreatedTopic(existing)
                try show(known, wasCreated: false, output)
            }
        }
    }

    private func show(_ topic: CreatedTopic, wasCreated: Bool, _ output: StandardOutput) throws {
        if format.json {
            try output.line(
                JSON.object([
                    "name": .string(topic.name),
                    "id": .optional(topic.id) { .string($0) },
                    "partitions": .optional(topic.partitions) { .int($0) },
                    "replication_factor": .optional(topic.replicationFactor) { .int($0) },
                    "created": .bool(wasCreated),
                ])
            )
            return
        }
        let size = topic.partitions.map { " with \($0) \($0 == 1 ? "partition" : "partitions")" } ?? ""
        try output.line(wasCreated ? "created topic \(topic.name)\(size)" : "topic \(topic.name) exists\(size)")
    }
}

extension CreatedTopic {
    /// What would have been said of a topic that was there before.
    fileprivate init(_ existing: TopicDescription) {
        self.init(
            name: existing.name,
            id: existing.id,
            partitions: Int32(clamping: existing.partitions.count),
            replicationFactor: existing.replicationFactor.map { Int16(clamping: $0) }
        )
    }
}
