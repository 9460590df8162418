import Model

/// What a log knows of its manifest. Owned by a leaf lock; changed only with `maintenance` held.
struct ManifestState {
    /// As on disk, unless ``isUncertain``.
    var manifest: Manifest
    /// A compacted segment that is in use, but whose files may not have their names yet.
    var unfinished: Unfinished?
    /// A write of the manifest has failed, so that the disk may have the old or the new one.
    var isUncertain = false

    struct Unfinished {
        let target: LogSegment
        let sources: [LogSegment]
    }

    init(_ manifest: Manifest) { self.manifest = manifest }
}

/// What a compaction leaves behind that goes through to its end. Immutable.
struct CompactionEnd {
    /// Below, only the last record of each key is left.
    let offset: Offset
    /// After this, no tombstone below need stay; -1 if there is none.
    let tombstonesExpire: Timestamp
}

/// Replacing segments. Each function waits for the disk.
extension PartitionLog {
    /// The generation of the next compacted segment.
    var nextGeneration: UInt64 { manifest.withLock { $0.manifest.generation } + 1 }

    /// Whether the manifest may name files that do not have their final names.
    var mayHaveCommitted: Bool { manifest.withLock { $0.isUncertain || $0.unfinished != nil } }

    /// Compares a segment's bytes with what the manifest knows of them.
    func checkAgainstManifest(_ segment: LogSegment, checksum: UInt32) throws(LogError) {
        let entries = manifest.withLock { $0.manifest.segments }
        guard let known = entries.first(where: { $0.baseOffset == segment.baseOffset })?.checksum else { return }
        guard known == checksum else {
            throw .corrupt(path: segment.path, "its bytes do not have the checksum that the manifest notes")
        }
    }

    /// Makes `cleaned` take the place of `sources`, durably. False, and nothing is done, if these are not what the log
    /// consists of any more.
    ///
    /// The manifest decides: once it is on disk the new segment is live, and what remains, renaming its files and
    /// removing the others, is repeated until it is done, by ``settleManifest()`` or by the next opening.
    func replace(
        _ sources: [LogSegment],
        with cleaned: CleanedSegment,
        generation: UInt64,
        finishing: CompactionEnd?
    ) throws(LogError) -> Bool {
        try maintenance.withLock { () throws(LogError) in
            guard range(of: sources, in: try readableSnapshot()) != nil, generation == nextGeneration else {
                return false
            }
            try storage { () throws(FileError) in for source in sources { try source.keepOpen() } }
            var new = manifest.withLock { $0.manifest }
            new.generation = generation
            new.segments = entries(replacing: sources, with: cleaned, new.segments)
            new.replacement = Manifest.Replacement(
                base: cleaned.segment.baseOffset,
                sources: sources.map(\.baseOffset)
            )
            if let finishing {
                new.compactedTo = finishing.offset
                new.compactedAt = environment.time.now
                new.tombstonesExpire = finishing.tombstonesExpire
            }
            do throws(LogError) {
                try write(new)
            } catch {
                for source in sources { source.resume() }
                throw error
            }
            exchange(sources, for: cleaned.segment)
            manifest.withLock {
                $0.unfinished = ManifestState.Unfinished(target: cleaned.segment, sources: sources)
            }
            try finishReplacement()
            return true
        }
    }

    /// Completes what a failure has left half done. Called with `maintenance` held.
    func settleManifest() throws(LogError) {
        try finishReplacement()
        let state = manifest.withLock { $0 }
        guard state.isUncertain else { return }
        // The disk may have the manifest that could not be written; this log has the old segments.
        var manifest = state.manifest
        manifest.generation += 1
        try write(manifest)
    }

    /// Gives the last compacted segment its names. Called with `maintenance` held.
    func finishReplacement() throws(LogError) {
        guard let unfinished = manifest.withLock({ $0.unfinished }) else { return }
        let fileSystem = environment.fileSystem
        try storage { () throws(FileError) in
            try unfinished.target.takeNames()
            // Not before the names are durable: until then the sources are what is found under them.
            try fileSystem.syncDirectory(directory)
            for source in unfinished.sources.dropFirst() { try source.removeFiles() }
            try fileSystem.syncDirectory(directory)
        }
        var new = manifest.withLock { $0.manifest }
        new.replacement = nil
        try write(new)
        manifest.withLock { $0.unfinished = nil }
    }

    /// Makes the manifest forget what a truncation is about to change. Called with `maintenance` held.
    func truncateManifest(to offset: Offset) throws(LogError) {
        try settleManifest()
        var new = manifest.withLock { $0.manifest }
        let old = new
        new.segments.removeAll { $0.lastOffset >= offset }
        new.compactedTo = min(new.compactedTo, offset)
        guard new != old else { return }
        // A compaction that is under way must not be committed over it.
        new.generation += 1
        try write(new)
    }

    /// Notes what closed segments consist of, so that from now on every changed byte of them is noticed. Called with
    /// `maintenance` held.
    func noteClosed(_ segments: [Manifest.Segment]) throws(LogError) {
        try settleManifest()
        var new = manifest.withLock { $0.manifest }
        let bases = Set(segments.map(\.baseOffset))
        new.segments.removeAll { bases.contains($0.baseOffset) }
        new.segments = (new.segments + segments).sorted { $0.baseOffset < $1.baseOffset }
        try write(new)
    }

    /// Makes the manifest forget segments that are about to be removed: without that, they would be missed. Called with
    /// `maintenance` held.
    func forgetInManifest(below start: Offset) throws(LogError) {
        guard manifest.withLock({ $0.manifest.segments.contains { $0.lastOffset < start } }) else { return }
        try settleManifest()
        var new = manifest.withLock { $0.manifest }
        new.segments.removeAll { $0.lastOffset < start }
        try write(new)
    }

    private func write(_ new: Manifest) throws(LogError) {
        do throws(LogError) {
            try new.save(in: directory, environment.fileSystem)
        } catch {
            manifest.withLock { $0.isUncertain = true }
            throw error
        }
        manifest.withLock { state in
            state.manifest = new
            state.isUncertain = false
        }
    }

    /// Where the sources are in the snapshot, if they are all there and nothing that readers are told lies in them.
    private func range(of sources: [LogSegment], in snapshot: LogSnapshot) -> Range<Int>? {
        guard let first = sources.first, let start = snapshot.sealed.firstIndex(where: { $0 === first }) else {
            return nil
        }
        let range = start..<start + sources.count
        guard range.upperBound <= snapshot.sealed.count, zip(snapshot.sealed[range], sources).allSatisfy({ $0 === $1 }),
            snapshot.endOffset(ofSegment: range.upperBound - 1) <= snapshot.offsets.durable
        else { return nil }
        let marks = [snapshot.highWatermark.segment, snapshot.lastStable.segment]
        return sources.contains { marks.contains($0.baseOffset) } ? nil : range
    }

    private func exchange(_ sources: [LogSegment], for segment: LogSegment) {
        writer.withLock { _ in
            snapshot.withLock { snapshot in
                guard let range = range(of: sources, in: snapshot) else {
                    invariantViolated("segments went while maintenance was held", file: #fileID, line: #line)
                }
                snapshot.sealed.replaceSubrange(range, with: [segment])
            }
        }
    }

    /// The manifest's segments after a replacement: every durable one that takes no more.
    private func entries(
        replacing sources: [LogSegment],
        with cleaned: CleanedSegment,
        _ known: [Manifest.Segment]
    ) -> [Manifest.Segment] {
        let snapshot = snapshot.withLock { $0 }
        let byBase = Dictionary(known.map { ($0.baseOffset, $0) }, uniquingKeysWith: { $1 })
        var entries: [Manifest.Segment] = []
        for (number, segment) in snapshot.sealed.enumerated() {
            let end = snapshot.endOffset(ofSegment: number)
            if segment === sources.first { entries.append(cleaned.entry) }
            if end > snapshot.offsets.durable || sources.contains(where: { $0 === segment }) { continue }
            if let entry = byBase[segment.baseOffset] {
                entries.append(entry)
            } else if let size = segment.knownSealedSize {
                entries.append(
                    Manifest.Segment(
                        baseOffset: segment.baseOffset,
                        lastOffset: end + -1,
                        size: size,
                        checksum: nil
                    )
                )
            }
        }
        return entries
    }
}

extension Manifest {
    /// The partition's manifest; an empty one if there is none.
    static func read(in directory: String, _ fileSystem: any FileSystem) throws(LogError) -> Manifest {
        let path = "\(directory)/\(ManifestFormat.fileName)"
        let bytes = try SmallFile.read(path, limit: ManifestFormat.maximumBytes, fileSystem)
        return try bytes.map { bytes throws(LogError) in try ManifestFormat.decode(bytes, path: path) } ?? Manifest()
    }

    /// Replaces the manifest on disk, durably.
    func save(in directory: String, _ fileSystem: any FileSystem) throws(LogError) {
        try storage { () throws(FileError) in
            try SmallFile.replace(ManifestFormat.fileName, in: directory, with: ManifestFormat.encode(self), fileSystem)
        }
    }
}
