import Glibc
import Model
import NIOCore

/// Why a command cannot go on with what it was given, in plain words. Immutable.
struct InputError: Error, Equatable, CustomStringConvertible {
    let description: String
    /// What the command ends with.
    var status = ExitStatus.failure
}

/// A file or standard input, read on a thread of its own because reading may block for ever. Owned by one task; only
/// ``stop()`` may be called from others.
final class InputSource: Sendable {
    /// What the input is called in messages.
    let name: String
    private let descriptor: CInt
    /// Commands to the thread, one byte each, which also wake it while it waits for the input.
    private let commands: (reading: CInt, writing: CInt)
    private let waiting: Locked<CheckedContinuation<Result<ByteBuffer?, InputError>, Never>?>
    private let thread: NamedThread

    static let standardInput = "-"
    private static let readCommand: UInt8 = 1
    private static let stopCommand: UInt8 = 2

    /// - Parameter path: A file, or `-` for standard input.
    init(path: String) throws(InputError) {
        let isStandard = path == Self.standardInput
        let name = isStandard ? "standard input" : path
        let descriptor = isStandard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC)
        var ends: [CInt] = [-1, -1]
        guard descriptor >= 0, pipe(&ends) == 0 else {
            throw InputError(description: "cannot read \(name): \(Outcome.words(errno: errno))", status: .noInput)
        }
        let waiting = Locked<CheckedContinuation<Result<ByteBuffer?, InputError>, Never>?>(nil)
        let reader = InputReader(name: name, descriptor: descriptor, commands: ends[0])
        self.name = name
        self.descriptor = descriptor
        self.waiting = waiting
        commands = (ends[0], ends[1])
        thread = NamedThread("input") {
            reader.run { outcome in
                let continuation = waiting.withLock { waiting in
                    defer { waiting = nil }
                    return waiting
                }
                continuation?.resume(returning: outcome)
            }
        }
    }

    deinit {
        // The thread ends when nobody can send commands any more.
        close(commands.writing)
        thread.join()
        close(commands.reading)
        if descriptor > STDERR_FILENO { close(descriptor) }
    }

    /// How many bytes there are to read of these, as far as they are files; nil if one of them is not, or is not there.
    static func totalBytes(_ paths: [String]) -> Int? {
        var total = 0
        for path in paths {
            var status = stat()
            let isStandard = path == standardInput
            guard (isStandard ? fstat(STDIN_FILENO, &status) : stat(path, &status)) == 0 else { return nil }
            guard status.st_mode & S_IFMT == S_IFREG else { return nil }
            total += max(0, status.st_size - (isStandard ? max(0, lseek(STDIN_FILENO, 0, SEEK_CUR)) : 0))
        }
        return total
    }

    /// Lets the input end now, also while it is being waited for.
    func stop() { send(Self.stopCommand) }

    /// The next bytes; nil at the end.
    func next() async throws(InputError) -> ByteBuffer? {
        let outcome = await withCheckedContinuation { continuation in
            waiting.withLock { $0 = continuation }
            send(Self.readCommand)
        }
        return try outcome.get()
    }

    private func send(_ command: UInt8) {
        var byte = command
        // The pipe cannot be full: there is at most one read command in it, and stopping is rare.
        while write(commands.writing, &byte, 1) < 0, errno == EINTR {}
    }

    /// What the thread does. Immutable.
    private struct InputReader: Sendable {
        let name: String
        let descriptor: CInt
        let commands: CInt

        private static let chunkBytes = 256 << 10

        /// Answers each read command, with the end once it has been told to stop.
        func run(_ answer: (Result<ByteBuffer?, InputError>) -> Void) {
            var isStopped = false
            while true {
                var command: UInt8 = 0
                let count = Glibc.read(commands, &command, 1)
                if count < 0, errno == EINTR { continue }
                guard count == 1 else { return }
                if command == InputSource.stopCommand {
                    isStopped = true
                } else {
                    answer(isStopped ? .success(nil) : read())
                }
            }
        }

        private func read() -> Result<ByteBuffer?, InputError> {
            while true {
                var descriptors = [
                    pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0),
                    pollfd(fd: commands, events: Int16(POLLIN), revents: 0),
                ]
                if poll(&descriptors, 2, -1) < 0, errno != EINTR { return failure(errno) }
                // No other command than to stop can come before this one is answered.
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
                default: return failure(code)
                }
            }
        }

        private func failure(_ code: CInt) -> Result<ByteBuffer?, InputError> {
            .failure(
                InputError(description: "cannot read \(name): \(Outcome.words(errno: code))", status: .noInput)
            )
        }
    }
}
