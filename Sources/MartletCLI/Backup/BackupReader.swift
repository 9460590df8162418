import Model
import NIOCore
import Records

/// A backup that is there: its manifest, and its files by name. Owned by the command's task.
final class BackupReader {
    private let source: BackupSource
    let manifest: BackupManifest

    /// Opens a directory or a tar archive. Throws ``BackupError`` if it is none, or not complete.
    init(path: String) throws(BackupError) {
        source = try BackupSource(path: path)
        let text = try source.read(BackupFormat.manifest, atMost: BackupFormat.maximumManifestBytes)
        let checksum = try source.read(BackupFormat.manifestChecksum, atMost: TarFormat.block)
        let computed = BackupFormat.hexadecimal(text.withUnsafeReadableBytes { CRC32C.checksum($0) })
        guard checksum.readableBytesView.prefix(8).elementsEqual(computed.utf8) else {
            throw BackupError("\(BackupFormat.manifest) is damaged: its checksum is not the one that was written down")
        }
        manifest = try BackupManifest(parsing: Array(text.readableBytesView))
    }

    /// A file's bytes, checked against what the manifest says of them.
    func read(_ file: BackupManifest.File) throws(BackupError) -> ByteBuffer {
        let bytes = try source.read(file.name, atMost: BackupFormat.maximumFileBytes)
        guard bytes.readableBytes == file.bytes else {
            throw BackupError("\(file.name) has \(bytes.readableBytes) bytes, but \(file.bytes) were written")
        }
        let checksum = bytes.withUnsafeReadableBytes { CRC32C.checksum($0) }
        guard checksum == file.checksum else {
            throw BackupError(
                "\(file.name) is damaged: its checksum is \(BackupFormat.hexadecimal(checksum)), "
                    + "not \(BackupFormat.hexadecimal(file.checksum))"
            )
        }
        return bytes
    }
}

/// The files of a backup by name, in a directory or a tar archive. Immutable.
private enum BackupSource {
    case directory(String)
    case archive(any File, [String: Range<Int>])

    /// The most entries that an archive may have.
    private static let maximumEntries = 10_000_000

    init(path: String) throws(BackupError) {
        let files = PosixFileSystem()
        if Self.isDirectory(path, files) {
            self = .directory(path)
            return
        }
        let file = try Self.told { () throws(FileError) in try files.open(path, .read) }
        self = .archive(file, try Self.entries(file))
    }

    func read(_ name: String, atMost limit: Int) throws(BackupError) -> ByteBuffer {
        let (file, range): (any File, Range<Int>)
        switch self {
        case .directory(let directory):
            let files = PosixFileSystem()
            let exists = try Self.told { () throws(FileError) in try files.exists("\(directory)/\(name)") }
            guard exists else { throw Self.missing(name, directory) }
            file = try Self.told { () throws(FileError) in try files.open("\(directory)/\(name)", .read) }
            range = 0..<(try Self.told { () throws(FileError) in try file.size() })
        case .archive(let archive, let entries):
            guard let entry = entries[name] else { throw Self.missing(name, archive.path) }
            (file, range) = (archive, entry)
        }
        guard range.count <= limit else {
            throw BackupError("\(name) has \(range.count) bytes, more than the \(limit) that are read")
        }
        return try Self.bytes(of: file, range)
    }

    private static func missing(_ name: String, _ path: String) -> BackupError {
        BackupError("\(path) is no backup, or not a complete one: \(name) is missing")
    }

    private static func isDirectory(_ path: String, _ files: PosixFileSystem) -> Bool {
        do throws(FileError) {
            _ = try files.list(path)
            return true
        } catch {
            // What is not there at all is told when it is opened.
            return false
        }
    }

    /// Where the archive's files are.
    private static func entries(_ file: any File) throws(BackupError) -> [String: Range<Int>] {
        var entries: [String: Range<Int>] = [:]
        let size = try told { () throws(FileError) in try file.size() }
        var position = 0
        while true {
            guard position + TarFormat.block <= size else { throw cutOff(file, size) }
            let block = Array(try bytes(of: file, position..<position + TarFormat.block).readableBytesView)
            guard let header = try TarFormat.read(block) else { return entries }
            position += TarFormat.block
            let (end, overflow) = position.addingReportingOverflow(header.size)
            guard !overflow, end <= size, entries.count < maximumEntries else { throw cutOff(file, size) }
            if header.isFile { entries[header.name] = position..<end }
            position = end + TarFormat.padding(header.size)
        }
    }

    private static func cutOff(_ file: any File, _ size: Int) -> BackupError {
        BackupError("\(file.path) is cut off: it ends at byte \(size), in the midst of the archive")
    }

    private static func bytes(of file: any File, _ range: Range<Int>) throws(BackupError) -> ByteBuffer {
        var bytes = [UInt8](repeating: 0, count: range.count)
        var position = 0
        while position < bytes.count {
            let count: Int
            do {
                count = try bytes.withUnsafeMutableBytes { all in
                    let room = UnsafeMutableRawBufferPointer(rebasing: all.dropFirst(position))
                    return try file.read(into: room, at: FilePosition(range.lowerBound + position))
                }
            } catch {
                throw BackupError("\(error)")
            }
            guard count > 0 else { throw cutOff(file, range.lowerBound + position) }
            position += count
        }
        return ByteBuffer(bytes: bytes)
    }

    private static func told<Value>(_ body: () throws(FileError) -> Value) throws(BackupError) -> Value {
        do throws(FileError) { return try body() } catch { throw BackupError("\(error)") }
    }
}
