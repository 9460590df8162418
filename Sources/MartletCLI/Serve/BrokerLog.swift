import Glibc
import Logging
import Synchronization

/// Writes log lines to standard error: UTC time, level, message. Immutable but for its level; thread-safe.
///
/// A line is one write(2), so that lines of several threads do not mix. Control characters in messages are escaped:
/// they may come from a client.
struct BrokerLog: LogHandler {
    var logLevel = Logger.Level.info
    var metadata: Logger.Metadata = [:]

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let extra = metadata.merging(event.metadata ?? [:]) { $1 }
        let fields = extra.sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
        let level = "\(event.level)".uppercased()
        let padding = String(repeating: " ", count: max(0, 7 - level.count))
        let line = Self.time() + " " + level + padding + " " + Self.escaped("\(event.message)\(fields)") + "\n"
        var bytes = Array(line.utf8)
        _ = write(STDERR_FILENO, &bytes, bytes.count)
    }

    private static func time() -> String {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        var parts = tm()
        gmtime_r(&now.tv_sec, &parts)
        func two(_ number: CInt) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let milliseconds = String(now.tv_nsec / 1_000_000)
        return "\(parts.tm_year + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))T"
            + "\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec))."
            + String(repeating: "0", count: 3 - milliseconds.count) + milliseconds + "Z"
    }

    private static func escaped(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7f }) else { return text }
        return text.unicodeScalars.map { scalar in
            scalar.value < 0x20 || scalar.value == 0x7f ? "\\u{\(String(scalar.value, radix: 16))}" : String(scalar)
        }.joined()
    }
}
