import Glibc

/// Why writing failed.
enum OutputError: Error, Equatable {
    /// The reader went away, as `head` does: not an error, but nothing more can be said.
    case readerGone
    /// The operating system's number.
    case failed(CInt)
}

/// Bytes collected for a file descriptor and written in large pieces. Owned by one task.
final class StandardOutput {
    private let descriptor: CInt
    private var bytes: [UInt8] = []
    private static let capacity = 128 << 10

    static var isTerminal: Bool { isatty(STDOUT_FILENO) == 1 }

    init(descriptor: CInt = STDOUT_FILENO) {
        self.descriptor = descriptor
        bytes.reserveCapacity(Self.capacity)
    }

    func write(_ new: UnsafeRawBufferPointer) throws(OutputError) {
        bytes.append(contentsOf: new)
        if bytes.count >= Self.capacity { try flush() }
    }

    func write(_ text: String) throws(OutputError) {
        bytes.append(contentsOf: text.utf8)
        if bytes.count >= Self.capacity { try flush() }
    }

    /// Lets `body` append to what is collected.
    func append(_ body: (inout [UInt8]) -> Void) throws(OutputError) {
        body(&bytes)
        if bytes.count >= Self.capacity { try flush() }
    }

    func line(_ text: String) throws(OutputError) { try write(text + "\n") }

    func line(_ value: JSON) throws(OutputError) {
        try append { bytes in
            value.write(to: &bytes)
            bytes.append(UInt8(ascii: "\n"))
        }
    }

    /// Writes what is collected.
    func flush() throws(OutputError) {
        var start = 0
        defer { bytes.removeAll(keepingCapacity: true) }
        while start < bytes.count {
            let written = bytes.withUnsafeBytes { all in
                Glibc.write(descriptor, all.baseAddress.map { $0 + start }, all.count - start)
            }
            if written >= 0 {
                start += written
                continue
            }
            switch errno {
            case EINTR: continue
            case EAGAIN: try waitUntilWritable()
            case EPIPE: throw .readerGone
            default: throw .failed(errno)
            }
        }
    }

    private func waitUntilWritable() throws(OutputError) {
        var descriptors = [pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)]
        if poll(&descriptors, 1, -1) < 0, errno != EINTR { throw .failed(errno) }
    }
}

/// Lines for people, which do not belong to the output. Stateless.
enum StandardError {
    static var isTerminal: Bool { isatty(STDERR_FILENO) == 1 }

    static func line(_ text: String) { write(text + "\n") }

    /// Writes without a newline. What cannot be said on standard error cannot be said at all, so failures are ignored.
    static func write(_ text: String) {
        let bytes = Array(text.utf8)
        _ = bytes.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}
