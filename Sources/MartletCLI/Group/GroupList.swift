import ArgumentParser
import MartletClient

/// `martlet group list`. A value.
struct GroupList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List the groups.",
        discussion: """
            Examples:
              martlet group list
              martlet group list --state stable --state empty --type classic --json

            States: \(GroupState.known.map(\.name).joined(separator: ", ")). Types: classic, consumer.
            """
    )

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var format: OutputOptions

    @Option(help: ArgumentHelp("Only groups in this state; may be repeated.", valueName: "state"))
    var state: [GroupStateOption] = []

    @Option(help: ArgumentHelp("Only groups of this type; may be repeated.", valueName: "classic|consumer"))
    var type: [GroupTypeOption] = []

    func run() async throws {
        try await Topic.withAdmin(connection) { admin, output in
            let groups = try await admin.listGroups(states: state.map(\.state), types: type.map(\.type))
            if format.json {
                try output.line(JSON.array(groups.map(Self.json)))
                return
            }
            var table = Table([
                ("GROUP", .left), ("TYPE", .left), ("STATE", .left), ("PROTOCOL TYPE", .left),
                ("COORDINATOR", .right),
            ])
            for group in groups {
                table.add([
                    group.id, group.type?.name ?? "-", group.state?.name ?? "-",
                    group.protocolType.isEmpty ? "-" : group.protocolType, String(group.coordinator),
                ])
            }
            for line in table.lines { try output.line(line) }
        }
    }

    private static func json(_ group: GroupListing) -> JSON {
        .object([
            "group": .string(group.id),
            "type": .optional(group.type) { .string($0.name) },
            "state": .optional(group.state) { .string($0.name) },
            "protocol_type": .string(group.protocolType),
            "coordinator": .int(group.coordinator),
        ])
    }
}

/// A state as people type it: only those that exist, as a filter that nothing passes would look like an answer. A value.
struct GroupStateOption: ExpressibleByArgument, Equatable {
    let state: GroupState

    init?(argument: String) {
        state = GroupState(name: argument)
        guard GroupState.known.contains(state) else { return nil }
    }
}

/// A type as people type it. A value.
struct GroupTypeOption: ExpressibleByArgument, Equatable {
    let type: GroupType

    init?(argument: String) {
        type = GroupType(name: argument)
        if case .other = type { return nil }
    }
}
