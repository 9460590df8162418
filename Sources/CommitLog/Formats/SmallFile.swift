import Model

/// Whole small files: read at once, replaced at once.
enum SmallFile {
    /// The file's bytes; nil if there is no such file. Larger files than `limit` are refused.
    static func read(_ path: String, limit: Int, _ fileSystem: any FileSystem) throws(LogError) -> [UInt8]? {
        guard fileSystem.exists(path) else { return nil }
        let file = try storage { () throws(FileError) in try fileSystem.open(path, .read) }
        let size = try storage { () throws(FileError) in try file.size() }
        guard size <= limit else { throw .corrupt(path: path, "it has \(size) bytes, at most \(limit) are expected") }
        var bytes = [UInt8](repeating: 0, count: size)
        let count = try bytes.withMutableBytes { buffer throws(LogError) in
            try storage { () throws(FileError) in try file.read(into: buffer, at: .zero) }
        }
        return Array(bytes.prefix(count))
    }

    /// As ``read(_:limit:_:)``, as text.
    static func readText(_ path: String, limit: Int, _ fileSystem: any FileSystem) throws(LogError) -> String? {
        guard let bytes = try read(path, limit: limit, fileSystem) else { return nil }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw .corrupt(path: path, "it is not text in UTF-8")
        }
        return text
    }

    /// As ``readText(_:limit:_:)``; nil as well for a file that a power cut has left without its bytes: empty, or zeros.
    static func readFinishedText(
        _ path: String,
        limit: Int,
        _ fileSystem: any FileSystem
    ) throws(LogError) -> String? {
        guard let text = try readText(path, limit: limit, fileSystem) else { return nil }
        return text.utf8.allSatisfy { $0 == 0 } ? nil : text
    }

    /// Creates the file anew with these bytes, which are durable once the directory is synced as well.
    static func write(_ bytes: [UInt8], to path: String, _ fileSystem: any FileSystem, synced: Bool) throws(FileError) {
        try fileSystem.remove(path)
        let file = try fileSystem.open(path, .createNew)
        try bytes.withBytes { bytes throws(FileError) in
            try file.write(bytes, UnsafeRawBufferPointer(start: nil, count: 0), at: .zero)
        }
        if synced { try file.sync() }
    }

    /// Replaces the file: after a crash it is either the old or the new one; the new one, if `synced`.
    static func replace(
        _ name: String,
        in directory: String,
        with bytes: [UInt8],
        _ fileSystem: any FileSystem,
        synced: Bool = true
    ) throws(FileError) {
        let path = "\(directory)/\(name)"
        let temporary = path + LogFileNames.temporary
        try write(bytes, to: temporary, fileSystem, synced: synced)
        try fileSystem.rename(temporary, to: path)
        if synced { try fileSystem.syncDirectory(directory) }
    }
}
