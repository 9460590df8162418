import CSyscalls
import Glibc
import Model

/// An IP address and port, as the kernel has it. Immutable.
package struct SocketAddress: Sendable, CustomStringConvertible {
    private let storage: sockaddr_storage
    private let length: socklen_t

    /// The numeric address, for example `127.0.0.1` or `::1`.
    package let host: String
    package let port: UInt16

    private init(_ storage: sockaddr_storage, _ length: socklen_t) {
        self.storage = storage
        self.length = length
        (host, port) = Self.numbers(storage)
    }

    /// Resolves a host name or numeric address to listen on. An empty host means every address of the machine.
    package static func resolve(host: String, port: UInt16) throws(AddressError) -> SocketAddress {
        var hints = addrinfo()
        hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV
        hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let name: String? = host.isEmpty || host == "*" ? nil : host
        let result = getaddrinfo(name, String(port), &hints, &list)
        defer { if let list { freeaddrinfo(list) } }
        guard result == 0, let first = list?.pointee, let address = first.ai_addr else {
            throw AddressError(host: host, reason: String(cString: gai_strerror(result)))
        }
        var storage = sockaddr_storage()
        withUnsafeMutableBytes(of: &storage) { bytes in
            bytes.copyMemory(from: UnsafeRawBufferPointer(start: address, count: Int(first.ai_addrlen)))
        }
        return SocketAddress(storage, first.ai_addrlen)
    }

    /// The address at one end of a socket.
    static func local(of socket: CInt) -> SocketAddress? {
        named { getsockname(socket, $0, $1) }?.address
    }

    /// accept(2): the new socket and the address at its other end; nil and errno on errors.
    ///
    /// A socket that its client has already reset could not tell that address any more.
    static func accept(on listener: CInt) -> (socket: CInt, remote: SocketAddress)? {
        named { martlet_accept(listener, $0, $1) }.map { (socket: $0.result, remote: $0.address) }
    }

    /// What a system call returns, and the address that it writes; nil if it fails.
    private static func named(
        _ call: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> CInt
    ) -> (result: CInt, address: SocketAddress)? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let result = withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { call($0, &length) }
        }
        return result < 0 ? nil : (result, SocketAddress(storage, length))
    }

    var family: CInt { CInt(storage.ss_family) }

    /// Whether it is an address that only the machine itself has: 127.0.0.0/8 and ::1.
    var isLoopback: Bool { host == "::1" || host.hasPrefix("127.") }

    func withPointer<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        withUnsafePointer(to: storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, length) }
        }
    }

    private static func numbers(_ storage: sockaddr_storage) -> (String, UInt16) {
        withUnsafePointer(to: storage) { pointer in
            var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN) + 1)
            switch CInt(storage.ss_family) {
            case AF_INET:
                return pointer.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { address in
                    var number = address.pointee.sin_addr
                    inet_ntop(AF_INET, &number, &text, socklen_t(text.count))
                    return (decode(text), UInt16(bigEndian: address.pointee.sin_port))
                }
            case AF_INET6:
                return pointer.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { address in
                    var number = address.pointee.sin6_addr
                    inet_ntop(AF_INET6, &number, &text, socklen_t(text.count))
                    let host = decode(text)
                    let mapped = "::ffff:"
                    // An IPv4 client of an IPv6 socket knows its server by the IPv4 address.
                    let plain = host.hasPrefix(mapped) && host.contains(".") ? String(host.dropFirst(7)) : host
                    return (plain, UInt16(bigEndian: address.pointee.sin6_port))
                }
            default: return ("unknown", 0)
            }
        }
    }

    private static func decode(_ text: [CChar]) -> String {
        String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

/// A name that cannot be resolved to an address. Immutable.
package struct AddressError: Error, Sendable, CustomStringConvertible {
    package let host: String
    package let reason: String

    package var description: String { "cannot resolve the address '\(host)': \(reason)" }
}
