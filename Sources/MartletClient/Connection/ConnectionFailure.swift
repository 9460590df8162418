import Glibc
import NIOCore
import NIOPosix

/// Turns what the operating system and NIO report about connections into plain words: which step failed, and why.
enum ConnectionFailure {
    /// A failure while connecting to `address`.
    static func connecting(to address: BrokerAddress, _ error: any Error, timeout: Duration) -> ClientError {
        switch error {
        case let error as NIOConnectionError: return describe(error, address)
        case is SocketAddressError: return unresolved(address)
        case ChannelError.connectTimeout:
            return ClientError(
                .timeout,
                "\(address) did not accept a connection within \(timeout)",
                hint: "check the address, and that no firewall drops the packets",
                isRetriable: true
            )
        default: return ClientError(.connection, "cannot connect to \(address): \(words(error))", isRetriable: true)
        }
    }

    /// A failure of a connection that was open.
    static func broken(_ address: BrokerAddress, _ error: any Error) -> ClientError {
        ClientError(.connection, "the connection to \(address) broke: \(words(error))", isRetriable: true)
    }

    private static func describe(_ error: NIOConnectionError, _ address: BrokerAddress) -> ClientError {
        guard let last = error.connectionErrors.last else { return unresolved(address) }
        let isRefused = error.connectionErrors.contains { ($0.error as? IOError)?.errnoCode == ECONNREFUSED }
        return ClientError(
            .connection,
            "cannot connect to \(address): \(words(last.error))",
            hint: isRefused ? "nothing listens on that port; is the broker running?" : nil,
            isRetriable: true
        )
    }

    private static func unresolved(_ address: BrokerAddress) -> ClientError {
        ClientError(
            .connection,
            "the host name '\(address.host)' has no address (DNS lookup failed)",
            hint: "check the spelling, or use an IP address",
            isRetriable: true
        )
    }

    private static func words(_ error: any Error) -> String {
        switch error {
        case let error as IOError: words(errno: error.errnoCode)
        case ChannelError.connectTimeout: "it did not answer in time"
        case ChannelError.eof, ChannelError.ioOnClosedChannel, ChannelError.alreadyClosed: "the peer closed it"
        default: "\(error)"
        }
    }

    static func words(errno code: CInt) -> String {
        switch code {
        case ECONNREFUSED: "connection refused"
        case ECONNRESET, EPIPE: "the peer closed it"
        case EHOSTUNREACH, ENETUNREACH: "no route to the host"
        case ETIMEDOUT: "the peer stopped answering"
        case EMFILE, ENFILE: "this process has too many files and sockets open"
        case EACCES, EPERM: "the operating system does not permit it"
        default: "system error \(code) (\(strerror(code).map { String(cString: $0) } ?? "unknown"))"
        }
    }
}
