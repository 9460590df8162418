import Broker
import Logging
import Model
import Server
import TestSupport

@testable import MartletClient

/// The product's own broker on a free port, with its data in a temporary directory. Owned by one test.
final class RealBroker {
    private let directory: TemporaryDirectory
    private let broker: Broker
    private var server: MartletServer
    private let log: Logger
    /// Where it listens; the same after connections were lost.
    let address: BrokerAddress

    init(_ settings: [String: String] = [:]) throws {
        let directory = try TemporaryDirectory()
        var log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        log.logLevel = .error
        self.log = log
        self.directory = directory
        let overrides = settings.map { ConfigOverride($0.key, $0.value) } + [ConfigOverride("log.dirs", directory.path)]
        broker = try Broker.open(BrokerConfiguration.load(overrides: overrides), time: SystemTime(), log: log)
        (server, address) = try Self.listen(broker, port: 0, log)
    }

    deinit {
        server.stop()
        broker.stop()
    }

    private static func listen(_ broker: Broker, port: Int, _ log: Logger) throws -> (MartletServer, BrokerAddress) {
        let server = try MartletServer(broker: broker, settings: ServerSettings(), time: SystemTime(), log: log)
        do {
            let wanted = try SocketAddress.resolve(host: "127.0.0.1", port: UInt16(port))
            let bound = try server.listen(name: "PLAINTEXT", on: wanted)
            return (server, BrokerAddress(host: bound.host, port: Int(bound.port)))
        } catch {
            server.stop()
            throw error
        }
    }

    /// Closes all connections and the port, and opens the port again.
    func loseConnections() throws {
        server.stop()
        server = try Self.listen(broker, port: address.port, log).0
    }

    /// A client's configuration for this broker.
    var client: ClientConfiguration {
        var configuration = ClientConfiguration(bootstrap: [address])
        configuration.retryBackoff = .milliseconds(5)
        configuration.maximumRetryBackoff = .milliseconds(50)
        configuration.reconnectBackoff = .milliseconds(5)
        configuration.maximumReconnectBackoff = .milliseconds(50)
        return configuration
    }
}
