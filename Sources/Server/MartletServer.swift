package import Broker
import Glibc
package import Logging
package import Model

/// Kinds of what clients do wrong, each of which is complained about on its own. Immutable.
enum ClientFault: Sendable {
    case spokeTLS
    case spokeHTTP
    case badRequest
    case tooManyConnections
    case noDescriptorLeft
}

/// The broker's sockets: listeners, event loops and connections. Thread-safe.
package final class MartletServer: Sendable {
    let settings: ServerSettings
    let broker: Broker
    let time: any TimeSource
    let log: Logger
    let memory: MemoryBudget

    private struct State {
        var listeners: [ListeningSocket] = []
        var connections: [ObjectIdentifier: Connection] = [:]
        var perAddress: [String: Int] = [:]
        var total = 0
        var nextLoop = 0
        var isStopping = false
    }

    private let loops: [EpollReactor]
    private let state = Locked(State())
    private let complaints = Complaints()

    /// Starts the event loops; nothing is listened to yet.
    package init(
        broker: Broker,
        settings: ServerSettings,
        time: any TimeSource,
        log: Logger
    ) throws(FileError) {
        self.broker = broker
        self.settings = settings
        self.time = time
        self.log = log
        memory = MemoryBudget(limit: settings.maximumQueuedBytes)
        var loops: [EpollReactor] = []
        do throws(FileError) {
            for index in 0..<settings.eventLoops {
                loops.append(try EpollReactor(name: "loop-\(index)", time: time))
            }
        } catch {
            for loop in loops { loop.stop() }
            throw error
        }
        self.loops = loops
        for loop in loops { scheduleChecks(on: loop) }
    }

    /// Listens on an address and accepts connections from then on. Returns the address with its real port.
    package func listen(name: String, on address: SocketAddress) throws(FileError) -> SocketAddress {
        let listener = try ListeningSocket(name: name, address: address, server: self, loop: loops[0])
        state.withLock { $0.listeners.append(listener) }
        loops[0].execute { listener.start() }
        return listener.address
    }

    /// Stops accepting, lets requests that were received finish, sends their answers, then ends the event loops.
    ///
    /// Blocks; not from an event loop.
    package func stop() {
        let (listeners, connections) = state.withLock { state in
            state.isStopping = true
            // They know the server as the server knows them: kept, neither would ever go.
            defer { state.listeners = [] }
            return (state.listeners, Array(state.connections.values))
        }
        for listener in listeners { loops[0].execute { listener.close() } }
        for connection in connections { connection.loop.execute { connection.drain() } }
        let deadline = time.instant.advanced(by: settings.drainTime)
        while connectionCount > 0, time.instant < deadline { usleep(2_000) }
        for connection in state.withLock({ Array($0.connections.values) }) {
            connection.loop.execute { connection.close() }
        }
        for loop in loops { loop.stop() }
    }

    /// Connections open now.
    package var connectionCount: Int { state.withLock { $0.connections.count } }

    // MARK: Called by listeners and connections

    /// Decides whether a connection may be opened; the reason if not.
    func admit(_ remote: SocketAddress) -> String? {
        let (refusal, count) = state.withLock { state in (Self.admit(remote, settings, &state), state.total) }
        if refusal == nil { broker.makeRoom(forConnections: count) }
        return refusal
    }

    private static func admit(_ remote: SocketAddress, _ settings: ServerSettings, _ state: inout State) -> String? {
        if state.isStopping { return "the broker is stopping" }
        if state.total >= settings.maximumConnections {
            return "\(state.total) connections are open, the limit is \(settings.maximumConnections) "
                + "(max.connections, or what ulimit -n leaves for them)"
        }
        let fromThere = state.perAddress[remote.host, default: 0]
        if fromThere >= settings.maximumConnectionsPerAddress {
            return "\(fromThere) connections from \(remote.host) are open, the limit is "
                + "\(settings.maximumConnectionsPerAddress) (max.connections.per.ip)"
        }
        state.total += 1
        state.perAddress[remote.host] = fromThere + 1
        return nil
    }

    /// The event loop for the next connection: each in turn.
    func nextLoop() -> EpollReactor {
        let index = state.withLock { state in
            state.nextLoop = (state.nextLoop + 1) % loops.count
            return state.nextLoop
        }
        return loops[index]
    }

    func opened(_ connection: Connection) {
        let isStopping = state.withLock { state in
            state.connections[ObjectIdentifier(connection)] = connection
            return state.isStopping
        }
        if isStopping { connection.drain() }
    }

    func closed(_ connection: Connection) {
        state.withLock { $0.connections[ObjectIdentifier(connection)] = nil }
        released(connection.remoteAddress)
    }

    /// Gives back what ``admit(_:)`` counted.
    func released(_ remote: Endpoint) {
        let count = state.withLock { state in
            state.total -= 1
            let left = state.perAddress[remote.host, default: 1] - 1
            state.perAddress[remote.host] = left > 0 ? left : nil
            return state.total
        }
        broker.makeRoom(forConnections: count)
    }

    /// Logs what a client did wrong, one line a second, address and kind of fault at most.
    func complain(about remote: Endpoint, _ fault: ClientFault, _ message: @autoclosure () -> String) {
        guard let suppressed = complaints.admit("\(remote.host) \(fault)", now: time.instant) else { return }
        let more = suppressed == 0 ? "" : " (and \(suppressed) similar before)"
        log.warning("\(message())\(more)")
    }

    private func scheduleChecks(on loop: EpollReactor) {
        loop.schedule(after: .seconds(1)) { [weak self, weak loop] in
            guard let self, let loop else { return }
            let now = time.instant
            let connections = state.withLock { $0.connections.values.filter { $0.loop === loop } }
            for connection in connections { connection.check(now: now) }
            scheduleChecks(on: loop)
        }
    }
}
