import Glibc
package import Model

/// A file system in memory that forgets on a crash what was not synced. Thread-safe: one lock owns everything.
///
/// Data, sizes and directory entries have a present and a durable state each: `sync` makes a file's data and size
/// durable, `syncDirectory` the entries of one directory. ``crash()`` brings the durable state back; with a generator,
/// ``crash(using:)`` lets any part of what was not synced survive, as a disk may. Operations can be made to fail, space
/// can run out, pages can be cold, and everything can stop at any operation.
package final class SimulatedFileSystem: FileSystem {
    /// An operation that a test can make fail.
    package enum Operation: Sendable, Hashable {
        case open, look, read, write, truncate, reserve, sync, map
        case space
        case createDirectory, list, rename, remove, syncDirectory, syncAll
    }

    let state = Locked(State())

    struct State {
        var root = SimulatedDirectory()
        /// Bytes that may still be written; nil is without limit.
        var freeBytes: Int?
        /// The size of the disk as it tells it; nil if it does not.
        var totalBytes: Int?
        var isCold = false
        var isPageCacheFull = false
        /// What was let go of the page cache, by path.
        var dropped: [String: [Range<Int>]] = [:]
        var counts: [Operation: Int] = [:]
        var fault: (@Sendable (Operation, String) -> CInt?)?
        var disk = SimulatedDisk()
    }

    package init() {}

    // MARK: What tests do

    /// Lets `fault` decide, with the path, whether an operation fails, and with which errno(3).
    package func inject(_ fault: (@Sendable (Operation, String) -> CInt?)?) { state.withLock { $0.fault = fault } }

    /// How many bytes may still be written before the disk is full, and of what size it claims to be, if of any.
    package func limit(freeBytes: Int?, totalBytes: Int? = nil) {
        state.withLock { state in
            state.freeBytes = freeBytes
            state.totalBytes = totalBytes
        }
    }

    /// Makes files and mappings claim that no page is in the page cache.
    package func setCold(_ isCold: Bool) { state.withLock { $0.isCold = isCold } }

    /// Makes the page cache claim that it has no room left.
    package func setPageCacheFull(_ isFull: Bool) { state.withLock { $0.isPageCacheFull = isFull } }

    /// The parts of files whose names end so that were let go of the page cache, in that order.
    package func dropped(suffix: String) -> [Range<Int>] {
        state.withLock { $0.dropped.filter { $0.key.hasSuffix(suffix) }.flatMap(\.value) }
    }

    /// Says how the disk below misbehaves.
    package func changeDisk(_ change: (inout SimulatedDisk) -> Void) { state.withLock { change(&$0.disk) } }

    package func count(of operation: Operation) -> Int { state.withLock { $0.counts[operation] ?? 0 } }

    /// How many operations there were in all.
    package var operationCount: Int { state.withLock { $0.disk.operationCount } }

    /// Lets operation number `number` be the last one: it may happen, in part where it writes, and fails; everything
    /// after it fails and does nothing. nil lets all go on.
    package func halt(at number: Int?) {
        state.withLock { state in
            state.disk.haltsAt = number
            state.disk.isHalted = false
        }
    }

    /// Whether the last operation has come.
    package var isHalted: Bool { state.withLock { $0.disk.isHalted } }

    /// Pulls the plug: only what was synced is left. Open files go on with data that nobody will see again.
    package func crash() { state.withLock { $0.root = $0.root.afterCrash(nil) } }

    /// Pulls the plug: what was synced is left, and of the rest any part: whole pages, sectors of them, sizes and
    /// directory entries each for itself.
    package func crash(using generator: SeededGenerator) {
        state.withLock { $0.root = $0.root.afterCrash(Survival(generator: generator)) }
    }

    /// A copy of everything as a kill leaves it: the page cache survives the process.
    package func copy() -> SimulatedFileSystem {
        let copy = SimulatedFileSystem()
        let root = state.withLock { state in
            var known = SimulatedDirectory.Copies()
            return state.root.copy(&known)
        }
        copy.state.withLock { $0.root = root }
        return copy
    }

    // MARK: FileSystem

    package func isPageCacheFull() -> Bool { state.withLock { $0.isPageCacheFull } }

    package func open(_ path: String, _ mode: OpenMode) throws(FileError) -> any File {
        try perform(.open, path) { state throws(FileError) in
            let (parent, name) = try state.root.parent(of: path, for: "open")
            switch parent.entries[name] {
            case .directory: throw FileError("open", path, code: EISDIR)
            case .file(let inode):
                if mode == .createNew { throw FileError("open", path, code: EEXIST) }
                return SimulatedFile(path: path, inode: inode, system: self)
            case nil:
                guard mode == .createNew || mode == .createIfMissing else {
                    throw FileError("open", path, code: ENOENT)
                }
                let inode = SimulatedInode()
                parent.change(.add(name, .file(inode)))
                return SimulatedFile(path: path, inode: inode, system: self)
            }
        }
    }

    package func createDirectory(_ path: String) throws(FileError) {
        try perform(.createDirectory, path) { state throws(FileError) in
            var directory = state.root
            for name in SimulatedDirectory.names(in: path) {
                switch directory.entries[name] {
                case .directory(let next): directory = next
                case .file: throw FileError("createDirectory", path, code: ENOTDIR)
                case nil:
                    let next = SimulatedDirectory()
                    directory.change(.add(name, .directory(next)))
                    directory = next
                }
            }
        }
    }

    package func list(_ directory: String) throws(FileError) -> [String] {
        try perform(.list, directory) { state throws(FileError) in
            // In an order of its own, as file systems have, but the same every time.
            try state.root.directory(directory, for: "list").entries.keys.sorted()
        }
    }

    package func exists(_ path: String) throws(FileError) -> Bool {
        try state.withLock { state throws(FileError) in
            if let code = state.fault?(.look, path) { throw FileError("look for", path, code: code) }
            return state.root.node(path) != nil
        }
    }

    package func rename(_ path: String, to newPath: String) throws(FileError) {
        try perform(.rename, path) { state throws(FileError) in
            let (source, name) = try state.root.parent(of: path, for: "rename")
            let (target, newName) = try state.root.parent(of: newPath, for: "rename")
            guard let node = source.entries[name] else { throw FileError("rename", path, code: ENOENT) }
            if source === target {
                source.change(.rename(name, newName, node))
            } else {
                source.change(.remove(name))
                target.change(.add(newName, node))
            }
        }
    }

    package func remove(_ path: String) throws(FileError) {
        try perform(.remove, path) { state throws(FileError) in try state.remove(path) }
    }

    package func removeTree(_ path: String) throws(FileError) {
        try perform(.remove, path) { state throws(FileError) in try state.remove(path) }
    }

    package func space(of path: String) throws(FileError) -> FileSystemSpace? {
        try perform(.space, path) { state in
            guard let total = state.totalBytes, let free = state.freeBytes else { return nil }
            return FileSystemSpace(total: total, free: free)
        }
    }

    package func syncDirectory(_ path: String) throws(FileError) {
        try perform(.syncDirectory, path) { state throws(FileError) in
            let directory = try state.root.directory(path, for: "syncDirectory")
            if !state.disk.liesAboutSyncs { directory.sync() }
        }
    }

    package func syncAll(_ path: String) throws(FileError) {
        try perform(.syncAll, path) { state in
            if state.disk.fails { return state.root.dropAll() }
            if !state.disk.liesAboutSyncs { state.root.syncAll() }
        }
    }

    // MARK: Inside

    /// Counts an operation, lets it fail if a test wants that, and runs it.
    func perform<Result>(
        _ operation: Operation,
        _ path: String,
        _ body: (inout State) throws(FileError) -> Result
    ) throws(FileError) -> Result {
        if [.sync, .syncDirectory, .syncAll].contains(operation) { DiskWaits.begin(path) }
        return try state.withLock { state throws(FileError) in
            state.counts[operation, default: 0] += 1
            switch state.disk.next() {
            case .proceed: break
            case .refuse: throw FileError("\(operation)", path, code: EIO)
            case .last(let happens):
                if happens { _ = try body(&state) }
                throw FileError("\(operation)", path, code: EIO)
            }
            if let code = state.fault?(operation, path) {
                state.disk.fails = true
                defer { state.disk.fails = false }
                if state.disk.leavesTraces(operation) { _ = try body(&state) }
                throw FileError("\(operation)", path, code: code)
            }
            return try body(&state)
        }
    }
}

extension SimulatedFileSystem.State {
    fileprivate mutating func remove(_ path: String) throws(FileError) {
        let (parent, name) = try root.parent(of: path, for: "remove")
        guard let node = parent.entries[name] else { return }
        freeBytes? += node.size
        parent.change(.remove(name))
    }
}
