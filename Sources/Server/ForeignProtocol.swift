import NIOCore

/// Another protocol spoken to a Kafka port by mistake, recognised by its first four bytes. Immutable.
///
/// Read as a frame length each of them is over 300 MB, which is what other brokers complain about; saying what really
/// happened saves the user a search.
enum ForeignProtocol: Equatable {
    case tls
    case http

    /// What `start`, the first four bytes of a connection, belongs to; nil for Kafka.
    static func detect(_ start: UInt32) -> ForeignProtocol? {
        if start >> 16 == 0x1603 { return .tls }
        return httpMethods.contains(start) ? .http : nil
    }

    private static let httpMethods: Set<UInt32> = Set(
        ["GET ", "HEAD", "POST", "PUT ", "DELE", "OPTI", "PATC", "CONN", "TRAC", "PRI "].map { method in
            method.utf8.reduce(0) { $0 << 8 | UInt32($1) }
        }
    )

    /// What to say to the other side before closing; nil for nothing.
    func farewell(port: UInt16) -> ByteBuffer? {
        switch self {
        case .tls: return nil
        case .http:
            let body = """
                This port (\(port)) speaks the Apache Kafka protocol, not HTTP.

                Connect a Kafka client to it, for example:  kcat -b HOST:\(port) -L

                """
            return ByteBuffer(
                string: "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n"
                    + "Content-Length: \(body.utf8.count)\r\nConnection: close\r\n\r\n\(body)"
            )
        }
    }

    /// The kind of fault it is for the log's rate limit.
    var fault: ClientFault {
        switch self {
        case .tls: .spokeTLS
        case .http: .spokeHTTP
        }
    }

    /// The line for the log.
    func complaint(listener: String) -> String {
        switch self {
        case .tls:
            "a client spoke TLS to the plaintext listener \(listener); "
                + "set security.protocol=PLAINTEXT in the client, or connect it to a TLS listener"
        case .http: "a client spoke HTTP to the Kafka listener \(listener); it got a page that says so"
        }
    }
}
