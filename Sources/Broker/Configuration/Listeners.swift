/// A host and a port. Immutable.
package struct Endpoint: Hashable, Sendable, CustomStringConvertible {
    /// A name or an address; empty for every interface. IPv6 without brackets.
    package let host: String
    package let port: UInt16

    package init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// Reads `host:port`, `[::1]:9092` or `:9092`; nil if `text` is none of these.
    package init?(_ text: some StringProtocol) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            return nil
        }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
            guard host.contains(":") else { return nil }
        } else if host.contains(":") {
            return nil
        }
        guard host.utf8.allSatisfy(Self.isAllowed) else { return nil }
        self.init(host: String(host), port: port)
    }

    package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    /// Whether the host stands for every interface, which nobody can connect to.
    var isWildcard: Bool { host.isEmpty || host == "0.0.0.0" || host == "::" }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"),
            UInt8(ascii: ":"), UInt8(ascii: "%"):
            true
        default: false
        }
    }
}

/// How a listener's connections are protected, with Kafka's names. Immutable.
package enum SecurityProtocol: String, CaseIterable, Sendable {
    case plaintext = "PLAINTEXT"
    case ssl = "SSL"
    case saslPlaintext = "SASL_PLAINTEXT"
    case saslSSL = "SASL_SSL"

    /// Those that work.
    static let supported: [SecurityProtocol] = [.plaintext]
}

/// One address the broker listens on. Immutable.
package struct Listener: Equatable, Sendable {
    package let name: String
    package let securityProtocol: SecurityProtocol
    /// Port 0 is any free port.
    package let endpoint: Endpoint
    /// What clients of this listener are told to connect to; nil: the address each has connected to.
    package let advertised: Endpoint?
}

/// Reads listeners from their three configurations.
enum Listeners {
    /// More than anybody needs; keeps a slip in a file from opening a thousand sockets.
    static let maximumCount = 32

    /// The listeners of parsed and valid configurations, or what does not fit together.
    static func resolve(
        listeners: [String],
        advertised: [String],
        protocolMap: [String]
    ) throws(ConfigurationError) -> [Listener] {
        let protocols = Dictionary(protocolMap.compactMap(protocolEntry), uniquingKeysWith: { first, _ in first })
        let advertisedByName = Dictionary(advertised.compactMap(entry), uniquingKeysWith: { first, _ in first })
        var resolved: [Listener] = []
        for (name, endpoint) in listeners.compactMap(entry) {
            let securityProtocol = try check(protocols[name] ?? SecurityProtocol(rawValue: name), of: name)
            resolved.append(
                Listener(
                    name: name,
                    securityProtocol: securityProtocol,
                    endpoint: endpoint,
                    advertised: advertisedByName[name]
                )
            )
        }
        if let stray = advertised.compactMap(entry).first(where: { name, _ in !resolved.contains { $0.name == name } })
        {
            throw ConfigurationError(
                .conflict("advertised.listeners names \(stray.0), which is not one of the listeners in listeners")
            )
        }
        return resolved
    }

    private static func check(
        _ securityProtocol: SecurityProtocol?,
        of name: String
    ) throws(ConfigurationError) -> SecurityProtocol {
        guard let securityProtocol else {
            throw ConfigurationError(
                .conflict(
                    "The listener \(name) has no security protocol: name it after one "
                        + "(\(names(of: SecurityProtocol.supported))) or add \(name):PLAINTEXT to "
                        + "listener.security.protocol.map"
                )
            )
        }
        guard SecurityProtocol.supported.contains(securityProtocol) else {
            throw ConfigurationError(
                .conflict(
                    "The listener \(name) asks for \(securityProtocol.rawValue), which Martlet does not speak yet: "
                        + "use \(names(of: SecurityProtocol.supported))"
                )
            )
        }
        return securityProtocol
    }

    @Sendable
    static func problem(with text: String) -> String? {
        let items = list(text)
        if items.isEmpty { return "At least one listener is needed, for example PLAINTEXT://127.0.0.1:9092" }
        if items.count > maximumCount { return "There can be \(maximumCount) listeners at most" }
        if let problem = repeatedName(items) { return problem }
        let endpoints = items.compactMap { entry($0)?.1 }.filter { $0.port != 0 }
        return Set(endpoints).count == endpoints.count ? nil : "Two listeners have the same address"
    }

    @Sendable
    static func advertisedProblem(with text: String) -> String? {
        let items = list(text)
        if let problem = repeatedName(items) { return problem }
        for (name, endpoint) in items.compactMap(entry) {
            if endpoint.isWildcard {
                return "\(name) is advertised without a host that clients can connect to; name one, "
                    + "or leave the listener out to tell clients the address they have used"
            }
            if endpoint.port == 0 { return "\(name) is advertised with port 0, which nobody can connect to" }
        }
        return nil
    }

    @Sendable
    static func protocolMapProblem(with text: String) -> String? {
        for item in list(text) where protocolEntry(item) == nil {
            return "'\(item)' is not NAME:PROTOCOL with a protocol of \(names(of: SecurityProtocol.allCases))"
        }
        return nil
    }

    private static func list(_ text: String) -> [String] {
        guard case .list(let items)? = ConfigValue(text, as: .list) else { return [] }
        return items
    }

    private static func repeatedName(_ items: [String]) -> String? {
        var seen: Set<String> = []
        for item in items {
            guard let (name, _) = entry(item) else { return "'\(item)' is not NAME://host:port" }
            guard seen.insert(name).inserted else { return "The listener \(name) is named twice" }
        }
        return nil
    }

    /// `NAME://host:port`; names do not depend on case, as in Kafka.
    private static func entry(_ item: String) -> (String, Endpoint)? {
        let parts = item.split(separator: "://", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, isName(parts[0]), let endpoint = Endpoint(parts[1]) else { return nil }
        return (parts[0].uppercased(), endpoint)
    }

    private static func protocolEntry(_ item: String) -> (String, SecurityProtocol)? {
        let parts = item.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, isName(parts[0]), let known = SecurityProtocol(rawValue: parts[1].uppercased())
        else { return nil }
        return (parts[0].uppercased(), known)
    }

    private static func isName(_ text: Substring) -> Bool {
        !text.isEmpty && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_" || $0 == "-") }
    }

    private static func names(of protocols: [SecurityProtocol]) -> String {
        protocols.map(\.rawValue).joined(separator: ", ")
    }
}
