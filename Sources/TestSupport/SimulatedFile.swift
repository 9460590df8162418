import Glibc
import Model

/// An open simulated file. Thread-safe by the file system's lock.
final class SimulatedFile: File {
    let path: String
    let descriptor: CInt? = nil
    private let inode: SimulatedInode
    private let system: SimulatedFileSystem
    private let holdsLock = Locked(false)

    init(path: String, inode: SimulatedInode, system: SimulatedFileSystem) {
        self.path = path
        self.inode = inode
        self.system = system
    }

    deinit {
        guard holdsLock.withLock({ $0 }) else { return }
        system.state.withLock { _ in inode.isTaken = false }
    }

    func size() throws(FileError) -> Int { system.state.withLock { _ in inode.data.count } }

    func read(into buffer: UnsafeMutableRawBufferPointer, at position: FilePosition) throws(FileError) -> Int {
        try system.perform(.read, path) { _ in
            let start = min(max(0, position.bytes), inode.data.count)
            let end = min(start + buffer.count, inode.data.count)
            buffer.copyBytes(from: inode.data[start..<end])
            return end - start
        }
    }

    func readCached(into buffer: UnsafeMutableRawBufferPointer, at position: FilePosition) throws(FileError) -> Int? {
        isCached(from: position, length: buffer.count) ? try read(into: buffer, at: position) : nil
    }

    func dropCached(from position: FilePosition, length: Int) {
        system.state.withLock { $0.dropped[path, default: []].append(position.bytes..<position.bytes + length) }
    }

    func isCached(from position: FilePosition, length: Int) -> Bool { system.state.withLock { !$0.isCold } }

    func write(
        _ head: UnsafeRawBufferPointer,
        _ tail: UnsafeRawBufferPointer,
        at position: FilePosition
    ) throws(FileError) {
        var bytes = Array(head)
        bytes.append(contentsOf: tail)
        try system.perform(.write, path) { state throws(FileError) in
            let wanted = state.disk.written(of: bytes.count, at: position.bytes)
            let fitting = min(wanted, max(0, state.freeBytes ?? wanted))
            state.freeBytes? -= fitting
            inode.write(bytes.prefix(fitting), at: position.bytes)
            if fitting < wanted { throw FileError("write", path, code: ENOSPC) }
        }
    }

    func truncate(to size: Int) throws(FileError) {
        try system.perform(.truncate, path) { state in
            state.freeBytes? += max(0, inode.data.count - size)
            inode.truncate(to: size)
        }
    }

    func reserve(from position: FilePosition, length: Int) throws(FileError) {
        try system.perform(.reserve, path) { state throws(FileError) in
            if let free = state.freeBytes, free < length { throw FileError("reserve", path, code: ENOSPC) }
        }
    }

    func sync() throws(FileError) {
        try system.perform(.sync, path) { state in
            if state.disk.fails { return inode.dropChanges() }
            if !state.disk.liesAboutSyncs { inode.sync() }
        }
    }

    func takeExclusively() throws(FileError) -> Bool {
        let isFree = system.state.withLock { _ in
            defer { inode.isTaken = true }
            return !inode.isTaken
        }
        if isFree { holdsLock.withLock { $0 = true } }
        return isFree
    }

    func map(capacity: Int) throws(FileError) -> any FileMapping {
        try system.perform(.map, path) { _ throws(FileError) in
            guard let mapping = SimulatedMapping(capacity: capacity, system: system) else {
                throw FileError("map", path, code: ENOMEM)
            }
            inode.map(mapping)
            return mapping
        }
    }
}

/// A view of a simulated file: memory of its own that every write is copied to. Sharing it is safe: the file system's
/// lock guards the writes, and as with a real mapping nobody reads what has not been written yet.
final class SimulatedMapping: FileMapping, @unchecked Sendable {
    let bytes: UnsafeRawBufferPointer
    private let memory: UnsafeMutableRawBufferPointer
    private let system: SimulatedFileSystem

    init?(capacity: Int, system: SimulatedFileSystem) {
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        guard let address = mmap(nil, capacity, PROT_READ | PROT_WRITE, flags, -1, 0), address != MAP_FAILED else {
            return nil
        }
        memory = UnsafeMutableRawBufferPointer(start: address, count: capacity)
        bytes = UnsafeRawBufferPointer(memory)
        self.system = system
    }

    deinit { munmap(memory.baseAddress, memory.count) }

    func update(_ data: [UInt8], from start: Int, to end: Int) {
        let end = min(end, memory.count)
        guard start < end else { return }
        UnsafeMutableRawBufferPointer(rebasing: memory[start..<end]).copyBytes(from: data[start..<end])
    }

    func isResident(from position: FilePosition, length: Int) -> Bool { system.state.withLock { !$0.isCold } }
}
