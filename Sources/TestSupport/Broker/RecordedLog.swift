package import Logging
import Model

/// Keeps the lines that are logged. Thread-safe.
package final class RecordedLog: Sendable {
    private let state = Locked<[String]>([])

    package init() {}

    /// A logger whose lines end up here.
    package var logger: Logger { Logger(label: "test") { _ in Handler(log: self) } }

    /// The lines so far, each with its level in front: `warning: …`.
    package var lines: [String] { state.withLock { $0 } }

    private struct Handler: LogHandler {
        let log: RecordedLog
        var logLevel = Logger.Level.trace
        var metadata: Logger.Metadata = [:]

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let line = "\(event.level): \(event.message)"
            log.state.withLock { $0.append(line) }
        }
    }
}
