/// Where a broker listens: a host name or IP address, and a port. Immutable.
public struct BrokerAddress: Hashable, Sendable, CustomStringConvertible {
    /// A name that DNS resolves, an IPv4 address, or an IPv6 address without brackets.
    public let host: String
    /// The TCP port, 1 to 65535.
    public let port: Int

    /// The port that Kafka's brokers use unless told otherwise.
    public static let defaultPort = 9092

    /// An address by its parts.
    public init(host: String, port: Int = BrokerAddress.defaultPort) {
        self.host = host
        self.port = port
    }

    /// Reads `host`, `host:port`, `[v6]` or `[v6]:port`. Throws ``ClientError`` if `text` is none of these.
    public init(parsing text: String) throws(ClientError) {
        let (host, port) = try Self.split(text)
        guard !host.isEmpty else {
            throw ClientError(.invalidArgument, "broker address '\(text)' has no host", hint: Self.form)
        }
        guard let port else {
            self.init(host: host)
            return
        }
        guard let number = Int(port), (1...65535).contains(number) else {
            throw ClientError(
                .invalidArgument,
                "broker address '\(text)': port '\(port)' is not a number from 1 to 65535",
                hint: Self.form
            )
        }
        self.init(host: host, port: number)
    }

    /// Reads a list of addresses separated by commas, as `bootstrap.servers` is written.
    public static func list(parsing text: String) throws(ClientError) -> [BrokerAddress] {
        var addresses: [BrokerAddress] = []
        for part in text.split(separator: ",") {
            let trimmed = String(part.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
            if !trimmed.isEmpty { addresses.append(try BrokerAddress(parsing: trimmed)) }
        }
        guard !addresses.isEmpty else {
            throw ClientError(.invalidArgument, "no broker address given", hint: form)
        }
        return addresses
    }

    /// `host:port`, with brackets around an IPv6 address.
    public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    private static let form = "write host:port, for example 127.0.0.1:9092 or [::1]:9092"

    private static func split(_ text: String) throws(ClientError) -> (host: String, port: String?) {
        if text.hasPrefix("[") {
            guard let close = text.firstIndex(of: "]") else {
                throw ClientError(.invalidArgument, "broker address '\(text)' lacks the ']'", hint: form)
            }
            let host = String(text[text.index(after: text.startIndex)..<close])
            let rest = text[text.index(after: close)...]
            if rest.isEmpty { return (host, nil) }
            guard rest.hasPrefix(":") else {
                throw ClientError(.invalidArgument, "broker address '\(text)': '\(rest)' after the ']'", hint: form)
            }
            return (host, String(rest.dropFirst()))
        }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        switch parts.count {
        case 1: return (text, nil)
        case 2: return (String(parts[0]), String(parts[1]))
        default:
            throw ClientError(
                .invalidArgument,
                "broker address '\(text)' is ambiguous: an IPv6 address needs brackets",
                hint: form
            )
        }
    }
}
