import Model
import NIOCore
import Records

/// Damage that consumers skip from now on. Immutable.
package struct SkippedRange: Equatable, Sendable {
    package let range: QuarantinedRange
    /// Where its bytes are now; nil if there were none.
    package let file: String?

    package init(range: QuarantinedRange, file: String?) {
        self.range = range
        self.file = file
    }
}

/// Repair by order: damaged offsets become a gap, as compaction leaves them. Reads and writes much.
extension PartitionLog {
    /// Makes readers go on behind all damage that is known. Its bytes are moved to files in the directory `quarantine`
    /// of the partition's directory, and the segments are written anew without them.
    package func skipDamage() throws(LogError) -> [SkippedRange] {
        try compacting.withLock { () throws(LogError) in
            // What has not reached the disk must not replace what has.
            try flush()
            var skipped: [SkippedRange] = []
            for segment in try readableSnapshot().sealed where !segment.damage.isEmpty {
                skipped += try skipDamage(of: segment)
            }
            return skipped
        }
    }

    private func skipDamage(of segment: LogSegment) throws(LogError) -> [SkippedRange] {
        try maintenance.withLock { () throws(LogError) in try settleManifest() }
        let damage = segment.damage
        let file = try storage { () throws(FileError) in try segment.file() }
        var skipped: [SkippedRange] = []
        for range in damage { skipped.append(SkippedRange(range: range, file: try keep(range, of: file))) }
        let generation = nextGeneration
        var writer = try CleanedSegmentWriter(
            segment.baseOffset,
            directory: directory,
            environment: environment,
            ending: ".\(generation)\(LogFileNames.cleaned)",
            indexIntervalBytes: config.indexIntervalBytes
        )
        do throws(LogError) {
            try copy(segment, file, to: &writer)
            let cleaned = try writer.finish()
            // First: damage that is noted at a place of the old file must not be looked for in the new one. If the
            // rest fails, the damage is found again.
            try noteSkipped(segment)
            let entry = manifest.withLock { $0.manifest.segments }.first { $0.baseOffset == segment.baseOffset }
            let new = CleanedSegment(segment: cleaned.segment, entry: cleaned.entry.withGaps(entry?.hasGaps ?? false))
            guard try replace([segment], with: new, generation: generation, finishing: nil) else {
                throw .corrupt(path: segment.path, "it is in use and cannot be written anew")
            }
        } catch {
            writer.discard(unless: mayHaveCommitted)
            try scrub(segment: segment.baseOffset)
            throw error
        }
        return skipped
    }

    private func noteSkipped(_ segment: LogSegment) throws(LogError) {
        try maintenance.withLock { () throws(LogError) in
            try forgetDamage { $0.skipDamage(of: segment.baseOffset) }
            segment.noteDamage([])
        }
    }

    /// Writes damaged bytes to a file of their own, durably; nil if there are none.
    private func keep(_ range: QuarantinedRange, of file: any File) throws(LogError) -> String? {
        guard range.length > 0 else { return nil }
        let fileSystem = environment.fileSystem
        let place = "\(directory)/\(Self.quarantineDirectory)"
        let name = LogFileNames.name(range.segment, ".\(range.position)-\(range.end)")
        return try storage { () throws(FileError) in
            try fileSystem.createDirectory(place)
            try fileSystem.remove("\(place)/\(name)")
            let copy = try fileSystem.open("\(place)/\(name)", .createNew)
            var scratch = [UInt8](repeating: 0, count: min(LogEnvironment.scratchBytes, range.length))
            var done = 0
            while done < range.length {
                let count = try scratch.withMutableBytes { buffer throws(FileError) in
                    let piece = UnsafeMutableRawBufferPointer(rebasing: buffer.prefix(range.length - done))
                    let count = try file.read(into: piece, at: range.position + done)
                    try copy.write(
                        UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(piece).prefix(count)),
                        UnsafeRawBufferPointer(start: nil, count: 0),
                        at: FilePosition(done)
                    )
                    return count
                }
                if count == 0 { break }
                done += count
            }
            try copy.sync()
            try fileSystem.syncDirectory(place)
            try fileSystem.syncDirectory(directory)
            return "\(place)/\(name)"
        }
    }

    private static let quarantineDirectory = "quarantine"

    /// Copies what is not damaged, comparing each batch with its checksum.
    private func copy(
        _ segment: LogSegment,
        _ file: any File,
        to writer: inout CleanedSegmentWriter
    ) throws(LogError) {
        let size = try storage { () throws(FileError) in try segment.sealedSize() }
        var damage = segment.damage[...]
        var walk = LogFileWalk(file: file, size: size)
        while let element = try walk.next() {
            while let range = damage.first, element.position.bytes >= range.end { damage.removeFirst() }
            let isDamaged = damage.first.map { $0.position <= element.position && element.position.bytes < $0.end }
            if isDamaged ?? false { continue }
            guard case .batch(let batch) = element, batch.isIntact else {
                throw .corrupt(path: segment.path, "at byte \(element.position): it is damaged there as well")
            }
            let bytes = try walk.bytes(of: batch)
            try bytes.withUnsafeReadableBytes { bytes throws(LogError) in try writer.append(bytes, batch.header) }
        }
    }
}

extension LogFileWalk.Element {
    fileprivate var position: FilePosition {
        switch self {
        case .batch(let batch): batch.position
        case .damage(let range): range.position
        }
    }
}

extension Manifest.Segment {
    fileprivate func withGaps(_ hasGaps: Bool) -> Manifest.Segment {
        var segment = self
        segment.hasGaps = hasGaps
        return segment
    }
}
