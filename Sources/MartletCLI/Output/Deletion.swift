import ArgumentParser
import MartletClient

/// Deletes what is named, one after the other, and tells of each: what `topic delete` and `group delete` have in common. A
/// value.
struct Deletion {
    /// What is deleted, for people.
    let noun: String
    /// What its name stands under, for programs.
    let jsonKey: String
    /// The error, by Kafka's name, that is none here; nil if all are.
    let accepting: String?
    let json: Bool

    /// Goes on behind what the broker refuses, and fails in the end.
    ///
    /// - Parameter explain: Why something was not deleted.
    func run(
        _ names: [String],
        _ output: StandardOutput,
        _ delete: (String) async throws(ClientError) -> Void,
        explain: (String, ClientError) async throws -> String = { _, error in error.description }
    ) async throws {
        var results: [JSON] = []
        var hasFailed = false
        for name in names {
            let isDeleted: Bool
            do throws(ClientError) {
                try await delete(name)
                isDeleted = true
            } catch {
                guard error.kind == .broker else { throw error }
                isDeleted = false
                if accepting == nil || error.kafkaName != accepting {
                    hasFailed = true
                    StandardError.line("martlet: \(try await explain(name, error))")
                }
            }
            results.append(.object([jsonKey: .string(name), "deleted": .bool(isDeleted)]))
            if !json { try output.line(isDeleted ? "deleted \(noun) \(name)" : "\(noun) \(name) not deleted") }
        }
        if json { try output.line(JSON.array(results)) }
        if hasFailed { throw ExitCode.failure }
    }
}
