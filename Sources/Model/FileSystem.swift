import Glibc

/// The seam for files: everything the log does to a disk goes through here, so that tests can simulate one.
package protocol FileSystem: Sendable {
    /// Opens a file for reading and writing.
    func open(_ path: String, _ mode: OpenMode) throws(FileError) -> any File
    /// Creates a directory and, where they are missing, the directories above it.
    func createDirectory(_ path: String) throws(FileError)
    /// The names in a directory, in no particular order, without `.` and `..`.
    func list(_ directory: String) throws(FileError) -> [String]
    /// Whether a file or directory of that name exists. Throws where that cannot be said: what a disk does not tell is not
    /// absent.
    func exists(_ path: String) throws(FileError) -> Bool
    /// Renames a file or directory, replacing a file of the new name.
    func rename(_ path: String, to newPath: String) throws(FileError)
    /// Removes a file; one that is not there is no error.
    func remove(_ path: String) throws(FileError)
    /// Removes a directory with everything in it; one that is not there is no error.
    func removeTree(_ path: String) throws(FileError)
    /// Makes creations, renames and removals in a directory durable: fsync(2) of the directory.
    func syncDirectory(_ path: String) throws(FileError)
    /// When a file was last written to; nil if the file system does not keep that.
    func modificationTime(_ path: String) throws(FileError) -> Timestamp?
    /// How much room there is where `path` is; nil if the file system does not say. statvfs(3).
    func space(of path: String) throws(FileError) -> FileSystemSpace?
    /// Makes everything durable that is on the same file system as `path`: syncfs(2). For many files at once.
    func syncAll(_ path: String) throws(FileError)
    /// Whether what is read into the page cache next is likely to push something out of it.
    func isPageCacheFull() -> Bool
    /// Something that does the same again and again, and learns of every write that has failed since it was made.
    func syncer(for path: String) throws(FileError) -> any FileSystemSyncer
}

/// Makes a whole file system durable. Thread-safe.
package protocol FileSystemSyncer: Sendable {
    func syncAll() throws(FileError)
}

/// A syncer that remembers nothing. Immutable.
private struct ForgetfulSyncer: FileSystemSyncer {
    let fileSystem: any FileSystem
    let path: String

    func syncAll() throws(FileError) { try fileSystem.syncAll(path) }
}

extension File {
    package func beginWriteback(from position: FilePosition, length: Int) {}

    package func awaitWriteback(from position: FilePosition, length: Int) throws(FileError) {}
}

extension FileSystem {
    package func isPageCacheFull() -> Bool { false }

    package func modificationTime(_ path: String) throws(FileError) -> Timestamp? { nil }

    package func syncer(for path: String) throws(FileError) -> any FileSystemSyncer {
        ForgetfulSyncer(fileSystem: self, path: path)
    }

    package func space(of path: String) throws(FileError) -> FileSystemSpace? { nil }
}

/// How large a file system is and how much of it may still be written, in bytes. A value.
package struct FileSystemSpace: Equatable, Sendable {
    package let total: Int
    package let free: Int

    package init(total: Int, free: Int) {
        self.total = total
        self.free = free
    }
}

/// How a file is opened.
package enum OpenMode: Sendable {
    /// It must exist and is only read.
    case read
    /// It must exist.
    case existing
    /// It is created if it does not exist.
    case createIfMissing
    /// It must not exist.
    case createNew
}

/// An open file. Thread-safe: every operation names its position. Closed when the last reference goes.
package protocol File: AnyObject, Sendable {
    /// The path it was opened with.
    var path: String { get }
    /// The kernel's descriptor for sendfile(2); nil where there is none (a simulated file).
    var descriptor: CInt? { get }
    /// The file's size in bytes.
    func size() throws(FileError) -> Int
    /// Reads at most `buffer.count` bytes from `position`; returns how many, fewer only at the end of the file.
    func read(into buffer: UnsafeMutableRawBufferPointer, at position: FilePosition) throws(FileError) -> Int
    /// As ``read(into:at:)``, for bytes that are not needed again: what was not in the page cache is not left in it.
    func readOnce(into buffer: UnsafeMutableRawBufferPointer, at position: FilePosition) throws(FileError) -> Int
    /// As ``read(into:at:)``, but never waits for the disk: nil if that would be needed.
    func readCached(into buffer: UnsafeMutableRawBufferPointer, at position: FilePosition) throws(FileError) -> Int?
    /// Whether reading the range would not have to wait for the disk.
    func isCached(from position: FilePosition, length: Int) -> Bool
    /// Lets the range leave the page cache, as far as it is on the disk. A hint.
    func dropCached(from position: FilePosition, length: Int)
    /// Writes all of `head`, then all of `tail`, from `position` on, or throws. A failed write may have left any part
    /// of its bytes behind.
    func write(
        _ head: UnsafeRawBufferPointer,
        _ tail: UnsafeRawBufferPointer,
        at position: FilePosition
    ) throws(FileError)
    /// Sets the file's size.
    func truncate(to size: Int) throws(FileError)
    /// Reserves disk blocks for a range without changing the file's size. A file system that cannot is no error.
    func reserve(from position: FilePosition, length: Int) throws(FileError)
    /// Makes the file's data and size durable: fdatasync(2).
    func sync() throws(FileError)
    /// Lets the system begin to write the range to the disk, so that ``sync()`` has less to wait for. Waits for nothing
    /// and promises nothing.
    func beginWriteback(from position: FilePosition, length: Int)
    /// Waits until what is being written of the range has been. An error is that of a failed ``sync()``, which will not
    /// tell it again.
    func awaitWriteback(from position: FilePosition, length: Int) throws(FileError)
    /// Takes the file for its opener until it is closed: false if someone else has taken it. flock(2).
    func takeExclusively() throws(FileError) -> Bool
    /// Maps the first `capacity` bytes read-only. The file may be smaller and grow into the mapping; touching bytes
    /// past its end is forbidden.
    func map(capacity: Int) throws(FileError) -> any FileMapping
}

extension File {
    package func readCached(
        into buffer: UnsafeMutableRawBufferPointer,
        at position: FilePosition
    ) throws(FileError) -> Int? {
        try read(into: buffer, at: position)
    }

    package func isCached(from position: FilePosition, length: Int) -> Bool { true }

    package func dropCached(from position: FilePosition, length: Int) {}

    package func readOnce(
        into buffer: UnsafeMutableRawBufferPointer,
        at position: FilePosition
    ) throws(FileError) -> Int {
        try read(into: buffer, at: position)
    }
}

/// A read-only view of a file's bytes that sees later writes. Thread-safe. Unmapped when the last reference goes.
package protocol FileMapping: AnyObject, Sendable {
    /// The whole mapped range; valid while the mapping is referenced. Only what has been written may be touched.
    var bytes: UnsafeRawBufferPointer { get }
    /// Whether reading the range would not have to wait for the disk.
    func isResident(from position: FilePosition, length: Int) -> Bool
}

/// A failed file operation: what was tried, on which path, and the system's reason. Immutable.
package struct FileError: Error, Equatable, Sendable, CustomStringConvertible {
    package let operation: String
    package let path: String
    /// The errno(3) value.
    package let code: CInt

    package init(_ operation: String, _ path: String, code: CInt) {
        self.operation = operation
        self.path = path
        self.code = code
    }

    /// Whether the process or the machine has too many files open or mapped: no fault of the disk, and it passes.
    package var isShortageOfFiles: Bool {
        code == EMFILE || code == ENFILE || (code == ENOMEM && operation == Self.mapping)
    }

    /// The operation of ``File/map(capacity:)``.
    package static let mapping = "map"

    package var description: String { "cannot \(operation) \(path): \(systemMessage(code))" }
}

/// A range of a file that is sent or read later; keeps the file open. Immutable.
package struct FileSlice: Sendable, Equatable {
    package let file: any File
    package let position: FilePosition
    /// In bytes.
    package let length: Int

    package init(file: any File, position: FilePosition, length: Int) {
        self.file = file
        self.position = position
        self.length = length
    }

    package static func == (left: FileSlice, right: FileSlice) -> Bool {
        left.file === right.file && left.position == right.position && left.length == right.length
    }
}
