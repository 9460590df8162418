import Model

/// The knowledge that a sync has failed in a log directory, which outlives the process: `.sync-failed`. Thread-safe.
///
/// After a failed sync the kernel shows what it could not write as if it were on the disk, to the next process too. Until
/// the machine starts anew, or a recovery has written it once more, what can be read counts for nothing.
final class SyncSuspicion: Sendable {
    static let fileName = ".sync-failed"

    /// Whether a sync had failed when the directory was in use before.
    let isRaised: Bool
    private let path: String
    private let fileSystem: any FileSystem
    private let writing = Locked<NamedThread?>(nil)

    init(path: String, fileSystem: any FileSystem) throws(LogError) {
        self.path = path
        self.fileSystem = fileSystem
        isRaised = try storage { () throws(FileError) in try fileSystem.exists("\(path)/\(Self.fileName)") }
    }

    /// Leaves word for the next start. An event loop, whose write has failed, does not wait for that.
    func raise(_ reason: LogError) {
        guard DiskWaits.areForbidden else { return write(reason) }
        let thread = NamedThread("sync-failed") { [self] in write(reason) }
        writing.withLock { $0 = thread }
    }

    /// Waits until word is left, if it is being left.
    func finish() {
        let thread = writing.withLock { thread in
            defer { thread = nil }
            return thread
        }
        thread?.join()
    }

    private func write(_ reason: LogError) {
        do throws(FileError) {
            try SmallFile.replace(Self.fileName, in: path, with: Array("\(reason)\n".utf8), fileSystem)
        } catch {
            // A disk that fails may take nothing. The next start, an unclean one, writes anew what was promised all the same.
        }
    }

    /// Everything that was read is on the disk now.
    func settle() throws(FileError) {
        if isRaised { try fileSystem.remove("\(path)/\(Self.fileName)") }
    }
}
