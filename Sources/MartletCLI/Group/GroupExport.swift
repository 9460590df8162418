import ArgumentParser
import MartletClient

/// `martlet group export`. A value.
struct GroupExport: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write groups' committed offsets, to be kept or moved elsewhere.",
        discussion: """
            Without --json, lines of topic,partition,offset as kafka-consumer-groups has them; with several groups, the \
            group comes first. JSON also has the metadata and leader epochs of the commits.

            Examples:
              martlet group export billing > billing.csv
              martlet group export --all --json > groups.json
            """
    )

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var format: OutputOptions

    @Argument(help: "The groups.", completion: .groups)
    var names: [String] = []

    @Flag(help: "All groups.")
    var all = false

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp("Only a topic, or some of its partitions; may be repeated.", valueName: "topic[:0,2-5]")
    )
    var topic: [PartitionSelection] = []

    func validate() throws {
        if names.isEmpty != all {
            throw ValidationError(all ? "--all leaves no choice of groups" : "name groups, or --all")
        }
    }

    func run() async throws {
        try await Topic.withAdmin(connection) { admin, output in
            let wanted = all ? try await admin.listGroups().map(\.id) : names
            var entries: [OffsetEntry] = []
            for group in wanted {
                let offsets = try await admin.groupOffsets(of: group)
                // Nothing committed is an answer, no such group is a mistake.
                if offsets.isEmpty { _ = try await GroupCommand.described(group, admin) }
                for (partition, committed) in offsets.sorted(by: { $0.key < $1.key })
                where topic.isEmpty || topic.contains(where: { $0.contains(partition) }) {
                    entries.append(OffsetEntry(group: group, partition: partition, committed: committed))
                }
            }
            if format.json { return try output.line(OffsetFile.json(entries)) }
            for line in OffsetFile.csv(entries, withGroups: all || names.count > 1) { try output.line(line) }
        }
    }
}
