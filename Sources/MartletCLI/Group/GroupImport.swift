import ArgumentParser
import MartletClient

/// `martlet group import`. A value.
struct GroupImport: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Commit the offsets that 'martlet group export' wrote.",
        discussion: """
            Shows what would change; --execute does it. Refused while a group has members. Offsets outside of what a \
            partition holds become its beginning or end. Groups that do not exist come to be.

            Examples:
              martlet group import groups.json --execute
              martlet group import billing.csv --group billing-replay --execute
            """
    )

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var format: OutputOptions

    @Argument(help: "The file, CSV or JSON; - for standard input.", completion: .file())
    var file: String

    @Option(name: .shortAndLong, help: "The group to commit for: needed if the file does not name groups.")
    var group: String?

    @Flag(help: "Do it, rather than show it.")
    var execute = false

    func run() async throws {
        try await Topic.withAdmin(connection) { admin, output in
            var plans: [ResetPlan] = []
            for (name, offsets) in try await offsets().sorted(by: { $0.key < $1.key }) {
                let committed = try await admin.groupOffsets(of: name)
                let partitions = Array(offsets.keys)
                plans.append(
                    try await ResetPlan.make(name, .file(offsets), partitions, committed: committed, admin)
                )
            }
            try await ResetRun.run(plans, execute: execute, json: format.json, admin, output)
        }
    }

    /// What the file says, by group.
    private func offsets() async throws -> [String: [Partition: CommittedOffset]] {
        let entries = try await OffsetFile.read(file)
        if group != nil, Set(entries.map(\.group)).count > 1 {
            throw InputError(description: "\(file) has offsets of several groups: --group cannot stand for all of them")
        }
        var offsets: [String: [Partition: CommittedOffset]] = [:]
        for entry in entries {
            guard let name = group ?? entry.group else {
                throw InputError(description: "\(file) does not name the group: give --group")
            }
            offsets[name, default: [:]][entry.partition] = entry.committed
        }
        return offsets
    }
}
