import Dispatch
import Glibc
import NIOCore

/// Why an input cannot be read.
struct InputError: Error, Equatable, CustomStringConvertible {
    let description: String
}

/// A file or standard input, read on a thread of its own because reading may block for ever. Owned by one task; only
/// ``stop()`` may be called from others.
final class InputSource: Sendable {
    /// What the input is called in messages.
    let name: String
    private let descriptor: CInt
    /// Wakes a blocked read: the reading end is polled along with the input.
    private let wakeUp: (reading: CInt, writing: CInt)
    private let queue = DispatchQueue(label: "martlet.input")
    private static let chunkBytes = 256 << 10

    static let standardInput = "-"

    /// - Parameter path: A file, or `-` for standard input.
    init(path: String) throws(InputError) {
        name = path == Self.standardInput ? "standard input" : path
        descriptor = path == Self.standardInput ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw InputError(description: "cannot read \(path): \(Outcome.words(errno: errno))")
        }
        var ends: [CInt] = [-1, -1]
        guard pipe(&ends) == 0 else {
            throw InputError(description: "cannot read \(path): \(Outcome.words(errno: errno))")
        }
        wakeUp = (ends[0], ends[1])
    }

    deinit {
        if descriptor > STDERR_FILENO { close(descriptor) }
        close(wakeUp.reading)
        close(wakeUp.writing)
    }

    /// Lets the input end now, also while it is being waited for.
    func stop() {
        var byte: UInt8 = 0
        // A full pipe says the same already.
        _ = write(wakeUp.writing, &byte, 1)
    }

    /// The next bytes; nil at the end.
    func next() async throws(InputError) -> ByteBuffer? {
        let outcome = await withCheckedContinuation { continuation in
            queue.async { continuation.resume(returning: self.read()) }
        }
        return try outcome.get()
    }

    private func read() -> Result<ByteBuffer?, InputError> {
        while true {
            var descriptors = [
                pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0),
                pollfd(fd: wakeUp.reading, events: Int16(POLLIN), revents: 0),
            ]
            if poll(&descriptors, 2, -1) < 0, errno != EINTR { return .failure(failure(errno)) }
            if descriptors[1].revents != 0 { return .success(nil) }
            if descriptors[0].revents == 0 { continue }
            var buffer = ByteBuffer()
            var code: CInt = 0
            buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: Self.chunkBytes) { space in
                let count = Glibc.read(descriptor, space.baseAddress, space.count)
                if count < 0 { code = errno }
                return max(0, count)
            }
            switch code {
            case 0: return .success(buffer.readableBytes > 0 ? buffer : nil)
            case EINTR, EAGAIN: continue
            default: return .failure(failure(code))
            }
        }
    }

    private func failure(_ code: CInt) -> InputError {
        InputError(description: "cannot read \(name): \(Outcome.words(errno: code))")
    }
}
