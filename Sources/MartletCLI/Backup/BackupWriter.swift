import Glibc
import Model
import NIOCore
import Records

/// Where a backup goes: a directory, a tar archive, or an archive on standard output. Owned by the command's task.
///
/// Nothing that exists is written over. Without the manifest, which ``finish(_:)`` writes, it is no backup.
final class BackupWriter {
    private enum Target {
        case directory(String)
        /// An archive, and the name it gets when it is complete; nil on standard output.
        case archive(StandardOutput, part: String?, path: String?)
    }

    private let target: Target
    private let created: Int64
    private let files = PosixFileSystem()
    private let descriptor: CInt?

    static let standardOutput = "-"

    /// - Parameter path: A directory to be made, a file whose name ends with `.tar`, or `-` for an archive on standard output.
    init(path: String, created: Int64) throws {
        self.created = created
        if path == Self.standardOutput {
            guard !StandardOutput.isTerminal else {
                throw InputError(
                    description: "an archive is not for a terminal: redirect standard output",
                    status: .usage
                )
            }
            target = .archive(StandardOutput(), part: nil, path: nil)
            descriptor = nil
            return
        }
        let isTaken: Bool
        do throws(FileError) { isTaken = try files.exists(path) } catch { throw InputError(error) }
        guard !isTaken else { throw InputError(description: "\(path) exists already and is left as it is") }
        guard path.hasSuffix(".tar") else {
            do throws(FileError) { try files.createDirectory(path) } catch { throw InputError(error) }
            target = .directory(path)
            descriptor = nil
            return
        }
        let part = path + ".part"
        let opened = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard opened >= 0 else {
            throw InputError(description: "cannot create \(part): \(Outcome.words(errno: errno))", status: .output)
        }
        descriptor = opened
        target = .archive(StandardOutput(descriptor: opened), part: part, path: path)
    }

    deinit { if let descriptor { close(descriptor) } }

    /// Writes one file.
    func write(_ name: String, _ bytes: ByteBuffer) throws {
        switch target {
        case .directory(let directory): try create("\(directory)/\(name)", bytes)
        case .archive(let output, _, _):
            let size = bytes.readableBytes
            try append(TarFormat.header(name: name, size: size, modified: created / 1000), to: output)
            try bytes.withUnsafeReadableBytes { try output.write($0) }
            try append([UInt8](repeating: 0, count: TarFormat.padding(size)), to: output)
        }
    }

    /// Completes the backup and sees to it that it is on the disk.
    func finish(_ manifest: BackupManifest) throws {
        let text = ByteBuffer(string: manifest.json.text + "\n")
        let checksum = BackupFormat.hexadecimal(text.withUnsafeReadableBytes { CRC32C.checksum($0) })
        try write(BackupFormat.manifestChecksum, ByteBuffer(string: checksum + "\n"))
        try write(BackupFormat.manifest, text)
        switch target {
        case .directory(let directory):
            do throws(FileError) { try files.syncAll(directory) } catch { throw InputError(error) }
        case .archive(let output, let part, let path):
            try append(TarFormat.end, to: output)
            try output.flush()
            guard let part, let path, let descriptor else { return }
            guard fsync(descriptor) == 0 else { throw OutputError.failed(errno) }
            do throws(FileError) { try files.rename(part, to: path) } catch { throw InputError(error) }
        }
    }

    private func append(_ bytes: [UInt8], to output: StandardOutput) throws(OutputError) {
        try output.append { $0.append(contentsOf: bytes) }
    }

    private func create(_ path: String, _ bytes: ByteBuffer) throws(InputError) {
        do throws(FileError) {
            if let slash = path.lastIndex(of: "/") { try files.createDirectory(String(path[..<slash])) }
            let file = try files.open(path, .createNew)
            try bytes.withUnsafeReadableBytes { all throws(FileError) in
                try file.write(all, UnsafeRawBufferPointer(start: nil, count: 0), at: .zero)
            }
        } catch {
            throw InputError(error)
        }
    }
}
