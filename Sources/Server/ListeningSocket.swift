import Broker
import CSyscalls
import Glibc
import Logging
import Model

/// A listening socket. Owned by its event loop.
final class ListeningSocket: ReactorSource, @unchecked Sendable {
    // Safe: mutable state is touched on the event loop only.

    /// Connections accepted before other events get their turn.
    private static let acceptsPerEvent = 64

    let name: String
    let address: SocketAddress
    private let server: MartletServer
    private let loop: EpollReactor
    private let socket: CInt
    private let congestionControl: CongestionControl
    private var token: UInt64 = 0
    private var isOpen = true
    /// Given up to accept and close one connection when the process has no descriptor left, so that the client
    /// hears of it instead of hanging.
    private var spare: CInt

    init(name: String, address: SocketAddress, server: MartletServer, loop: EpollReactor) throws(FileError) {
        self.name = name
        self.server = server
        self.loop = loop
        let socket = martlet_socket(address.family, CInt(SOCK_STREAM.rawValue))
        guard socket >= 0 else { throw FileError("open a socket for", "\(address)", code: errno) }
        self.socket = socket
        congestionControl = CongestionControl(listener: socket)
        var yes: CInt = 1
        setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<CInt>.size))
        let bound = address.withPointer { bind(socket, $0, $1) }
        guard bound == 0, Glibc.listen(socket, CInt(server.settings.backlog)) == 0 else {
            let code = errno
            Glibc.close(socket)
            throw FileError("listen on", "\(address)", code: code)
        }
        self.address = SocketAddress.local(of: socket) ?? address
        spare = martlet_open("/dev/null", O_RDONLY, 0)
    }

    func start() {
        do throws(FileError) {
            token = try loop.add(self, descriptor: socket, .read)
        } catch {
            server.log.critical("cannot accept connections on \(address): \(error)")
        }
    }

    func close() {
        guard isOpen else { return }
        isOpen = false
        loop.remove(token, descriptor: socket)
        Glibc.close(socket)
        Glibc.close(spare)
    }

    func becameWritable() {}

    func turnEnded() {}

    func becameBroken() {}

    func becameReadable() {
        for _ in 0..<Self.acceptsPerEvent where isOpen {
            if let (accepted, remote) = SocketAddress.accept(on: socket) {
                open(accepted, remote)
            } else if errno == EMFILE || errno == ENFILE {
                if !server.broker.spareFiles() { return shed() }
            } else if errno != EINTR && errno != ECONNABORTED {
                return
            }
        }
    }

    private func open(_ accepted: CInt, _ remote: SocketAddress) {
        if let reason = server.admit(remote) {
            Glibc.close(accepted)
            let endpoint = Endpoint(host: remote.host, port: remote.port)
            return server.complain(
                about: endpoint,
                .tooManyConnections,
                "refused a connection from \(remote): \(reason)"
            )
        }
        var yes: CInt = 1
        setsockopt(accepted, CInt(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<CInt>.size))
        congestionControl.settle(accepted, remote: remote)
        setBuffer(of: accepted, SO_SNDBUF, server.settings.sendBufferBytes)
        setBuffer(of: accepted, SO_RCVBUF, server.settings.receiveBufferBytes)
        let target = server.nextLoop()
        let connection = Connection(
            socket: accepted,
            server: server,
            loop: target,
            listener: name,
            remote: remote
        )
        target.execute { connection.start() }
    }

    private func setBuffer(of socket: CInt, _ option: CInt, _ bytes: Int) {
        guard bytes > 0 else { return }
        var size = CInt(clamping: bytes)
        setsockopt(socket, SOL_SOCKET, option, &size, socklen_t(MemoryLayout<CInt>.size))
    }

    private func shed() {
        Glibc.close(spare)
        let accepted = martlet_accept(socket, nil, nil)
        if accepted >= 0 { Glibc.close(accepted) }
        spare = martlet_open("/dev/null", O_RDONLY, 0)
        server.complain(
            about: Endpoint(host: address.host, port: address.port),
            .noDescriptorLeft,
            "a connection was refused: the process has no file descriptor left; raise the limit (ulimit -n)"
        )
    }
}
