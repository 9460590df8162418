import CSyscalls
import Glibc

/// The system's text for an errno(3) value.
package func systemMessage(_ code: CInt) -> String {
    var text = [CChar](repeating: 0, count: 256)
    guard strerror_r(code, &text, text.count) == 0 else { return "error \(code)" }
    return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

/// The machine's file system. Immutable.
package struct PosixFileSystem: FileSystem {
    package init() {}

    package func open(_ path: String, _ mode: OpenMode) throws(FileError) -> any File {
        let flags =
            switch mode {
            case .read: O_RDONLY
            case .existing: O_RDWR
            case .createIfMissing: O_RDWR | O_CREAT
            case .createNew: O_RDWR | O_CREAT | O_EXCL
            }
        do throws(FileError) {
            return PosixFile(path: path, owning: try check("open", path) { martlet_open(path, flags, 0o644) })
        } catch {
            // Whoever wants to write finds out when it does: on a disk that has become read-only all can still be read.
            guard error.code == EROFS, mode == .existing else { throw error }
            return PosixFile(
                path: path,
                owning: try check("open", path) { martlet_open(path, O_RDONLY, 0o644) },
                isReadOnly: true
            )
        }
    }

    package func createDirectory(_ path: String) throws(FileError) {
        if mkdir(path, 0o755) == 0 { return }
        switch errno {
        case EEXIST: return
        case ENOENT:
            let parent = Self.parent(of: path)
            guard parent != path else { throw FileError("create directory", path, code: ENOENT) }
            try createDirectory(parent)
            // Somebody else may have made it meanwhile.
            if mkdir(path, 0o755) != 0, errno != EEXIST { throw FileError("create directory", path, code: errno) }
        case let code: throw FileError("create directory", path, code: code)
        }
    }

    package func list(_ directory: String) throws(FileError) -> [String] {
        guard let stream = opendir(directory) else { throw FileError("list", directory, code: errno) }
        defer { closedir(stream) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else { break }
            let name = withUnsafePointer(to: &entry.pointee.d_name) { field in
                field.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        if errno != 0 { throw FileError("list", directory, code: errno) }
        return names
    }

    package func exists(_ path: String) throws(FileError) -> Bool {
        if access(path, F_OK) == 0 { return true }
        guard errno == ENOENT || errno == ENOTDIR else { throw FileError("look for", path, code: errno) }
        return false
    }

    package func rename(_ path: String, to newPath: String) throws(FileError) {
        try check("rename to \(newPath)", path) { Glibc.rename(path, newPath) }
    }

    package func remove(_ path: String) throws(FileError) {
        if unlink(path) != 0, errno != ENOENT { throw FileError("remove", path, code: errno) }
    }

    package func removeTree(_ path: String) throws(FileError) {
        var status = stat()
        if lstat(path, &status) != 0 {
            if errno == ENOENT { return }
            throw FileError("remove", path, code: errno)
        }
        guard status.st_mode & S_IFMT == S_IFDIR else { return try remove(path) }
        for name in try list(path) { try removeTree("\(path)/\(name)") }
        if rmdir(path) != 0, errno != ENOENT { throw FileError("remove", path, code: errno) }
    }

    package func syncDirectory(_ path: String) throws(FileError) {
        DiskWaits.begin(path)
        let descriptor = try check("open", path) { martlet_open(path, O_RDONLY | O_DIRECTORY, 0) }
        defer { close(descriptor) }
        try check("sync directory", path) { fsync(descriptor) }
    }

    package func modificationTime(_ path: String) throws(FileError) -> Timestamp? {
        var status = stat()
        try check("look at", path) { lstat(path, &status) }
        return Timestamp(milliseconds: Int64(status.st_mtim.tv_sec) * 1000 + Int64(status.st_mtim.tv_nsec) / 1_000_000)
    }

    package func syncAll(_ path: String) throws(FileError) {
        DiskWaits.begin(path)
        let descriptor = try check("open", path) { martlet_open(path, O_RDONLY | O_DIRECTORY, 0) }
        defer { close(descriptor) }
        try check("sync the file system of", path) { martlet_sync_all(descriptor) }
    }

    package func syncer(for path: String) throws(FileError) -> any FileSystemSyncer { try PosixSyncer(path) }

    package func isPageCacheFull() -> Bool { PageCacheRoom.shared.isScarce() }

    package func space(of path: String) throws(FileError) -> FileSystemSpace? {
        var status = statvfs()
        try check("look at the free space of", path) { statvfs(path, &status) }
        // What only the superuser may use is nobody's here.
        return FileSystemSpace(
            total: Int(clamping: status.f_blocks.multipliedClamped(by: status.f_frsize)),
            free: Int(clamping: status.f_bavail.multipliedClamped(by: status.f_frsize))
        )
    }

    private static func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}

/// Keeps a directory open to sync its file system: Linux tells each descriptor once of writes that have failed since it
/// was opened, and one that is opened for the sync alone would hear of none. Immutable.
private final class PosixSyncer: FileSystemSyncer {
    private let path: String
    private let descriptor: CInt

    init(_ path: String) throws(FileError) {
        self.path = path
        descriptor = try check("open", path) { martlet_open(path, O_RDONLY | O_DIRECTORY, 0) }
    }

    deinit { close(descriptor) }

    func syncAll() throws(FileError) {
        DiskWaits.begin(path)
        try check("sync the file system of", path) { martlet_sync_all(descriptor) }
    }
}

extension UInt {
    fileprivate func multipliedClamped(by factor: UInt) -> UInt {
        let (product, overflow) = multipliedReportingOverflow(by: factor)
        return overflow ? .max : product
    }
}

/// Runs a system call until it is not interrupted by a signal; a negative result becomes an error.
@discardableResult
func check(
    _ operation: @autoclosure () -> String,
    _ path: String,
    _ call: () -> CInt
) throws(FileError) -> CInt {
    while true {
        let result = call()
        if result >= 0 { return result }
        if errno != EINTR { throw FileError(operation(), path, code: errno) }
    }
}
