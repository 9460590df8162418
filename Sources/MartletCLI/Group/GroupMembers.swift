import ArgumentParser
import MartletClient

/// `martlet group members`. A value.
struct GroupMembers: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "members",
        abstract: "Show who is in a group, and what each reads.",
        discussion: """
            Examples:
              martlet group members billing
              martlet group members billing --json | jq '.[0].members[].host'
            """
    )

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var format: OutputOptions

    @Argument(help: "The groups.", completion: .groups)
    var names: [String]

    func run() async throws {
        try await Topic.withAdmin(connection) { admin, output in
            let groups = try await admin.describeGroups(names)
            if format.json {
                try output.line(JSON.array(groups.map(Self.json)))
                return
            }
            for (index, group) in groups.enumerated() {
                if index > 0 { try output.line("") }
                for line in Self.lines(group) { try output.line(line) }
            }
        }
    }

    static func lines(_ group: GroupDescription) -> [String] {
        let assignor = group.assignor.map { ", assignor \($0)" } ?? ""
        let title =
            "Group \(group.id): \(group.state.name) (\(group.type.name)\(assignor)), \(group.members.count) members"
        if group.members.isEmpty { return [title] }
        var table = Table([
            ("MEMBER", .left), ("INSTANCE", .left), ("CLIENT", .left), ("HOST", .left), ("COUNT", .right),
            ("PARTITIONS", .left), ("SUBSCRIBED", .left),
        ])
        for member in group.members {
            table.add([
                member.id, member.instanceID ?? "-", member.clientID, member.host, String(member.assignment.count),
                member.assignment.isEmpty ? "-" : PartitionSelection.text(member.assignment),
                member.subscription.isEmpty ? "-" : member.subscription.joined(separator: ","),
            ])
        }
        return [title, ""] + table.lines
    }

    private static func json(_ group: GroupDescription) -> JSON {
        .object(group.jsonFields + [JSON.Field("members", .array(group.members.map(json)))])
    }

    private static func json(_ member: GroupDescription.Member) -> JSON {
        .object([
            "member_id": .string(member.id),
            "instance_id": .optional(member.instanceID) { .string($0) },
            "client_id": .string(member.clientID),
            "host": .string(member.host),
            "subscription": .array(member.subscription.map { .string($0) }),
            "partitions": .array(
                member.assignment.map { .object(["topic": .string($0.topic), "partition": .int($0.index)]) }
            ),
        ])
    }
}

extension GroupDescription {
    /// What each verb says of a group in front of its own.
    var jsonFields: [JSON.Field] {
        [
            JSON.Field("group", .string(id)),
            JSON.Field("type", .string(type.name)),
            JSON.Field("state", .string(state.name)),
            JSON.Field("protocol_type", .string(protocolType)),
            JSON.Field("assignor", .optional(assignor) { .string($0) }),
            JSON.Field("coordinator", .int(coordinator)),
        ]
    }
}
