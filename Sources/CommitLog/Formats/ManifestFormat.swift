import Model

/// Which segments of a partition are live, as far as compaction is concerned: `segments.manifest`. A value.
///
/// It is the commit point of a compaction: before it is replaced the old segments are live, afterwards the new one that
/// it names. Segments that begin at or behind ``compactedTo`` need not be mentioned. A partition that was never
/// compacted has none.
struct Manifest: Equatable {
    /// A segment that takes no more.
    struct Segment: Equatable {
        let baseOffset: Offset
        /// Of its last batch; one less than the base offset if it is empty.
        let lastOffset: Offset
        let size: Int
        /// CRC32C of every byte, the headers' first bytes included, which no batch's checksum covers; nil if not known.
        let checksum: UInt32?
        /// Whether compaction has made it, or offsets are missing in or behind it for another good reason.
        var hasGaps = false
    }

    /// A segment that takes the place of others, until its files have the names that it is to keep.
    struct Replacement: Equatable {
        /// Also the base offset of the new segment.
        let base: Offset
        /// The base offsets of the segments that it replaces, ascending; the first is ``base``.
        let sources: [Offset]
    }

    /// Grows with every compaction; part of the names of new files, so that no attempt meets another's leftovers.
    var generation: UInt64 = 0
    /// Below, only the last record of each key is left.
    var compactedTo = Offset.zero
    /// When the last compaction ended; -1 if none has.
    var compactedAt = Timestamp.none
    /// After this, none of the tombstones that the last compaction has left need stay; -1 if it has left none.
    var tombstonesExpire = Timestamp.none
    /// Ascending.
    var segments: [Segment] = []
    var replacement: Replacement?

    /// Below, offsets may be missing. Further than ``compactedTo`` where a compaction was cut off between two segments.
    var mayHaveGapsBelow: Offset {
        var end = compactedTo
        for (number, segment) in segments.enumerated() where segment.hasGaps {
            let next = number + 1 < segments.count ? segments[number + 1].baseOffset : segment.lastOffset + 1
            end = max(end, next)
        }
        return end
    }
}

/// The layout of ``Manifest``.
///
///     byte  bytes  field (big-endian)
///        0     10  magic "MSEG", version 1, checksum: see ``ChecksummedFile``
///       10      8  generation
///       18      8  compacted to     offset
///       26      8  compacted at     milliseconds since 1970, -1: never
///       34      8  tombstones expire  milliseconds since 1970, -1: there are none
///       42      4  segment count, then for each, 29 bytes:
///        0      8  base offset
///        8      8  last offset
///       16      8  size             in bytes
///       24      1  flags            1: the checksum is known, 2: it may have gaps
///       25      4  checksum         CRC32C of the segment's bytes, 0 if not known
///        …      4  source count     0: nothing is being replaced; then for each, 8 bytes:
///        0      8  base offset      the first one is also the new segment's
///
/// While sources are named, the new segment's files may still have the names under which they were written,
/// `<base offset>.<suffix>.<generation>.cleaned`. Whoever finds them renames them, then removes the other sources.
enum ManifestFormat {
    static let fileName = "segments.manifest"
    static let magic: UInt32 = 0x4d53_4547
    static let version: Int16 = 1
    static let segmentSize = 29
    static let sourceSize = 8
    /// Of a million segments.
    static let maximumBytes = 32 << 20
    private static let knownChecksum: UInt8 = 1
    private static let gaps: UInt8 = 2

    static func encode(_ manifest: Manifest) -> [UInt8] {
        var body = bigEndianBytes(manifest.generation) + bigEndianBytes(manifest.compactedTo.rawValue)
        body += bigEndianBytes(manifest.compactedAt.milliseconds)
        body += bigEndianBytes(manifest.tombstonesExpire.milliseconds)
        body += bigEndianBytes(Int32(manifest.segments.count))
        for segment in manifest.segments {
            body += bigEndianBytes(segment.baseOffset.rawValue) + bigEndianBytes(segment.lastOffset.rawValue)
            body += bigEndianBytes(Int64(segment.size))
            body.append((segment.checksum == nil ? 0 : knownChecksum) | (segment.hasGaps ? gaps : 0))
            body += bigEndianBytes(segment.checksum ?? 0)
        }
        let sources = manifest.replacement?.sources ?? []
        body += bigEndianBytes(Int32(sources.count))
        for source in sources { body += bigEndianBytes(source.rawValue) }
        return ChecksummedFile.wrap(body, magic: magic, version: version)
    }

    /// Reads what ``encode(_:)`` makes. `path` is for the error only.
    static func decode(_ bytes: [UInt8], path: String) throws(LogError) -> Manifest {
        try bytes.withBytes { bytes throws(LogError) in
            var reader = try ChecksummedFile.unwrap(bytes, magic: magic, version: version, path: path)
            var manifest = Manifest()
            manifest.generation = try reader.integer()
            manifest.compactedTo = try reader.offset()
            manifest.compactedAt = Timestamp(milliseconds: try reader.integer())
            manifest.tombstonesExpire = Timestamp(milliseconds: try reader.integer())
            for _ in 0..<(try reader.count(of: segmentSize)) { manifest.segments.append(try segment(&reader)) }
            var sources: [Offset] = []
            for _ in 0..<(try reader.count(of: sourceSize)) { sources.append(try reader.offset()) }
            if let base = sources.first { manifest.replacement = Manifest.Replacement(base: base, sources: sources) }
            guard reader.isAtEnd else { throw .corrupt(path: path, "bytes follow its last field") }
            let isAscending = zip(sources, sources.dropFirst()).allSatisfy { $0 < $1 }
            guard isAscending else { throw .corrupt(path: path, "its sources are not in order") }
            return manifest
        }
    }

    private static func segment(_ reader: inout FieldReader) throws(LogError) -> Manifest.Segment {
        let base = try reader.offset()
        let last: Int64 = try reader.integer()
        let size: Int64 = try reader.integer()
        let flags: UInt8 = try reader.integer()
        let checksum: UInt32 = try reader.integer()
        guard last >= base.rawValue - 1, last <= LogFileNames.maximumOffset.rawValue, size >= 0 else {
            throw .corrupt(path: reader.path, "segment \(base) cannot end at \(last) with \(size) bytes")
        }
        return Manifest.Segment(
            baseOffset: base,
            lastOffset: Offset(last),
            size: Int(size),
            checksum: flags & knownChecksum == 0 ? nil : checksum,
            hasGaps: flags & gaps != 0
        )
    }
}
