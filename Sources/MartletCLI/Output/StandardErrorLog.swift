import Logging

/// Shows what the client reports on its own, such as lost connections, on standard error. Immutable but for its level.
struct StandardErrorLog: LogHandler {
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let details = metadata.merging(event.metadata ?? [:]) { _, new in new }
            .sorted { $0.key < $1.key }
            .map { "\($0.key): \($0.value)" }
            .joined(separator: ", ")
        StandardError.line("martlet: \(event.level): \(event.message)" + (details.isEmpty ? "" : " (\(details))"))
    }
}
