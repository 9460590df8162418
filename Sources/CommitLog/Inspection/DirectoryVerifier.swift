package import Model

/// Verifies the data directory of a broker that is not running, or one partition's directory: reads everything, changes
/// nothing. Stateless. Blocking, for as long as reading all of it takes.
package enum DirectoryVerifier {
    /// - Parameter report: Called for each finding.
    /// - Parameter progress: Called after each batch with what was verified so far.
    /// - Throws: If the directory is in use by a broker or cannot be listed. Files that cannot be read are findings.
    package static func verify(
        _ path: String,
        options: VerificationOptions = VerificationOptions(),
        fileSystem: any FileSystem = PosixFileSystem(),
        report: @escaping (Finding) -> Void,
        progress: @escaping (VerificationSummary) -> Void = { _ in }
    ) throws(LogError) -> VerificationSummary {
        var run = VerificationRun(options: options, fileSystem: fileSystem, report: report, progress: progress)
        var path = path
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        let name = path.lastIndex(of: "/").map { String(path[path.index(after: $0)...]) } ?? path
        let names = try storage { () throws(FileError) in try fileSystem.list(path) }
        let isPartition = names.contains { LogFileNames.offset(in: $0, LogFileNames.log) != nil }
        let root = isPartition ? LogLoader.parent(of: path) : path
        let lock = try LogDirectory.takeForReading(root, fileSystem)
        let checkpoints = DirectoryCheckpoints(root, &run)
        if isPartition {
            let partition = LogFileNames.topicPartition(ofDirectory: name)
            PartitionVerifier(directory: path, partition: partition, names: names, checkpoints: checkpoints).verify(
                &run
            )
        } else {
            verifyProperties(path, names, &run)
            for name in names.sorted() {
                guard let partition = LogFileNames.topicPartition(ofDirectory: name) else { continue }
                let directory = "\(path)/\(name)"
                _ = run.guarding(.metadata, directory) { run throws(LogError) -> Void? in
                    let names = try storage { () throws(FileError) in try fileSystem.list(directory) }
                    PartitionVerifier(
                        directory: directory,
                        partition: partition,
                        names: names,
                        checkpoints: checkpoints
                    ).verify(&run)
                    return nil
                }
            }
        }
        return withExtendedLifetime(lock) { run.summary }
    }

    private static func verifyProperties(_ path: String, _ names: [String], _ run: inout VerificationRun) {
        guard names.contains(MetaProperties.fileName) else { return }
        let file = "\(path)/\(MetaProperties.fileName)"
        let fileSystem = run.fileSystem
        _ = run.guarding(.metadata, file) { _ throws(LogError) -> MetaProperties? in
            let text = try SmallFile.readText(file, limit: MetaProperties.maximumBytes, fileSystem)
            return try MetaProperties(text ?? "", path: file)
        }
    }
}

/// What a data directory's checkpoint files say of its partitions. Immutable.
struct DirectoryCheckpoints {
    let recoveryPoints: OffsetCheckpoint
    let logStarts: OffsetCheckpoint
    let compacted: OffsetCheckpoint
    let directory: String

    init(_ directory: String, _ run: inout VerificationRun) {
        let fileSystem = run.fileSystem
        func read(_ name: String) -> OffsetCheckpoint {
            let path = "\(directory)/\(name)"
            return run.guarding(.metadata, path) { _ throws(LogError) -> OffsetCheckpoint? in
                let text = try SmallFile.readText(path, limit: TextCheckpoint.maximumBytes, fileSystem)
                guard let text else { return nil }
                return try OffsetCheckpoint(TextCheckpoint(text, path: path), path: path)
            } ?? OffsetCheckpoint()
        }
        self.directory = directory
        recoveryPoints = read(OffsetCheckpoint.recoveryPoints)
        logStarts = read(OffsetCheckpoint.logStarts)
        compacted = read(OffsetCheckpoint.compactedTo)
    }
}
