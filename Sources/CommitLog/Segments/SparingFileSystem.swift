package import Model

/// A file system on which having too many files open is no failure: files that logs can spare are closed, and the
/// operation is tried again. Immutable.
///
/// What still fails is a shortage (`FileError.isShortageOfFiles`), which passes: never a reason to put a directory out of use.
package struct SparingFileSystem: FileSystem {
    private let base: any FileSystem
    private let openFiles: OpenFiles
    /// How many files are closed at once for want of a descriptor.
    private static let step = 16

    package init(_ base: any FileSystem, sparing openFiles: OpenFiles) {
        self.base = base
        self.openFiles = openFiles
    }

    private func sparing<Result>(_ body: () throws(FileError) -> Result) throws(FileError) -> Result {
        do {
            return try body()
        } catch {
            guard error.isShortageOfFiles, openFiles.spare(Self.step) > 0 else { throw error }
        }
        return try body()
    }

    package func open(_ path: String, _ mode: OpenMode) throws(FileError) -> any File {
        try sparing { () throws(FileError) in try base.open(path, mode) }
    }

    package func list(_ directory: String) throws(FileError) -> [String] {
        try sparing { () throws(FileError) in try base.list(directory) }
    }

    package func syncDirectory(_ path: String) throws(FileError) {
        try sparing { () throws(FileError) in try base.syncDirectory(path) }
    }

    package func syncAll(_ path: String) throws(FileError) {
        try sparing { () throws(FileError) in try base.syncAll(path) }
    }

    package func syncer(for path: String) throws(FileError) -> any FileSystemSyncer {
        try sparing { () throws(FileError) in try base.syncer(for: path) }
    }

    package func removeTree(_ path: String) throws(FileError) {
        try sparing { () throws(FileError) in try base.removeTree(path) }
    }

    package func createDirectory(_ path: String) throws(FileError) { try base.createDirectory(path) }

    package func exists(_ path: String) throws(FileError) -> Bool { try base.exists(path) }

    package func rename(_ path: String, to newPath: String) throws(FileError) {
        try base.rename(path, to: newPath)
    }

    package func remove(_ path: String) throws(FileError) { try base.remove(path) }

    package func modificationTime(_ path: String) throws(FileError) -> Timestamp? {
        try base.modificationTime(path)
    }

    package func isPageCacheFull() -> Bool { base.isPageCacheFull() }

    package func space(of path: String) throws(FileError) -> FileSystemSpace? { try base.space(of: path) }
}
