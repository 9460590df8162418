package import Broker
import Glibc
import Model

/// A broker in the test's own process, without sockets: files in memory, clocks that stand still, an event loop that the
/// test runs. Stopped when the last reference goes.
///
/// Used on one thread. The broker's control and I/O threads are real; waiting for them is waiting for what they hand
/// over to the event loop.
package final class TestBroker {
    package let time = ManualTime()
    package let loop: ManualReactor
    package let log = RecordedLog()
    /// Where the data is; ``restart(clean:)`` may put a copy in its place.
    package private(set) var fileSystem: SimulatedFileSystem
    package private(set) var broker: Broker
    private var configuration: BrokerConfiguration
    private var isStopped = false

    package static let directory = "/data"

    /// - Parameter settings: What differs from the defaults, as `server.properties` has it.
    package init(_ settings: [String: String] = [:], on fileSystem: SimulatedFileSystem = SimulatedFileSystem()) throws
    {
        self.fileSystem = fileSystem
        loop = ManualReactor(time: time)
        configuration = try Self.configuration(settings)
        broker = try Broker.open(configuration, fileSystem: fileSystem, time: time, log: log.logger)
    }

    deinit { stop() }

    private static func configuration(_ settings: [String: String]) throws -> BrokerConfiguration {
        var settings = settings
        settings["log.dirs"] = settings["log.dirs"] ?? directory
        settings["num.io.threads"] = settings["num.io.threads"] ?? "1"
        let overrides = settings.sorted { $0.key < $1.key }.map { ConfigOverride($0.key, $0.value) }
        return try BrokerConfiguration.load(overrides: overrides)
    }

    /// A new connection of a client.
    package func connect(
        listener: String = "PLAINTEXT",
        localAddress: Endpoint = Endpoint(host: "broker.example", port: 9092)
    ) -> FakeConnection {
        FakeConnection(broker: broker, loop: loop, listener: listener, localAddress: localAddress)
    }

    /// Moves the clocks and runs what is due then.
    package func advance(milliseconds: Int64) {
        time.advance(milliseconds: milliseconds)
        broker.groups.fireTimers()
        loop.run()
    }

    /// Ends the broker as a signal does.
    package func stop() {
        guard !isStopped else { return }
        isStopped = true
        broker.stop()
        loop.clear()
    }

    /// How a broker comes to its end.
    package enum Ending {
        /// As a signal ends it.
        case clean
        /// The process is killed: what was written is still there.
        case kill
        /// The power is cut: only what was synced is still there.
        case powerCut
    }

    /// Ends the broker and starts it anew on its data.
    ///
    /// - Parameters:
    ///   - settings: Other settings than before, if there are any.
    ///   - prepare: What happens to the data while no broker runs.
    package func restart(
        _ ending: Ending = .clean,
        _ settings: [String: String]? = nil,
        preparing prepare: (SimulatedFileSystem) throws -> Void = { _ in }
    ) throws {
        let killed = fileSystem.copy()
        stop()
        // A copy in any case: who still has the broker that has stopped holds on to its directories.
        fileSystem = ending == .clean ? fileSystem.copy() : killed
        if ending == .powerCut { fileSystem.crash() }
        try prepare(fileSystem)
        if let settings { configuration = try Self.configuration(settings) }
        broker = try Broker.open(configuration, fileSystem: fileSystem, time: time, log: log.logger)
        isStopped = false
    }
}
