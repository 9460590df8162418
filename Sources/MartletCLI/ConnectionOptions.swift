import ArgumentParser
import Glibc
import Logging
import MartletClient

/// The options of every command that talks to a broker. A value.
struct ConnectionOptions: ParsableArguments {
    @Option(
        name: [.short, .long],
        help: ArgumentHelp(
            "Brokers to ask first (default: MARTLET_BOOTSTRAP, or 127.0.0.1:9092).",
            valueName: "host:port,…"
        )
    )
    var bootstrap: String?

    @Flag(name: .shortAndLong, help: "Say on standard error what the client does.")
    var verbose = false

    /// Where to find the cluster.
    func configuration() throws(ClientError) -> ClientConfiguration {
        let fromEnvironment = getenv("MARTLET_BOOTSTRAP").map { String(cString: $0) }
        let address = bootstrap ?? fromEnvironment.flatMap { $0.isEmpty ? nil : $0 } ?? "127.0.0.1:9092"
        var configuration = try ClientConfiguration(bootstrap: address)
        configuration.clientID = "martlet-cli"
        let level = verbose ? Logger.Level.debug : .warning
        configuration.logger = Logger(label: "martlet") { _ in StandardErrorLog(logLevel: level) }
        return configuration
    }

    func validate() throws {
        do {
            _ = try configuration()
        } catch {
            throw ValidationError(error.description)
        }
    }
}

/// The choice between tables and JSON. A value.
struct OutputOptions: ParsableArguments {
    @Flag(help: "Write JSON, one object or array on one line.")
    var json = false
}
