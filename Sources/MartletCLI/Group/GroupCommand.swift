import ArgumentParser
import MartletClient

/// `martlet group`: everything about consumer groups. Stateless.
struct GroupCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "group",
        abstract: "List, describe, reset, export and delete consumer groups and their offsets.",
        subcommands: [
            GroupList.self, GroupDescribe.self, GroupMembers.self, GroupHistoryCommand.self, GroupReset.self,
            GroupExport.self, GroupImport.self,
            GroupDeleteOffsets.self, GroupDelete.self,
        ]
    )

    /// A group that has to exist.
    static func described(_ name: String, _ admin: Admin) async throws -> GroupDescription {
        // Throws the cluster's own error if there is none.
        let groups = try await admin.describeGroups([name])
        guard let group = groups.first else {
            throw InputError(description: "group '\(name)': the broker does not know it")
        }
        return group
    }
}

/// Why a group's offsets cannot be changed: it is in use. Stateless.
enum GroupActivity {
    /// Members that are named before the rest are only counted.
    private static let shown = 5

    /// Says who uses the group, and what can be done.
    static func refusal(_ group: GroupDescription) -> InputError {
        InputError(
            description:
                "group '\(group.id)' is active (\(group.state.name)), so only its members may change its offsets; "
                + "stop them first:\n" + members(group).map { "  " + $0 }.joined(separator: "\n")
        )
    }

    static func members(_ group: GroupDescription) -> [String] {
        var lines = group.members.prefix(shown).map { member in
            let instance = member.instanceID.map { ", instance '\($0)'" } ?? ""
            return "member \(member.id), client '\(member.clientID)' on host \(member.host)\(instance), "
                + "reading \(member.assignment.count) \(member.assignment.count == 1 ? "partition" : "partitions")"
        }
        if group.members.count > shown { lines.append("and \(group.members.count - shown) more") }
        return lines
    }
}
