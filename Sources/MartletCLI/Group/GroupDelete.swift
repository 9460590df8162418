import ArgumentParser
import MartletClient

/// `martlet group delete`. A value.
struct GroupDelete: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete",
        abstract: "Delete groups with all they have committed.",
        discussion: """
            Refused while a group has members. 'martlet group export' keeps the offsets.

            Examples:
              martlet group delete billing-test
              martlet group delete a b c --if-exists
            """
    )

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var format: OutputOptions

    @Argument(help: "The groups.")
    var names: [String]

    @Flag(help: "Accept that a group does not exist.")
    var ifExists = false

    func run() async throws {
        try await Topic.withAdmin(connection) { admin, output in
            let deletion = Deletion(
                noun: "group",
                jsonKey: "group",
                accepting: ifExists ? "GROUP_ID_NOT_FOUND" : nil,
                json: format.json
            )
            try await deletion.run(names, output) { name throws(ClientError) in
                try await admin.deleteGroup(name)
            } explain: { name, error in
                try await reason(name, error, admin)
            }
        }
    }

    private func reason(_ name: String, _ error: ClientError, _ admin: Admin) async throws -> String {
        guard error.kafkaName == "NON_EMPTY_GROUP", let group = try await admin.describeGroup(name) else {
            return error.description
        }
        return ([error.description] + GroupActivity.members(group).map { "  " + $0 }).joined(separator: "\n")
    }
}
