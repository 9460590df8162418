import Model

/// Whole small files: read at once, replaced at once.
enum SmallFile {
    /// The file's bytes; nil if there is no such file. Larger files than `limit` are refused.
    static func read(_ path: String, limit: Int, _ fileSystem: any FileSystem) throws(LogError) -> [UInt8]? {
        guard try storage({ () throws(FileError) in try fileSystem.exists(path) }) else { return nil }
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
        return isFinished(text) ? text : nil
    }

    /// Whether it is not what a power cut leaves of a file that was not synced: nothing, or zeros.
    static func isFinished(_ text: String) -> Bool { !text.utf8.allSatisfy { $0 == 0 } }

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
        if planted(.skipDirectorySyncOfManifest), name == ManifestFormat.fileName { return }
        if synced { try fileSystem.syncDirectory(directory) }
    }

    /// As ``replace(_:in:with:_:synced:)``, but the old one stays under another name, for ``Generations``. Between the
    /// two renames there is only the old one.
    static func replaceKeepingPrevious(
        _ name: String,
        in directory: String,
        with bytes: [UInt8],
        _ fileSystem: any FileSystem,
        synced: Bool = true
    ) throws(FileError) {
        let temporary = "\(directory)/\(name)\(LogFileNames.temporary)"
        try write(bytes, to: temporary, fileSystem, synced: synced)
        try publishKeepingPrevious(name, in: directory, fileSystem)
        if synced { try fileSystem.syncDirectory(directory) }
    }

    /// The second half of ``replaceKeepingPrevious(_:in:with:_:synced:)``: puts what was written in its place.
    static func publishKeepingPrevious(
        _ name: String,
        in directory: String,
        _ fileSystem: any FileSystem
    ) throws(FileError) {
        let path = "\(directory)/\(name)"
        if try fileSystem.exists(path) { try fileSystem.rename(path, to: path + LogFileNames.previous) }
        try fileSystem.rename(path + LogFileNames.temporary, to: path)
    }
}

/// A small text file, of which the one before the last is kept: what is in the newest that is whole. Immutable.
struct Generations<Value> {
    /// nil if there is none, or none that is whole.
    let value: Value?
    /// Those that are not whole, the newest first.
    let damaged: [String]

    /// Whether the value is of the generation before the last, or both are gone.
    var isOutdated: Bool { !damaged.isEmpty }

    static func read(
        _ name: String,
        in directory: String,
        limit: Int,
        _ fileSystem: any FileSystem,
        _ parse: (String, String) throws(LogError) -> Value
    ) throws(LogError) -> Generations {
        var damaged: [String] = []
        for path in ["\(directory)/\(name)", "\(directory)/\(name)\(LogFileNames.previous)"] {
            do throws(LogError) {
                guard let text = try SmallFile.readText(path, limit: limit, fileSystem) else { continue }
                return Generations(value: try parse(text, path), damaged: damaged)
            } catch {
                guard case .corrupt = error else { throw error }
                damaged.append(path)
            }
        }
        return Generations(value: nil, damaged: damaged)
    }
}
