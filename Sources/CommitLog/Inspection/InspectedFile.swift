package import Model

/// What a file of a data directory is, by its name. Immutable.
package enum InspectedFileKind: Equatable, Sendable {
    /// The offset is the name's; nil if the name is none, as that of a copy.
    case log(base: Offset?)
    case offsetIndex(base: Offset?)
    case timeIndex(base: Offset?)
    case snapshot
    case leaderEpochs
    /// One offset per partition.
    case offsetCheckpoint
    case partitionMetadata
    case metaProperties
    /// Which segments are live.
    case manifest
    /// What is known to be damaged.
    case quarantine

    /// nil for any other file. What recovery and deletion put aside is recognised as well.
    package init?(path: String) {
        var name = path.lastIndex(of: "/").map { String(path[path.index(after: $0)...]) } ?? path
        for suffix in [LogFileNames.discarded, ".deleted", ".cleaned", ".swap", ".bak"] where name.hasSuffix(suffix) {
            name.removeLast(suffix.count)
        }
        func base(_ suffix: String) -> Offset? { LogFileNames.offset(in: name, suffix) }
        switch name {
        case LogFileNames.leaderEpochs, LeaderEpochFloor.fileName: self = .leaderEpochs
        case LogFileNames.partitionMetadata: self = .partitionMetadata
        case MetaProperties.fileName: self = .metaProperties
        case ManifestFormat.fileName: self = .manifest
        case QuarantineFormat.fileName: self = .quarantine
        case _ where name.hasSuffix("-offset-checkpoint"): self = .offsetCheckpoint
        case _ where name.hasSuffix(LogFileNames.log): self = .log(base: base(LogFileNames.log))
        case _ where name.hasSuffix(LogFileNames.offsetIndex):
            self = .offsetIndex(base: base(LogFileNames.offsetIndex))
        case _ where name.hasSuffix(LogFileNames.timeIndex): self = .timeIndex(base: base(LogFileNames.timeIndex))
        case _ where name.hasSuffix(LogFileNames.snapshot): self = .snapshot
        default: return nil
        }
    }

    /// The names that are recognised, for a message.
    package static let known =
        "*.log, *.index, *.timeindex, *.snapshot, leader-epoch-checkpoint, leader-epoch-floor, *-offset-checkpoint, "
        + "partition.metadata, meta.properties, segments.manifest and quarantine-checkpoint"
}

/// A small text file of a data directory, as it is, and what the broker would say of it. Immutable.
package struct InspectedText: Equatable, Sendable {
    package let lines: [String]
    package let problem: String?

    private static let maximumBytes = 64 << 20

    package static func read(
        _ path: String,
        kind: InspectedFileKind,
        _ fileSystem: any FileSystem
    ) throws(LogError) -> InspectedText {
        guard let bytes = try SmallFile.read(path, limit: maximumBytes, fileSystem) else {
            throw .missing(path)
        }
        let text = String(decoding: bytes, as: UTF8.self)
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        let isText = String(validating: bytes, as: UTF8.self) != nil
        return InspectedText(
            lines: lines.last == "" ? lines.dropLast() : lines,
            problem: isText ? problem(text, path, kind) : "it is not text in UTF-8"
        )
    }

    private static func problem(_ text: String, _ path: String, _ kind: InspectedFileKind) -> String? {
        do throws(LogError) {
            switch kind {
            case .leaderEpochs: _ = try LeaderEpochs(TextCheckpoint(text, path: path), path: path)
            case .offsetCheckpoint: _ = try OffsetCheckpoint(TextCheckpoint(text, path: path), path: path)
            case .partitionMetadata: _ = try PartitionMetadata(text, path: path)
            case .metaProperties: _ = try MetaProperties(text, path: path)
            case .log, .offsetIndex, .timeIndex, .snapshot, .manifest, .quarantine: break
            }
            return nil
        } catch {
            switch error {
            case .corrupt(_, let reason), .unsupportedFormat(_, let reason): return reason
            default: return error.description
            }
        }
    }
}
