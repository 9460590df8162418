/// From where a broker's address can be reached, as far as its form tells. A value.
enum HostKind: Equatable {
    /// Only programs on the broker's own machine.
    case loopback
    /// `0.0.0.0` or `::`, to which nobody can connect.
    case unspecified
    /// Machines of the same private network.
    case privateNetwork
    /// A name without a dot, which mostly only containers of the same network know.
    case shortName
    case name
    case publicAddress

    init(_ host: String) {
        let lower = host.lowercased()
        if lower == "localhost" || lower.hasSuffix(".localhost") {
            self = .loopback
        } else if let octets = Self.octets(lower) {
            self.init(octets)
        } else if lower.contains(":") {
            switch lower {
            case "::1": self = .loopback
            case "::": self = .unspecified
            case _ where lower.hasPrefix("::ffff:"): self = HostKind(String(lower.dropFirst(7)))
            case _ where ["fc", "fd", "fe8", "fe9", "fea", "feb"].contains(where: lower.hasPrefix):
                self = .privateNetwork
            default: self = .publicAddress
            }
        } else {
            self = lower.contains(".") ? .name : .shortName
        }
    }

    private init(_ octets: [UInt8]) {
        switch (octets[0], octets[1]) {
        case (127, _): self = .loopback
        case (0, _): self = .unspecified
        case (10, _), (192, 168), (169, 254): self = .privateNetwork
        case (172, 16...31), (100, 64...127): self = .privateNetwork
        default: self = .publicAddress
        }
    }

    private static func octets(_ host: String) -> [UInt8]? {
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        let octets = parts.compactMap { UInt8($0) }
        return parts.count == 4 && octets.count == 4 ? octets : nil
    }

    /// Who can reach it.
    var reach: String {
        switch self {
        case .loopback: "only programs on the broker's own machine can connect to that"
        case .unspecified: "nobody can connect to that"
        case .privateNetwork: "machines of the same private network can connect to that"
        case .shortName: "only machines and containers that know this name can connect to that"
        case .name: "whoever can resolve this name and is let through by firewalls can connect to that"
        case .publicAddress: "whoever is let through by firewalls can connect to that"
        }
    }
}
