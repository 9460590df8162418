package import Model

/// Offsets of a partition whose records are damaged or gone, and where in the files that is. Immutable.
package struct QuarantinedRange: Equatable, Sendable {
    /// What becomes of a fetch that asks for one of the offsets.
    package enum State: UInt8, Sendable {
        /// It is told that the records are corrupt.
        case refused = 0
        /// It goes on behind them: someone has ordered so, and the bytes are no longer in the segment.
        case skipped = 1
    }

    /// None, if only bytes are too many.
    package let offsets: Range<Offset>
    /// The base offset of the segment.
    package let segment: Offset
    package let position: FilePosition
    /// In bytes; 0 where the records are missing altogether.
    package let length: Int
    package let found: Timestamp
    package let reason: String
    package var state = State.refused

    var end: Int { position.bytes + length }
}

extension QuarantinedRange: CustomStringConvertible {
    package var description: String {
        let count = offsets.upperBound - offsets.lowerBound
        let name = LogFileNames.name(segment, LogFileNames.log)
        let place = length == 0 ? "at byte \(position)" : "\(length) bytes at byte \(position)"
        guard count > 0 else { return "\(place) of \(name) hold no records: \(reason)" }
        return "offsets \(offsets.lowerBound) to \(offsets.upperBound + -1) (\(place) of \(name)): \(reason)"
    }
}

/// What is known to be damaged in a partition, and when all of it was last read: `quarantine-checkpoint`. A value.
///
/// Whoever reads the log goes by this: damage that was found stays found over a restart, although no other file tells.
struct Quarantine: Equatable, Sendable {
    /// Ascending by offset.
    private(set) var ranges: [QuarantinedRange] = []
    /// When the last look at every byte ended; -1 if there was none.
    var scrubbed = Timestamp.none

    init(_ ranges: [QuarantinedRange] = [], scrubbed: Timestamp = .none) {
        self.scrubbed = scrubbed
        self.ranges = ranges
        sort()
    }

    /// Of one segment, ascending by position: what is in its way.
    func damage(of segment: Offset) -> [QuarantinedRange] {
        if ranges.isEmpty { return [] }
        return ranges.filter { $0.segment == segment && $0.state == .refused }.sorted { $0.position < $1.position }
    }

    /// Whether it is known why these offsets are not there.
    func explains(_ gap: Range<Offset>) -> Bool {
        var explained = gap.lowerBound
        for range in ranges where range.offsets.lowerBound <= explained {
            explained = max(explained, range.offsets.upperBound)
        }
        return explained >= gap.upperBound
    }

    /// Only what was skipped by order.
    var skipped: Quarantine { Quarantine(ranges.filter { $0.state == .skipped }) }

    /// The first damage that nobody has ordered to skip.
    var firstDamage: QuarantinedRange? { ranges.first { $0.state == .refused } }

    /// Takes over what a look at a segment has found; what was known before keeps its date.
    mutating func replaceDamage(of segment: Offset, with found: [QuarantinedRange]) {
        let known = damage(of: segment)
        ranges.removeAll { $0.segment == segment && $0.state == .refused }
        ranges += found.map { range in
            known.first { $0.offsets == range.offsets && $0.position == range.position && $0.length == range.length }
                ?? range
        }
        sort()
    }

    /// Notes that nobody wants what is damaged in a segment any more.
    mutating func skipDamage(of segment: Offset) {
        for number in ranges.indices where ranges[number].segment == segment { ranges[number].state = .skipped }
    }

    /// Forgets what is below the log's start.
    mutating func truncate(toStart start: Offset) { ranges.removeAll { $0.offsets.upperBound <= start } }

    /// Forgets what is behind the log's end.
    mutating func truncate(toEnd end: Offset) { ranges.removeAll { $0.offsets.upperBound > end } }

    private mutating func sort() {
        ranges.sort { ($0.offsets.lowerBound, $0.position) < ($1.offsets.lowerBound, $1.position) }
    }
}

/// The layout of ``Quarantine``.
///
///     byte  bytes  field (big-endian)
///        0     10  magic "MQUA", version 1, checksum: see ``ChecksummedFile``
///       10      8  scrubbed         milliseconds since 1970 when all was last read, -1: never
///       18      4  range count, then for each:
///        0      8  first offset
///        8      8  end offset       one more than the last
///       16      8  segment          base offset of the segment's file
///       24      8  position         of the first damaged byte in the file
///       32      8  length           in bytes, 0: the records are missing
///       40      8  found            milliseconds since 1970
///       48      1  state            0: refused, 1: skipped
///       49      2  length of the reason, then the reason in UTF-8
enum QuarantineFormat {
    static let fileName = "quarantine-checkpoint"
    static let magic: UInt32 = 0x4d51_5541
    static let version: Int16 = 1
    static let smallestRange = 51
    static let maximumBytes = 64 << 20
    /// Of a reason, in bytes.
    static let maximumReason = 500

    static func encode(_ quarantine: Quarantine) -> [UInt8] {
        var body = bigEndianBytes(quarantine.scrubbed.milliseconds) + bigEndianBytes(Int32(quarantine.ranges.count))
        for range in quarantine.ranges {
            body += bigEndianBytes(range.offsets.lowerBound.rawValue)
            body += bigEndianBytes(range.offsets.upperBound.rawValue)
            body += bigEndianBytes(range.segment.rawValue)
            body += bigEndianBytes(Int64(range.position.bytes)) + bigEndianBytes(Int64(range.length))
            body += bigEndianBytes(range.found.milliseconds)
            body.append(range.state.rawValue)
            let reason = Array(range.reason.prefix(maximumReason / 4).utf8)
            body += bigEndianBytes(UInt16(reason.count)) + reason
        }
        return ChecksummedFile.wrap(body, magic: magic, version: version)
    }

    /// Reads what ``encode(_:)`` makes. `path` is for the error only.
    static func decode(_ bytes: [UInt8], path: String) throws(LogError) -> Quarantine {
        try bytes.withBytes { bytes throws(LogError) in
            var reader = try ChecksummedFile.unwrap(bytes, magic: magic, version: version, path: path)
            let scrubbed = Timestamp(milliseconds: try reader.integer())
            var ranges: [QuarantinedRange] = []
            for _ in 0..<(try reader.count(of: smallestRange)) { ranges.append(try range(&reader)) }
            guard reader.isAtEnd else { throw .corrupt(path: path, "bytes follow its last field") }
            return Quarantine(ranges, scrubbed: scrubbed)
        }
    }

    private static func range(_ reader: inout FieldReader) throws(LogError) -> QuarantinedRange {
        let (first, end, segment) = (try reader.offset(), try reader.offset(), try reader.offset())
        let position: Int64 = try reader.integer()
        let length: Int64 = try reader.integer()
        let found: Int64 = try reader.integer()
        let state: UInt8 = try reader.integer()
        let reason = try reader.text()
        let longest = Int64(Int32.max)
        guard first <= end, (0...longest).contains(position), (0...longest).contains(length),
            let state = QuarantinedRange.State(rawValue: state)
        else { throw .corrupt(path: reader.path, "its range of offsets \(first) to \(end) cannot be") }
        return QuarantinedRange(
            offsets: first..<end,
            segment: segment,
            position: FilePosition(Int(position)),
            length: Int(length),
            found: Timestamp(milliseconds: found),
            reason: reason,
            state: state
        )
    }
}

extension Quarantine {
    /// The partition's list; an empty one if there is none. A damaged one throws ``LogError/corrupt(path:_:)``.
    static func read(in directory: String, _ fileSystem: any FileSystem) throws(LogError) -> Quarantine {
        let path = "\(directory)/\(QuarantineFormat.fileName)"
        let bytes = try SmallFile.read(path, limit: QuarantineFormat.maximumBytes, fileSystem)
        guard let bytes, !bytes.isEmpty else { return Quarantine() }
        return try QuarantineFormat.decode(bytes, path: path)
    }

    /// Replaces the partition's list on disk, durably.
    func save(in directory: String, _ fileSystem: any FileSystem) throws(LogError) {
        try storage { () throws(FileError) in
            try SmallFile.replace(
                QuarantineFormat.fileName,
                in: directory,
                with: QuarantineFormat.encode(self),
                fileSystem
            )
        }
    }
}
