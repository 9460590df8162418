import Model

/// A log directory's text checkpoint of one offset per partition, Kafka's: `topic partition offset` per line. A value.
///
///     0
///     1
///     events 0 1204
struct OffsetCheckpoint: Equatable {
    /// Everything below these offsets is durable.
    static let recoveryPoints = "recovery-point-offset-checkpoint"
    /// Where logs begin whose first segment begins earlier.
    static let logStarts = "log-start-offset-checkpoint"
    /// Up to where logs are compacted: for Kafka's tools and `martlet log verify`. Compaction goes by the manifests.
    static let compactedTo = "cleaner-offset-checkpoint"

    var offsets: [TopicPartition: Offset]

    init(_ offsets: [TopicPartition: Offset] = [:]) { self.offsets = offsets }

    var checkpoint: TextCheckpoint {
        TextCheckpoint(
            entries: offsets.sorted { $0.key < $1.key }.map {
                [$0.key.topic, String($0.key.partition), $0.value.description]
            }
        )
    }

    /// Reads what ``checkpoint`` makes. `path` is for the error only.
    init(_ checkpoint: TextCheckpoint, path: String) throws(LogError) {
        offsets = [:]
        for fields in checkpoint.entries {
            guard fields.count == 3, let partition = Int32(fields[1]), let offset = Int64(fields[2]), offset >= 0,
                Offset(offset) <= LogFileNames.maximumOffset
            else { throw .corrupt(path: path, "'\(fields.joined(separator: " ").prefix(300))' is no such entry") }
            offsets[TopicPartition(fields[0], partition)] = Offset(offset)
        }
    }

    /// Reads the file, or the one before it if it is damaged or a power cut has left it without its bytes, which makes
    /// recovery look at more; nothing if there is none.
    static func read(
        _ name: String,
        in directory: String,
        _ fileSystem: any FileSystem
    ) throws(LogError) -> Generations<OffsetCheckpoint> {
        try Generations.read(name, in: directory, limit: TextCheckpoint.maximumBytes, fileSystem) {
            text,
            path throws(LogError) in
            try OffsetCheckpoint(TextCheckpoint(text, path: path), path: path)
        }
    }

    func write(_ name: String, in directory: String, _ fileSystem: any FileSystem) throws(FileError) {
        try SmallFile.replaceKeepingPrevious(name, in: directory, with: Array(checkpoint.sealed.utf8), fileSystem)
    }
}
