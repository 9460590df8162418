import Model

/// A file of equally long entries that grows at its end: what offset and time index have in common. Owned by its own
/// lock, which is a leaf: nothing else is locked or waited for under it but the file itself.
///
/// Entries are written with pwrite, never through a mapping: on a full disk that is an error and not a signal. The last
/// few wait in memory, so that an append does not cost a system call, and an inode's change, for each; after a crash they
/// are made again from the batches, as the unsynced rest is. The file comes into being with its first entries; what lies
/// behind the counted ones is leftovers of a failed write.
final class IndexFile: Sendable {
    let entrySize: Int
    /// How many bytes of entries wait to be written together, when whoever appends looks at ``isFull``.
    private static let pendingBytes = 256
    private let fileSystem: any FileSystem
    private let openFiles: OpenFiles?
    private let state: Locked<State>

    private struct State {
        /// nil until someone has looked at the file.
        var count: Int?
        /// The last of these entries, which are not in the file yet.
        var pending: [UInt8] = []
        var file: (any File)?
        var mapping: (any FileMapping)?
        var path: String
        /// Another file has the name, or will: this one stays open for its last readers and is not written any more.
        var isReplaced = false
        /// Whether somebody has used it since the last look.
        var isUsed = false
        /// Whether ``OpenFiles`` knows that it is open.
        var isNoted = false
    }

    /// `count` is known for a new index (0); otherwise it is what the file holds.
    init(path: String, entrySize: Int, fileSystem: any FileSystem, openFiles: OpenFiles?, count: Int?) {
        self.entrySize = entrySize
        self.fileSystem = fileSystem
        self.openFiles = openFiles
        state = Locked(State(count: count, path: path))
    }

    /// How many entries there are.
    func count() throws(FileError) -> Int {
        try state.withLock { state throws(FileError) in try count(&state) }
    }

    /// Whether ``flush()`` is due before another entry is appended.
    var isFull: Bool { state.withLock { $0.pending.count + entrySize > Self.pendingBytes } }

    /// Writes the entries that wait in memory.
    func flush() throws(FileError) {
        try state.withLock { state throws(FileError) in try writePending(&state) }
    }

    /// Appends one entry, in memory.
    func append(_ entry: [UInt8]) throws(FileError) {
        invariant(entry.count == entrySize, "an entry has \(entrySize) bytes, not \(entry.count)")
        try state.withLock { state throws(FileError) in
            let count = try count(&state)
            state.pending.append(contentsOf: entry)
            state.count = count + 1
        }
    }

    /// The entries as they are now, for searching. With `mapped`, through the page cache without system calls, which
    /// waits for the disk if a page is missing; else by reading the file.
    func view(mapped: Bool, capacity: Int) throws(FileError) -> IndexView {
        try state.withLock { state throws(FileError) in
            let count = try count(&state)
            func view(_ source: IndexView.Source) -> IndexView {
                IndexView(count: count, entrySize: entrySize, source: source, pending: state.pending)
            }
            let needed = count * entrySize - state.pending.count
            guard needed > 0 else { return view(.none) }
            let file = try open(&state, .existing)
            guard mapped else { return view(.file(file)) }
            if let mapping = state.mapping, mapping.bytes.count >= needed { return view(.mapping(mapping)) }
            let mapping = try file.map(capacity: max(needed, capacity))
            state.mapping = mapping
            return view(.mapping(mapping))
        }
    }

    /// Replaces all entries: a new file takes the old one's name, so that those who search the old one are not
    /// disturbed. `synced`: recovery may begin at the last checkpoint and trust the entries of what came long before it, so
    /// that a power cut must not find the old file gone and the new one empty.
    func replace(with entries: [UInt8], synced: Bool = true) throws(FileError) {
        invariant(entries.count % entrySize == 0, "entries have \(entrySize) bytes each")
        try state.withLock { state throws(FileError) in
            if state.isReplaced { return }
            let temporary = state.path + LogFileNames.temporary
            try fileSystem.remove(temporary)
            let file = try fileSystem.open(temporary, .createNew)
            try write(entries, to: file, at: .zero)
            if synced { try file.sync() }
            try fileSystem.rename(temporary, to: state.path)
            state.count = entries.count / entrySize
            state.pending = []
            state.file = nil
            state.mapping = nil
        }
    }

    /// Replaces all entries, unless they are on disk as they should be: of the many segments that are looked through after
    /// a crash, few have changed.
    func replaceUnlessSame(_ entries: [UInt8], synced: Bool) throws(FileError) {
        if try contents() != entries { try replace(with: entries, synced: synced) }
    }

    /// Brings the file into the page cache if it is not there. May wait for the disk.
    func load() throws(FileError) {
        let (file, length) = try state.withLock { state throws(FileError) in
            let length = try count(&state) * entrySize - state.pending.count
            return (length > 0 ? try open(&state, .existing) : nil, length)
        }
        guard let file, !file.isCached(from: .zero, length: length) else { return }
        var scratch = [UInt8](repeating: 0, count: min(length, LogEnvironment.scratchBytes))
        var position = 0
        while position < length {
            let count = try scratch.withMutableBytes { buffer throws(FileError) in
                try file.read(into: buffer, at: FilePosition(position))
            }
            if count == 0 { return }
            position += count
        }
    }

    /// The bytes of all entries.
    func contents() throws(FileError) -> [UInt8] {
        try state.withLock { state throws(FileError) in
            var bytes = [UInt8](repeating: 0, count: try count(&state) * entrySize - state.pending.count)
            guard !bytes.isEmpty else { return state.pending }
            let file = try open(&state, .existing)
            let count = try bytes.withMutableBytes { buffer throws(FileError) in
                try file.read(into: buffer, at: .zero)
            }
            guard count == bytes.count else { return Array(bytes.prefix(count / entrySize * entrySize)) }
            return bytes + state.pending
        }
    }

    /// Makes the file exist and be exactly as long as its entries. For a segment that takes no more.
    func trim() throws(FileError) {
        try state.withLock { state throws(FileError) in
            let count = try count(&state)
            try writePending(&state)
            let file = try open(&state, .createIfMissing)
            if try file.size() != count * entrySize { try file.truncate(to: count * entrySize) }
        }
    }

    /// Makes durable what was appended before. Without the lock: whoever appends meanwhile does not wait for the disk.
    func sync() throws(FileError) {
        let file = try state.withLock { state throws(FileError) in
            try writePending(&state)
            return try count(&state) > 0 ? open(&state, .existing) : nil
        }
        try file?.sync()
    }

    /// Closes file and mapping until they are needed again.
    func release() {
        state.withLock { state in
            if state.isReplaced { return }
            state.mapping = nil
            state.file = nil
        }
    }

    /// Opens the file for good, before another one takes its name.
    func keepOpen() throws(FileError) {
        try state.withLock { state throws(FileError) in
            try writePending(&state)
            if try count(&state) > 0 { _ = try open(&state, .existing) }
            state.isReplaced = true
        }
    }

    /// Takes ``keepOpen()`` back.
    func resume() { state.withLock { $0.isReplaced = false } }

    /// Gives the file the name that it is to keep.
    func rename(to path: String) throws(FileError) {
        try state.withLock { state throws(FileError) in
            guard state.path != path else { return }
            if try fileSystem.exists(state.path) { try fileSystem.rename(state.path, to: path) }
            state.path = path
        }
    }

    private func count(_ state: inout State) throws(FileError) -> Int {
        if let count = state.count { return count }
        guard try fileSystem.exists(state.path) else {
            state.count = 0
            return 0
        }
        let count = try open(&state, .existing).size() / entrySize
        state.count = count
        return count
    }

    private func open(_ state: inout State, _ mode: OpenMode) throws(FileError) -> any File {
        state.isUsed = true
        if let file = state.file { return file }
        let file = try fileSystem.open(state.path, mode)
        state.file = file
        if !state.isNoted, let openFiles {
            state.isNoted = true
            openFiles.opened(self)
        }
        return file
    }

    private func writePending(_ state: inout State) throws(FileError) {
        if state.pending.isEmpty { return }
        let end = try count(&state) * entrySize
        let file = try open(&state, .createIfMissing)
        try write(state.pending, to: file, at: FilePosition(end - state.pending.count))
        state.pending.removeAll(keepingCapacity: true)
    }

    private func write(_ bytes: [UInt8], to file: any File, at position: FilePosition) throws(FileError) {
        try bytes.withBytes { bytes throws(FileError) in
            try file.write(bytes, UnsafeRawBufferPointer(start: nil, count: 0), at: position)
        }
    }
}

extension IndexFile: FileHolder {
    /// Whatever is lost of an index is found wrong when it is used: it may be closed although it is not synced.
    func closeUnlessUsed() -> ClosingOutcome {
        let outcome = state.withLockIfFree { state -> ClosingOutcome in
            if state.file != nil, state.isUsed || state.isReplaced {
                state.isUsed = false
                return .used
            }
            state.mapping = nil
            state.file = nil
            state.isNoted = false
            return .closed
        }
        return outcome ?? .used
    }
}

/// The entries of an index at one moment. Immutable; keeps the file or its mapping open.
struct IndexView {
    enum Source {
        case none
        case mapping(any FileMapping)
        case file(any File)
    }

    let count: Int
    let entrySize: Int
    let source: Source
    /// The last entries, which the source does not have yet.
    let pending: [UInt8]

    /// Calls `body` with the bytes of one entry.
    func withEntry<Result>(
        _ number: Int,
        _ body: (UnsafeRawBufferPointer) -> Result
    ) throws(FileError) -> Result {
        invariant(number >= 0 && number < count, "entry \(number) of \(count) was asked for")
        let position = number * entrySize
        let inFile = count * entrySize - pending.count
        if position >= inFile {
            return pending.withBytes { bytes in
                body(UnsafeRawBufferPointer(rebasing: bytes[(position - inFile)..<(position - inFile + entrySize)]))
            }
        }
        switch source {
        case .mapping(let mapping):
            return body(UnsafeRawBufferPointer(rebasing: mapping.bytes[position..<position + entrySize]))
        case .file(let file):
            var bytes = (UInt64(0), UInt64(0))
            return try withUnsafeMutableBytes(of: &bytes) { buffer throws(FileError) in
                let entry = UnsafeMutableRawBufferPointer(rebasing: buffer[0..<entrySize])
                // A file cut short by someone reads as zeros; whoever follows the entry checks where it leads.
                _ = try file.read(into: entry, at: FilePosition(position))
                return body(UnsafeRawBufferPointer(entry))
            }
        case .none:
            return body(UnsafeRawBufferPointer(start: nil, count: 0))
        }
    }

    /// The number of the last entry for which `precedes` holds, given that it holds for a prefix; nil if for none.
    func last(where precedes: (UnsafeRawBufferPointer) -> Bool) throws(FileError) -> Int? {
        var low = 0
        var high = count
        while low < high {
            let middle = low + (high - low) / 2
            if try withEntry(middle, precedes) { low = middle + 1 } else { high = middle }
        }
        return low == 0 ? nil : low - 1
    }

    /// Whether searching would not have to wait for the disk.
    var isResident: Bool {
        switch source {
        case .mapping(let mapping): mapping.isResident(from: .zero, length: count * entrySize - pending.count)
        case .none: true
        case .file: false
        }
    }
}
