package import Model

/// A file system in memory that forgets on a crash what was not synced. Thread-safe: one lock owns everything.
///
/// Data and directory entries have a present and a durable state each: `sync` makes a file's data durable,
/// `syncDirectory` the entries of one directory, and ``crash()`` brings the durable state back. Operations can be made
/// to fail, space can run out, and pages can be cold.
package final class SimulatedFileSystem: FileSystem {
    /// An operation that a test can make fail.
    package enum Operation: Sendable, Hashable {
        case open, read, write, truncate, reserve, sync, map
        case space
        case createDirectory, list, rename, remove, syncDirectory, syncAll
    }

    let state = Locked(State())

    struct State {
        /// Every path but the root; nil stands for a directory.
        var entries: [String: SimulatedInode?] = [:]
        var durableEntries: [String: SimulatedInode?] = [:]
        /// Bytes that may still be written; nil is without limit.
        var freeBytes: Int?
        /// The size of the disk as it tells it; nil if it does not.
        var totalBytes: Int?
        var isCold = false
        var dropsOnFailedSync = false
        var counts: [Operation: Int] = [:]
        var fault: (@Sendable (Operation, String) -> CInt?)?
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

    /// Makes mappings claim that no page is resident.
    package func setCold(_ isCold: Bool) { state.withLock { $0.isCold = isCold } }

    /// Makes syncs that fail drop what they were to write, as Linux does.
    package func setDropsOnFailedSync(_ drops: Bool) { state.withLock { $0.dropsOnFailedSync = drops } }

    package func count(of operation: Operation) -> Int { state.withLock { $0.counts[operation] ?? 0 } }

    /// Pulls the plug: only what was synced is left. Open files go on with data that nobody will see again.
    package func crash() {
        state.withLock { state in
            state.entries = state.durableEntries.mapValues { $0?.afterCrash() }
            state.durableEntries = state.entries
        }
    }

    /// A copy of everything as a kill leaves it: the page cache survives the process.
    package func copy() -> SimulatedFileSystem {
        let copy = SimulatedFileSystem()
        let (entries, durable) = state.withLock { ($0.entries, $0.durableEntries) }
        copy.state.withLock { state in
            state.entries = entries.mapValues { $0?.copy() }
            state.durableEntries = durable.mapValues { $0?.copy() }
        }
        return copy
    }

    // MARK: FileSystem

    package func open(_ path: String, _ mode: OpenMode) throws(FileError) -> any File {
        try perform(.open, path) { state throws(FileError) in
            if let entry = state.entries[path] {
                guard let inode = entry else { throw FileError("open", path, code: 21) }
                if mode == .createNew { throw FileError("open", path, code: 17) }
                return SimulatedFile(path: path, inode: inode, system: self)
            }
            guard mode == .createNew || mode == .createIfMissing, isDirectory(Self.parent(of: path), state) else {
                throw FileError("open", path, code: 2)
            }
            let inode = SimulatedInode()
            state.entries[path] = .some(inode)
            return SimulatedFile(path: path, inode: inode, system: self)
        }
    }

    package func createDirectory(_ path: String) throws(FileError) {
        try perform(.createDirectory, path) { state throws(FileError) in
            var missing = path
            while missing != "/", state.entries[missing] == nil {
                state.entries[missing] = .some(nil)
                missing = Self.parent(of: missing)
            }
        }
    }

    package func list(_ directory: String) throws(FileError) -> [String] {
        try perform(.list, directory) { state throws(FileError) in
            guard isDirectory(directory, state) else { throw FileError("list", directory, code: 2) }
            return state.entries.keys.filter { Self.parent(of: $0) == directory }
                .map { String($0.dropFirst(directory.utf8.count + 1)) }
        }
    }

    package func exists(_ path: String) -> Bool { state.withLock { $0.entries[path] != nil } }

    package func rename(_ path: String, to newPath: String) throws(FileError) {
        try perform(.rename, path) { state throws(FileError) in
            guard state.entries[path] != nil else { throw FileError("rename", path, code: 2) }
            for (old, inode) in state.entries where old == path || old.hasPrefix(path + "/") {
                state.entries[old] = nil
                state.entries[newPath + old.dropFirst(path.count)] = .some(inode)
            }
        }
    }

    package func remove(_ path: String) throws(FileError) {
        try perform(.remove, path) { state in free(path, &state) }
    }

    private func free(_ path: String, _ state: inout State) {
        if let entry = state.entries.removeValue(forKey: path) { state.freeBytes? += entry?.data.count ?? 0 }
    }

    package func space(of path: String) throws(FileError) -> FileSystemSpace? {
        try perform(.space, path) { state in
            guard let total = state.totalBytes, let free = state.freeBytes else { return nil }
            return FileSystemSpace(total: total, free: free)
        }
    }

    package func removeTree(_ path: String) throws(FileError) {
        try perform(.remove, path) { state in
            for old in state.entries.keys where old == path || old.hasPrefix(path + "/") { free(old, &state) }
        }
    }

    package func syncDirectory(_ path: String) throws(FileError) {
        try perform(.syncDirectory, path) { state in
            // What is in a directory goes and comes with the directory's own entry.
            for old in state.durableEntries.keys where Self.parent(of: old) == path && state.entries[old] == nil {
                for gone in state.durableEntries.keys where gone == old || gone.hasPrefix(old + "/") {
                    state.durableEntries[gone] = nil
                }
            }
            for (name, inode) in state.entries where Self.parent(of: name) == path {
                state.durableEntries[name] = .some(inode)
            }
        }
    }

    package func syncAll(_ path: String) throws(FileError) {
        do throws(FileError) {
            try perform(.syncAll, path) { state in
                for inode in state.entries.values { inode?.sync() }
                state.durableEntries = state.entries
            }
        } catch {
            state.withLock { state in
                if state.dropsOnFailedSync { for inode in state.entries.values { inode?.failSync() } }
            }
            throw error
        }
    }

    // MARK: Inside

    /// Counts an operation, lets it fail if a test wants that, and runs it.
    func perform<Result>(
        _ operation: Operation,
        _ path: String,
        _ body: (inout State) throws(FileError) -> Result
    ) throws(FileError) -> Result {
        try state.withLock { state throws(FileError) in
            state.counts[operation, default: 0] += 1
            if let code = state.fault?(operation, path) { throw FileError("\(operation)", path, code: code) }
            return try body(&state)
        }
    }

    private func isDirectory(_ path: String, _ state: State) -> Bool {
        if path == "/" { return true }
        guard let entry = state.entries[path] else { return false }
        return entry == nil
    }

    static func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else { return "/" }
        return String(path[..<slash])
    }
}
