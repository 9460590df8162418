import Glibc
package import Model

/// A file system that counts the files that are open, and can have an end to them, as a process has, and the bytes that are
/// read and the writes. Thread-safe.
package final class CountingFileSystem: FileSystem {
    private let base: any FileSystem
    private let state = Locked(State())

    private struct State {
        var count = 0
        var limit: Int?
        var watcher: (@Sendable (String) -> Void)?
        var bytesRead: [String: Int] = [:]
        var writes: [String: Int] = [:]
    }

    package init(_ base: any FileSystem) { self.base = base }

    package var openCount: Int { state.withLock { $0.count } }

    /// How many bytes of files whose names end so were read.
    package func bytesRead(suffix: String) -> Int {
        state.withLock { $0.bytesRead.filter { $0.key.hasSuffix(suffix) }.values.reduce(0, +) }
    }

    /// How many writes there were to files whose names end so.
    package func writes(suffix: String) -> Int {
        state.withLock { $0.writes.filter { $0.key.hasSuffix(suffix) }.values.reduce(0, +) }
    }

    /// How many files may be open; nil is without limit.
    package var limit: Int? {
        get { state.withLock { $0.limit } }
        set { state.withLock { $0.limit = newValue } }
    }

    /// Has `watcher` called with the path before a file is opened; it may block.
    package func watch(_ watcher: (@Sendable (String) -> Void)?) { state.withLock { $0.watcher = watcher } }

    package func open(_ path: String, _ mode: OpenMode) throws(FileError) -> any File {
        state.withLock { $0.watcher }?(path)
        try state.withLock { state throws(FileError) in
            if let limit = state.limit, state.count >= limit { throw FileError("open", path, code: EMFILE) }
            state.count += 1
        }
        do throws(FileError) {
            return CountedFile(
                try base.open(path, mode),
                read: { [self] count in state.withLock { $0.bytesRead[path, default: 0] += count } },
                wrote: { [self] in state.withLock { $0.writes[path, default: 0] += 1 } },
                closed: { [self] in closed() }
            )
        } catch {
            closed()
            throw error
        }
    }

    private func closed() { state.withLock { $0.count -= 1 } }

    package func createDirectory(_ path: String) throws(FileError) { try base.createDirectory(path) }

    package func list(_ directory: String) throws(FileError) -> [String] { try base.list(directory) }

    package func exists(_ path: String) throws(FileError) -> Bool { try base.exists(path) }

    package func rename(_ path: String, to newPath: String) throws(FileError) { try base.rename(path, to: newPath) }

    package func remove(_ path: String) throws(FileError) { try base.remove(path) }

    package func removeTree(_ path: String) throws(FileError) { try base.removeTree(path) }

    package func syncDirectory(_ path: String) throws(FileError) { try base.syncDirectory(path) }

    package func syncAll(_ path: String) throws(FileError) { try base.syncAll(path) }

    package func modificationTime(_ path: String) throws(FileError) -> Timestamp? { try base.modificationTime(path) }
}

/// A file that says when it is read, written and closed. Immutable.
private final class CountedFile: File {
    private let base: any File
    private let read: @Sendable (Int) -> Void
    private let wrote: @Sendable () -> Void
    private let closed: @Sendable () -> Void

    init(
        _ base: any File,
        read: @escaping @Sendable (Int) -> Void,
        wrote: @escaping @Sendable () -> Void,
        closed: @escaping @Sendable () -> Void
    ) {
        self.base = base
        self.read = read
        self.wrote = wrote
        self.closed = closed
    }

    deinit { closed() }

    var path: String { base.path }

    var descriptor: CInt? { base.descriptor }

    func size() throws(FileError) -> Int { try base.size() }

    func read(into buffer: UnsafeMutableRawBufferPointer, at position: FilePosition) throws(FileError) -> Int {
        let count = try base.read(into: buffer, at: position)
        read(count)
        return count
    }

    func readCached(into buffer: UnsafeMutableRawBufferPointer, at position: FilePosition) throws(FileError) -> Int? {
        let count = try base.readCached(into: buffer, at: position)
        if let count { read(count) }
        return count
    }

    func dropCached(from position: FilePosition, length: Int) { base.dropCached(from: position, length: length) }

    func isCached(from position: FilePosition, length: Int) -> Bool { base.isCached(from: position, length: length) }

    func write(
        _ head: UnsafeRawBufferPointer,
        _ tail: UnsafeRawBufferPointer,
        at position: FilePosition
    ) throws(FileError) {
        wrote()
        try base.write(head, tail, at: position)
    }

    func truncate(to size: Int) throws(FileError) { try base.truncate(to: size) }

    func reserve(from position: FilePosition, length: Int) throws(FileError) {
        try base.reserve(from: position, length: length)
    }

    func sync() throws(FileError) { try base.sync() }

    func takeExclusively() throws(FileError) -> Bool { try base.takeExclusively() }

    func map(capacity: Int) throws(FileError) -> any FileMapping { try base.map(capacity: capacity) }
}
