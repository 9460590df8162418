import Glibc

/// Which congestion control (TCP_CONGESTION, tcp(7)) the connections of a listening socket use. Owned by the socket.
///
/// BBR paces: between two packets it waits for a timer, so that the routers in between are not flooded. A client on the same
/// machine has no router in between, and the timers cost as much as the sending: a consumer's gigabyte took twice the
/// processor time. So where the system's choice is BBR, connections inside the machine use Reno, which every kernel has and
/// anybody may choose. Connections to other machines keep the system's choice.
struct CongestionControl {
    /// Sends when there is something to send.
    private static let unpaced = "reno"
    /// The system's choices that pace: bbr, and its later versions.
    private static let paced = "bbr"
    /// The longest name the kernel has, its end included: TCP_CA_NAME_MAX.
    private static let longestName = 16

    /// What connections to other machines are given back; nil if no connection is treated in another way than the system's.
    private let systemChoice: String?

    /// Has the connections that `listener` will accept start unpaced, if the system's choice paces.
    ///
    /// The listener has to be told, not the connection: once BBR has begun on a socket its pacing stays, whatever the socket
    /// is told later.
    init(listener: CInt) {
        let choice = Self.choice(of: listener)
        let isPaced = choice.hasPrefix(Self.paced)
        systemChoice = isPaced && Self.choose(Self.unpaced, for: listener) ? choice : nil
    }

    /// Gives a connection to another machine the system's choice.
    func settle(_ accepted: CInt, remote: SocketAddress) {
        guard let systemChoice, !remote.isLoopback, SocketAddress.local(of: accepted)?.host != remote.host else {
            return
        }
        _ = Self.choose(systemChoice, for: accepted)
    }

    /// The name of a socket's congestion control; empty where the system does not tell.
    static func choice(of socket: CInt) -> String {
        var name = [UInt8](repeating: 0, count: longestName)
        var length = socklen_t(name.count)
        guard getsockopt(socket, CInt(IPPROTO_TCP), TCP_CONGESTION, &name, &length) == 0 else { return "" }
        return String(decoding: name.prefix { $0 != 0 }, as: UTF8.self)
    }

    private static func choose(_ name: String, for socket: CInt) -> Bool {
        var bytes = Array(name.utf8)
        return setsockopt(socket, CInt(IPPROTO_TCP), TCP_CONGESTION, &bytes, socklen_t(bytes.count)) == 0
    }
}
