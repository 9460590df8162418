import CSyscalls
import Glibc
import Testing

@testable import Server

/// Where BBR may not be chosen, as in some containers, there is nothing to treat differently.
private let hasBBR = withSocket { choose("bbr", for: $0) }

private func withSocket<Result>(_ body: (CInt) throws -> Result) rethrows -> Result {
    let socket = martlet_socket(AF_INET, CInt(SOCK_STREAM.rawValue))
    defer { close(socket) }
    return try body(socket)
}

private func choose(_ name: String, for socket: CInt) -> Bool {
    var bytes = Array(name.utf8)
    return setsockopt(socket, CInt(IPPROTO_TCP), TCP_CONGESTION, &bytes, socklen_t(bytes.count)) == 0
}

@Suite("Congestion control")
struct CongestionControlTests {
    @Test("A choice that does not pace is left alone")
    func unpaced() {
        withSocket { listener in
            #expect(choose("reno", for: listener))
            _ = CongestionControl(listener: listener)
            #expect(CongestionControl.choice(of: listener) == "reno")
        }
    }

    @Test("Connections inside the machine are not paced", .enabled(if: hasBBR))
    func local() throws {
        try withListener(bound: "127.0.0.1") { listener, address in
            let control = CongestionControl(listener: listener)
            #expect(Glibc.listen(listener, 1) == 0)
            try withConnection(to: address, through: listener) { accepted, remote in
                control.settle(accepted, remote: remote)
                #expect(CongestionControl.choice(of: accepted) == "reno")
            }
        }
    }

    @Test("Connections to other machines keep the system's choice", .enabled(if: hasBBR))
    func remote() throws {
        try withListener(bound: "127.0.0.1") { listener, address in
            let control = CongestionControl(listener: listener)
            #expect(Glibc.listen(listener, 1) == 0)
            try withConnection(to: address, through: listener) { accepted, _ in
                // An address of the documentation's network (RFC 5737): nobody's own.
                control.settle(accepted, remote: try SocketAddress.resolve(host: "192.0.2.1", port: 9092))
                #expect(CongestionControl.choice(of: accepted) == "bbr")
            }
        }
    }

    private func withListener(bound host: String, _ body: (CInt, SocketAddress) throws -> Void) throws {
        let wanted = try SocketAddress.resolve(host: host, port: 0)
        try withSocket { listener in
            #expect(choose("bbr", for: listener))
            #expect(wanted.withPointer { bind(listener, $0, $1) } == 0)
            try body(listener, try #require(SocketAddress.local(of: listener)))
        }
    }

    private func withConnection(
        to address: SocketAddress,
        through listener: CInt,
        _ body: (CInt, SocketAddress) throws -> Void
    ) throws {
        try withSocket { client in
            _ = address.withPointer { connect(client, $0, $1) }
            var waiting = pollfd(fd: listener, events: Int16(POLLIN), revents: 0)
            #expect(poll(&waiting, 1, 10_000) == 1)
            let (accepted, remote) = try #require(SocketAddress.accept(on: listener))
            defer { close(accepted) }
            try body(accepted, remote)
        }
    }
}
