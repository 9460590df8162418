import ArgumentParser
import MartletClient

/// `martlet group delete-offsets`. A value.
struct GroupDeleteOffsets: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete-offsets",
        abstract: "Delete what a group has committed for some topics.",
        discussion: """
            The group's consumers then begin there as they do without a commit (auto.offset.reset). Refused for topics \
            that members of the group read.

            Examples:
              martlet group delete-offsets billing --topic old-orders
              martlet group delete-offsets billing --topic orders:3,5-7
            """
    )

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var format: OutputOptions

    @Argument(help: "The group.", completion: .groups)
    var name: String

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp("A topic, or some of its partitions; may be repeated.", valueName: "topic[:0,2-5]")
    )
    var topic: [PartitionSelection]

    func validate() throws {
        if topic.isEmpty { throw ValidationError("say which topics: --topic NAME or --topic NAME:0,2-5") }
    }

    func run() async throws {
        try await Topic.withAdmin(connection) { admin, output in
            _ = try await GroupCommand.described(name, admin)
            // What is committed, not what exists: the topic may be gone.
            let committed = try await admin.groupOffsets(of: name)
            let partitions = committed.keys.filter { partition in topic.contains { $0.contains(partition) } }.sorted()
            if partitions.isEmpty { throw InputError(description: "group '\(name)' has committed nothing there") }
            let refused = try await admin.deleteGroupOffsets(of: name, partitions)
            for partition in partitions {
                if let error = refused[partition] { StandardError.line("martlet: \(error.description)") }
                guard !format.json, refused[partition] == nil else { continue }
                let offset = committed[partition].map { " (it was \($0.offset))" } ?? ""
                try output.line("deleted the offset of topic \(partition.topic) partition \(partition.index)\(offset)")
            }
            if format.json { try output.line(json(partitions, committed, refused)) }
            if !refused.isEmpty { throw ExitCode.failure }
        }
    }

    private func json(
        _ partitions: [Partition],
        _ committed: [Partition: CommittedOffset],
        _ refused: [Partition: ClientError]
    ) -> JSON {
        .object([
            "group": .string(name),
            "partitions": .array(
                partitions.map { partition in
                    .object([
                        "topic": .string(partition.topic),
                        "partition": .int(partition.index),
                        "offset": .optional(committed[partition]) { .int($0.offset) },
                        "deleted": .bool(refused[partition] == nil),
                        "error": .optional(refused[partition]) { .string($0.message) },
                    ])
                }
            ),
        ])
    }
}
