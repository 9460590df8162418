package import Model

/// A simulated file system whose syncs of files wait at a gate that a test opens and closes: what happens while a disk is
/// busy can be looked at. Thread-safe.
package final class GatedFileSystem: FileSystem {
    package let base: SimulatedFileSystem
    /// Whether the gate is closed, and how many syncs wait at it.
    private let gate = Locked((isClosed: false, waiting: 0))
    /// Signalled by a sync that begins to wait, and by the test for each that may go on.
    private let arrived = Semaphore()
    private let opened = Semaphore()

    package init(_ base: SimulatedFileSystem = SimulatedFileSystem()) { self.base = base }

    /// Makes the next syncs wait.
    package func closeGate() { gate.withLock { $0.isClosed = true } }

    /// Waits until a sync is waiting.
    package func awaitArrival() { arrived.wait() }

    /// Lets new syncs pass by those that wait.
    package func leaveGateOpen() { gate.withLock { $0.isClosed = false } }

    /// Lets those that wait go on, and all that come after them.
    package func openGate() {
        let waiting = gate.withLock { gate in
            defer { gate = (false, 0) }
            return gate.waiting
        }
        for _ in 0..<waiting { opened.signal() }
    }

    fileprivate func pass() {
        let mustWait = gate.withLock { gate in
            if gate.isClosed { gate.waiting += 1 }
            return gate.isClosed
        }
        guard mustWait else { return }
        arrived.signal()
        opened.wait()
    }

    package func open(_ path: String, _ mode: OpenMode) throws(FileError) -> any File {
        GatedFile(base: try base.open(path, mode), system: self)
    }

    package func createDirectory(_ path: String) throws(FileError) { try base.createDirectory(path) }
    package func list(_ directory: String) throws(FileError) -> [String] { try base.list(directory) }
    package func exists(_ path: String) throws(FileError) -> Bool { try base.exists(path) }
    package func remove(_ path: String) throws(FileError) { try base.remove(path) }
    package func removeTree(_ path: String) throws(FileError) { try base.removeTree(path) }
    package func syncDirectory(_ path: String) throws(FileError) { try base.syncDirectory(path) }
    package func syncAll(_ path: String) throws(FileError) { try base.syncAll(path) }

    package func rename(_ path: String, to newPath: String) throws(FileError) {
        try base.rename(path, to: newPath)
    }
}

/// A file whose syncs wait at the gate. Immutable.
private final class GatedFile: File {
    let base: any File
    let system: GatedFileSystem

    init(base: any File, system: GatedFileSystem) {
        self.base = base
        self.system = system
    }

    var path: String { base.path }
    var descriptor: CInt? { base.descriptor }
    func size() throws(FileError) -> Int { try base.size() }
    func truncate(to size: Int) throws(FileError) { try base.truncate(to: size) }
    func takeExclusively() throws(FileError) -> Bool { try base.takeExclusively() }
    func map(capacity: Int) throws(FileError) -> any FileMapping { try base.map(capacity: capacity) }

    func isCached(from position: FilePosition, length: Int) -> Bool { base.isCached(from: position, length: length) }

    func readCached(into buffer: UnsafeMutableRawBufferPointer, at position: FilePosition) throws(FileError) -> Int? {
        try base.readCached(into: buffer, at: position)
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at position: FilePosition) throws(FileError) -> Int {
        try base.read(into: buffer, at: position)
    }

    func write(
        _ head: UnsafeRawBufferPointer,
        _ tail: UnsafeRawBufferPointer,
        at position: FilePosition
    ) throws(FileError) {
        try base.write(head, tail, at: position)
    }

    func reserve(from position: FilePosition, length: Int) throws(FileError) {
        try base.reserve(from: position, length: length)
    }

    func sync() throws(FileError) {
        system.pass()
        try base.sync()
    }
}
