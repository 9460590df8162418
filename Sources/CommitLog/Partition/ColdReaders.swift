import Model

/// Where consumers read that are far behind the log's end, and what was brought into the page cache for them: where the
/// page cache has no room left it can go again, once nobody is about to read it, before it pushes out what everybody
/// reads. A value, owned by a leaf lock of its log.
struct ColdReaders {
    /// What lies so far before another reader at most is about to be read by it.
    static let followedBytes = 64 << 20
    /// So far behind the place where a reader goes on, something may still be on its way to it.
    static let unsentBytes = 8 << 20
    /// Ranges that lie next to each other become one up to this length.
    static let rangeBytes = 1 << 20
    /// Readers and ranges that are remembered; of more, the oldest are left to the kernel.
    static let mostReaders = 32
    static let mostRanges = 256
    /// Who has read nothing for so long is gone.
    static let patience = Duration.seconds(60)

    /// Where a consumer goes on, and when it was there.
    private struct Reader {
        var segment: Offset
        var position: Int
        var seen: Instant
    }

    /// A part of a segment's file. The file stays open only for as long as someone else needs it.
    struct Loaded {
        weak var file: (any File)?
        let segment: Offset
        let start: Int
        fileprivate(set) var end: Int
    }

    private var readers: [Reader] = []
    private var ranges: [Loaded] = []

    /// Notes that a consumer was given a range and goes on behind it.
    mutating func passed(_ range: Range<Int>, of segment: Offset, now: Instant) {
        readers.removeAll { $0.seen.duration(to: now) > Self.patience }
        let known =
            readers.firstIndex { $0.segment == segment && $0.position == range.lowerBound }
            // From the end of one segment to the start of the next.
            ?? (range.lowerBound == 0 ? readers.indices.last { readers[$0].segment < segment } : nil)
        if let known { readers.remove(at: known) }
        if readers.count == Self.mostReaders { readers.removeFirst() }
        readers.append(Reader(segment: segment, position: range.upperBound, seen: now))
    }

    /// Notes that a range was loaded for a consumer, which goes on behind it.
    mutating func loaded(_ range: Range<Int>, of segment: Offset, in file: any File, now: Instant) {
        passed(range, of: segment, now: now)
        if let last = ranges.indices.last, ranges[last].segment == segment, ranges[last].end == range.lowerBound,
            ranges[last].file === file, range.upperBound - ranges[last].start <= Self.rangeBytes
        {
            ranges[last].end = range.upperBound
            return
        }
        if ranges.count == Self.mostRanges { ranges.removeFirst() }
        ranges.append(Loaded(file: file, segment: segment, start: range.lowerBound, end: range.upperBound))
    }

    /// Forgets what nobody is about to read, and tells what that is.
    mutating func takeUnwanted() -> [Loaded] {
        var unwanted: [Loaded] = []
        ranges.removeAll { range in
            if readers.contains(where: { Self.wants($0, range) }) { return false }
            unwanted.append(range)
            return true
        }
        return unwanted
    }

    /// Whether a reader may be about to read a range, or to be sent it.
    private static func wants(_ reader: Reader, _ range: Loaded) -> Bool {
        if reader.segment == range.segment {
            return range.start - reader.position < followedBytes && reader.position - range.end < unsentBytes
        }
        // How long a segment is does not matter: who is in an earlier one is taken to be at its end.
        return reader.segment < range.segment ? range.start < followedBytes : reader.position < unsentBytes
    }
}
