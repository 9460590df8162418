import CSyscalls
import DequeModule
import Glibc
import Model
import NIOCore
import Wire

/// What one connection still has to send: bytes, and ranges of files that go out by sendfile(2). Owned by the event loop.
struct OutboundQueue {
    /// The outcome of writing to a socket.
    enum Progress: Equatable {
        /// All is sent.
        case drained
        /// The socket takes no more now.
        case blocked
        /// This connection has had its share; others are next.
        case yielded
        /// The connection is gone, or a file ended early.
        case failed(String)
    }

    private enum Chunk {
        case bytes(ByteBuffer)
        case file(FileSlice)
    }

    /// File ranges up to this size are copied and leave in one write with the bytes around them: below it a second
    /// system call costs more than the copy.
    static let largestCopiedFile = 8 * 1024
    /// The most bytes of a file that one system call sends: more would fill the socket's buffer at the cost of others.
    static let largestSend = share
    /// The most bytes sent for one connection before others get their turn: some tenths of a millisecond, which everybody
    /// else on the event loop waits for.
    static let share = 1024 * 1024

    private var chunks: Deque<Chunk> = []
    /// The bytes in memory that wait to be sent: file ranges do not count.
    private(set) var bufferedBytes = 0

    var isEmpty: Bool { chunks.isEmpty }

    /// Appends a frame.
    mutating func append(_ output: WireOutput) throws(FileError) {
        if output.files.isEmpty { return append(output.bytes) }
        var bytes = output.bytes
        for (index, slice) in output.files {
            let before = index - bytes.readerIndex
            if let part = bytes.readSlice(length: before), before > 0 { append(part) }
            if slice.length <= Self.largestCopiedFile {
                append(try slice.read())
            } else {
                chunks.append(.file(slice))
            }
        }
        if bytes.readableBytes > 0 { append(bytes) }
    }

    mutating func append(_ bytes: ByteBuffer) {
        bufferedBytes += bytes.readableBytes
        // Small responses that wait together leave in one system call.
        if case .bytes(var last)? = chunks.last, bytes.readableBytes <= Self.largestCopiedFile {
            chunks.removeLast()
            last.writeImmutableBuffer(bytes)
            chunks.append(.bytes(last))
        } else {
            chunks.append(.bytes(bytes))
        }
    }

    mutating func removeAll() {
        chunks = []
        bufferedBytes = 0
    }

    /// Writes until all is sent, the socket is full or the share is used up.
    mutating func write(to socket: CInt, sent: inout Int) -> Progress {
        let start = sent
        while let chunk = chunks.first {
            if sent - start >= Self.share { return .yielded }
            let result: Int
            switch chunk {
            case .bytes(let bytes): result = send(bytes, to: socket)
            case .file(let slice): result = Self.send(slice, to: socket)
            }
            if result > 0 {
                sent += result
                advance(by: result)
            } else if result == 0 {
                return .failed("the file of a response is shorter than it should be")
            } else if errno == EAGAIN {
                return .blocked
            } else if errno != EINTR {
                return .failed(systemMessage(errno))
            }
        }
        return .drained
    }

    private func send(_ bytes: ByteBuffer, to socket: CInt) -> Int {
        bytes.withUnsafeReadableBytes { martlet_send(socket, $0.baseAddress, $0.count, chunks.count > 1 ? 1 : 0) }
    }

    private static func send(_ slice: FileSlice, to socket: CInt) -> Int {
        let count = min(slice.length, largestSend)
        if let descriptor = slice.file.descriptor {
            return martlet_sendfile(socket, descriptor, off_t(slice.position.bytes), count)
        }
        // A file without a descriptor is a simulated one.
        do throws(FileError) {
            let part = FileSlice(file: slice.file, position: slice.position, length: count)
            let bytes = try part.read()
            return bytes.withUnsafeReadableBytes { martlet_send(socket, $0.baseAddress, $0.count, 0) }
        } catch {
            errno = error.code
            return -1
        }
    }

    private mutating func advance(by count: Int) {
        switch chunks.removeFirst() {
        case .bytes(var bytes):
            bufferedBytes -= count
            bytes.moveReaderIndex(forwardBy: count)
            if bytes.readableBytes > 0 { chunks.prepend(.bytes(bytes)) }
        case .file(let slice):
            guard count < slice.length else { return }
            let rest = FileSlice(file: slice.file, position: slice.position + count, length: slice.length - count)
            chunks.prepend(.file(rest))
        }
    }
}
