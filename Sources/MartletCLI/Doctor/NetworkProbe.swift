import CSyscalls
import Glibc
import MartletClient
import Model

/// Looks at the way to an address step by step: name, connection. Blocks, for a few seconds at most. Stateless.
enum NetworkProbe {
    /// Why a step failed, in plain words.
    struct Failure: Error, Equatable {
        let message: String
    }

    private static let patienceMilliseconds: CInt = 3000

    /// The addresses that a host stands for, as numbers.
    static func resolve(_ address: BrokerAddress) throws(Failure) -> [String] {
        var names: [String] = []
        try each(of: address) { info in
            var name = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            let status = getnameinfo(
                info.pointee.ai_addr,
                info.pointee.ai_addrlen,
                &name,
                socklen_t(name.count),
                nil,
                0,
                NI_NUMERICHOST
            )
            guard status == 0 else { return }
            let text = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            if !names.contains(text) { names.append(text) }
        }
        return names
    }

    /// Connects and disconnects; says how long it took.
    static func connect(_ address: BrokerAddress) throws(Failure) -> Duration {
        var outcome = Result<Duration, Failure>.failure(Failure(message: "it has no address"))
        try each(of: address) { info in
            if case .success = outcome { return }
            outcome = attempt(info)
        }
        return try outcome.get()
    }

    private static func attempt(_ info: UnsafePointer<addrinfo>) -> Result<Duration, Failure> {
        let time = SystemTime()
        let start = time.instant
        let kind = info.pointee.ai_socktype | CInt(SOCK_NONBLOCK.rawValue) | CInt(SOCK_CLOEXEC.rawValue)
        let descriptor = socket(info.pointee.ai_family, kind, info.pointee.ai_protocol)
        guard descriptor >= 0 else { return .failure(Failure(message: Outcome.words(errno: errno))) }
        defer { close(descriptor) }
        if Glibc.connect(descriptor, info.pointee.ai_addr, info.pointee.ai_addrlen) != 0 {
            guard errno == EINPROGRESS else { return .failure(Failure(message: Outcome.words(errno: errno))) }
            var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            guard poll(&waiting, 1, patienceMilliseconds) > 0 else {
                return .failure(Failure(message: "no answer within \(patienceMilliseconds / 1000) seconds"))
            }
            var code: CInt = 0
            var length = socklen_t(MemoryLayout<CInt>.size)
            getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &length)
            if code != 0 { return .failure(Failure(message: Outcome.words(errno: code))) }
        }
        return .success(start.duration(to: time.instant))
    }

    private static func each(
        of address: BrokerAddress,
        _ body: (UnsafePointer<addrinfo>) -> Void
    ) throws(Failure) {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(address.host, String(address.port), &hints, &list)
        guard status == 0 else {
            throw Failure(message: gai_strerror(status).map { String(cString: $0) } ?? "error \(status)")
        }
        defer { freeaddrinfo(list) }
        var next = list
        while let info = next {
            body(info)
            next = info.pointee.ai_next
        }
    }

    /// This machine's own IPv4 addresses, without loopback.
    static func interfaces() -> [String] {
        var list: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&list) == 0 else { return [] }
        defer { freeifaddrs(list) }
        var found: [String] = []
        var next = list
        while let interface = next {
            next = interface.pointee.ifa_next
            guard let address = interface.pointee.ifa_addr, address.pointee.sa_family == sa_family_t(AF_INET) else {
                continue
            }
            var name = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            let length = socklen_t(MemoryLayout<sockaddr_in>.size)
            guard getnameinfo(address, length, &name, socklen_t(name.count), nil, 0, NI_NUMERICHOST) == 0 else {
                continue
            }
            let text = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            if HostKind(text) != .loopback { found.append(text) }
        }
        return found
    }
}
