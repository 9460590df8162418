import ArgumentParser
import MartletClient

extension CompletionKind {
    /// The names of the topics there are.
    static var topics: CompletionKind {
        .custom { words, _, _ in await NameCompletion.names(words) { try await $0.listTopics().map(\.name) } }
    }

    /// The ids of the groups there are.
    static var groups: CompletionKind {
        .custom { words, _, _ in await NameCompletion.names(words) { try await $0.listGroups().map(\.id) } }
    }
}

/// Asks the broker for names while a shell completes a command. Stateless.
enum NameCompletion {
    /// Whoever presses the tabulator does not wait for long.
    private static let patience = Duration.milliseconds(700)

    /// - Parameter words: The command as far as it is typed, which may say where the broker is.
    static func names(_ words: [String], _ ask: @Sendable (Admin) async throws -> [String]) async -> [String] {
        do {
            var configuration = try connection(in: words).configuration()
            configuration.connectTimeout = patience
            configuration.requestTimeout = patience
            configuration.operationTimeout = patience
            let admin = Admin(configuration)
            let outcome: Result<[String], any Error>
            do { outcome = .success(try await ask(admin)) } catch { outcome = .failure(error) }
            await admin.close()
            return try outcome.get()
        } catch {
            // Without a broker there is nothing to complete, and the line that is being typed is no place to say so.
            return []
        }
    }

    /// The options in what is typed that tell where the broker is.
    static func connection(in words: [String]) -> ConnectionOptions {
        // Nothing has parsed these, so every property has to be set.
        var connection = ConnectionOptions()
        connection.bootstrap = nil
        connection.verbose = false
        for (index, word) in words.enumerated() {
            if ["-b", "--bootstrap"].contains(word), index + 1 < words.count {
                connection.bootstrap = words[index + 1]
            } else if word.hasPrefix("--bootstrap=") {
                connection.bootstrap = String(word.dropFirst("--bootstrap=".count))
            }
        }
        return connection
    }
}
