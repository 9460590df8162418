import Broker
import Glibc
import Logging
import Model
import Server

/// A broker with its sockets, from start to stop. Owned by the `serve` command.
struct RunningBroker {
    let broker: Broker
    let server: MartletServer
    let addresses: [SocketAddress]

    /// How long a start waits for all partitions before it says that it is ready: clients are served from the first one on.
    private static let openingPatience = Duration.seconds(1)

    /// Opens the data, then the listeners, then the partitions: a client that can connect is served what is open so far.
    static func start(_ configuration: BrokerConfiguration, log: Logger) throws -> RunningBroker {
        FileLimits.raise()
        ProcessMemory.boundWhatIsFree()
        let settings = configuration.settings
        let time = SystemTime()
        let addresses = try settings.listeners.map { listener in
            (
                name: listener.name,
                address: try SocketAddress.resolve(host: listener.endpoint.host, port: listener.endpoint.port)
            )
        }
        let broker = try Broker.open(configuration, time: time, log: log, waits: false)
        DiskWaits.report { [weak broker] path in broker?.noteLoopWaited(for: path) }
        do {
            let server = try MartletServer(
                broker: broker,
                settings: serverSettings(settings, broker.fileLimits),
                time: time,
                log: log
            )
            do {
                let bound = try addresses.map { try server.listen(name: $0.name, on: $0.address) }
                broker.startBackgroundWork()
                broker.waitUntilOpen(atMost: openingPatience)
                return RunningBroker(broker: broker, server: server, addresses: bound)
            } catch {
                // Its event loops run already.
                server.stop()
                throw error
            }
        } catch {
            broker.stop()
            throw error
        }
    }

    /// The line that says that clients can come.
    var readyLine: String {
        let listening = addresses.map(\.description).joined(separator: ", ")
        let counts = broker.counts
        return "martlet \(Version.current) ready on \(listening), data in \(broker.dataDescription), "
            + "pid \(getpid()), \(counts.topics) topics with \(counts.partitions) partitions\(opening)"
    }

    private var opening: String {
        let left = broker.unopenedPartitions
        return left == 0 ? "" : ", \(left) of them are still being opened"
    }

    func stop() {
        server.stop()
        broker.stop()
    }

    private static func serverSettings(_ settings: BrokerSettings, _ limits: FileLimits) -> ServerSettings {
        var result = ServerSettings()
        result.maximumFrameBytes = settings.socketRequestMaxBytes
        result.maximumQueuedBytes = settings.queuedMaxRequestBytes ?? .max
        result.sendBufferBytes = settings.socketSendBufferBytes ?? 0
        result.receiveBufferBytes = settings.socketReceiveBufferBytes ?? 0
        result.backlog = settings.socketListenBacklog
        result.eventLoops = settings.numNetworkThreads
        // More would leave no descriptor for files.
        result.maximumConnections = min(settings.maxConnections, limits.connections)
        result.maximumConnectionsPerAddress = settings.maxConnectionsPerIP
        result.maximumIdle = settings.connectionsMaxIdle
        return result
    }
}
