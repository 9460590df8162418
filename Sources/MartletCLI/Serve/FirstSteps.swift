import MartletClient

/// What someone who has just started a broker on a terminal may want to type next. Stateless.
enum FirstSteps {
    /// - Parameter listening: `host:port` of the first listener.
    static func lines(listening: String) -> [String] {
        let address: BrokerAddress
        do throws(ClientError) { address = try BrokerAddress(parsing: listening) } catch { return [] }
        let kind = HostKind(address.host)
        let local = kind == .unspecified ? BrokerAddress(host: "127.0.0.1", port: address.port) : address
        // What commands ask by themselves need not be said.
        let isDefault = local.host == "127.0.0.1" && local.port == BrokerAddress.defaultPort
        let option = isDefault ? "" : " -b \(local)"
        var lines = [
            "Try it in another terminal:",
            "  echo hello | martlet produce greetings\(option)",
            "  martlet consume greetings -e\(option)",
            "  kcat -b \(local) -L",
            "  martlet doctor\(option)",
        ]
        if kind == .loopback {
            lines.append("Only this machine can connect; for others: martlet serve --listen 0.0.0.0:\(address.port)")
        }
        lines.append("Ctrl-C stops it.")
        return lines
    }
}
