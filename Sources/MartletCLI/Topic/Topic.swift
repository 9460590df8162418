import ArgumentParser
import MartletClient

/// `martlet topic`: everything about topics. Stateless.
struct Topic: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List, describe, explain, create, change, copy, back up and delete topics.",
        subcommands: [
            TopicList.self, TopicDescribe.self, TopicExplain.self, TopicCreate.self, TopicAlter.self,
            TopicAddPartitions.self, TopicTrim.self, TopicDelete.self, TopicCopy.self, TopicBackup.self,
            TopicRestore.self,
        ]
    )

    /// Runs a command with a connection that is closed afterwards.
    static func withAdmin(
        _ connection: ConnectionOptions,
        _ body: (Admin, StandardOutput) async throws -> Void
    ) async throws {
        try await Outcome.report {
            let admin = Admin(try connection.configuration())
            let output = StandardOutput()
            do {
                try await body(admin, output)
            } catch {
                try output.flush()
                await admin.close()
                throw error
            }
            try output.flush()
            await admin.close()
        }
    }
}

/// A `key=value` argument. A value.
struct KeyValue: ExpressibleByArgument, Equatable {
    let key: String
    let value: String

    init?(argument: String) {
        guard let equals = argument.firstIndex(of: "="), equals != argument.startIndex else { return nil }
        key = String(argument[..<equals])
        value = String(argument[argument.index(after: equals)...])
    }

    var defaultValueDescription: String { "\(key)=\(value)" }
}
