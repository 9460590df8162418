package import Model

/// Makes consumers go on behind damage in the data directory of a broker that is not running, or in one partition's
/// directory. Stateless. Blocking, for as long as reading all of it takes.
package enum DirectoryRepair {
    /// Finds the damage and changes nothing.
    ///
    /// - Parameter report: Called for each range that ``repair(_:environment:report:)`` would skip.
    /// - Throws: If the directory is in use by a broker or cannot be read.
    package static func survey(
        _ path: String,
        environment: LogEnvironment = LogEnvironment(),
        report: (TopicPartition, QuarantinedRange) -> Void
    ) throws(LogError) {
        let place = try Place(path, environment.fileSystem)
        let lock = try LogDirectory.takeForReading(place.root, environment.fileSystem)
        let recoveryPoints = try OffsetCheckpoint.read(
            OffsetCheckpoint.recoveryPoints,
            in: place.root,
            environment.fileSystem
        )
        for partition in place.partitions {
            let directory = "\(place.root)/\(partition)"
            let ranges = try damage(partition, directory, recoveryPoints.value?.offsets[partition], environment)
            for range in ranges { report(partition, range) }
        }
        withExtendedLifetime(lock) {}
    }

    /// Opens the partitions as a broker's start does, looks at every byte, and makes what is damaged a gap. The damaged
    /// bytes are kept in files.
    ///
    /// - Parameter report: Called for each range that is skipped from now on.
    package static func repair(
        _ path: String,
        environment: LogEnvironment = LogEnvironment(),
        report: (TopicPartition, SkippedRange) -> Void
    ) throws(LogError) {
        let fileSystem = environment.fileSystem
        let place = try Place(path, fileSystem)
        let file = "\(place.root)/\(MetaProperties.fileName)"
        guard let text = try SmallFile.readText(file, limit: MetaProperties.maximumBytes, fileSystem) else {
            throw .corrupt(
                path: place.root,
                "it has no \(MetaProperties.fileName), so it is no broker's data directory"
            )
        }
        let nodeID = try MetaProperties(text, path: file).nodeID
        let directory = try LogDirectory.open(place.root, nodeID: nodeID, environment: environment)
        do throws(LogError) {
            for found in directory.found where place.partitions.contains(found.topicPartition) {
                let log = try directory.openPartition(found.topicPartition, topicID: found.topicID, config: LogConfig())
                for base in try log.segmentsToScrub(onlyNew: false) { try log.scrub(segment: base) }
                for skipped in try log.skipDamage() { report(found.topicPartition, skipped) }
            }
        } catch {
            try directory.close()
            throw error
        }
        try directory.close()
    }

    /// A data directory, and which of its partitions are meant. Immutable.
    private struct Place {
        let root: String
        let partitions: [TopicPartition]

        init(_ path: String, _ fileSystem: any FileSystem) throws(LogError) {
            var path = path
            while path.count > 1, path.hasSuffix("/") { path.removeLast() }
            let names = try storage { () throws(FileError) in try fileSystem.list(path) }
            let name = path.lastIndex(of: "/").map { String(path[path.index(after: $0)...]) } ?? path
            let isPartition = names.contains { LogFileNames.offset(in: $0, LogFileNames.log) != nil }
            if isPartition, let partition = LogFileNames.topicPartition(ofDirectory: name) {
                root = LogLoader.parent(of: path)
                partitions = [partition]
            } else {
                root = path
                partitions = names.compactMap { LogFileNames.topicPartition(ofDirectory: $0) }.sorted()
            }
        }
    }

    private static func damage(
        _ partition: TopicPartition,
        _ directory: String,
        _ recoveryPoint: Offset?,
        _ environment: LogEnvironment
    ) throws(LogError) -> [QuarantinedRange] {
        let fileSystem = environment.fileSystem
        var loader = LogLoader(
            directory: directory,
            topicPartition: partition,
            topicID: TopicID(high: 0, low: 0),
            config: LogConfig(),
            environment: environment,
            hints: OpeningHints(recoveryPoint: recoveryPoint ?? .zero),
            wasClean: true
        )
        loader.names = try storage { () throws(FileError) in try fileSystem.list(directory) }
        let bases = loader.names.compactMap { LogFileNames.offset(in: $0, LogFileNames.log) }.sorted()
        let segments = bases.map { loader.segment($0, isNew: false) }
        let manifest = readable { () throws(LogError) in try Manifest.read(in: directory, fileSystem) } ?? Manifest()
        let known = readable { () throws(LogError) in try Quarantine.read(in: directory, fileSystem) } ?? Quarantine()
        loader.mayHaveGapsBelow = manifest.mayHaveGapsBelow
        loader.take(known, manifest, segments)
        let epochs = try loader.storedEpochs()
        for (number, segment) in segments.enumerated() {
            let end = number + 1 < segments.count ? segments[number + 1].baseOffset : nil
            let size = try storage { () throws(FileError) in try segment.file().size() }
            try loader.examine(segment, size: size, end: end, epochs)
            segment.releaseHandles()
        }
        return loader.quarantine.ranges.filter { $0.state == .refused }
    }

    /// What is damaged itself says nothing: a start puts it aside.
    private static func readable<Value>(_ read: () throws(LogError) -> Value) -> Value? {
        do throws(LogError) { return try read() } catch { return nil }
    }
}
