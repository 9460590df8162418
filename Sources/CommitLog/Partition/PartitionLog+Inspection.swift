package import Model

/// What a segment looks like from outside: for retention, for the operator. Immutable.
package struct SegmentDescription: Equatable, Sendable {
    package let baseOffset: Offset
    /// Where the next one begins.
    package let endOffset: Offset
    package let sizeInBytes: Int
    /// nil if no record has a timestamp.
    package let largestTimestamp: Timestamp?
    /// Whether it is the one that is written.
    package let isActive: Bool
    /// When its last record was appended by the wall clock of then, as far as that is known.
    package let lastAppend: Timestamp?
    /// For how long this process has seen it unchanged: its records are at least so old, whatever the clock says.
    package let knownForMilliseconds: Int64

    package init(
        baseOffset: Offset,
        endOffset: Offset,
        sizeInBytes: Int,
        largestTimestamp: Timestamp?,
        isActive: Bool,
        lastAppend: Timestamp? = nil,
        knownForMilliseconds: Int64 = 0
    ) {
        self.baseOffset = baseOffset
        self.endOffset = endOffset
        self.sizeInBytes = sizeInBytes
        self.largestTimestamp = largestTimestamp
        self.isActive = isActive
        self.lastAppend = lastAppend
        self.knownForMilliseconds = knownForMilliseconds
    }
}

extension PartitionLog {
    /// Bytes of batches, the part of the first segment below the log's start included.
    package var sizeInBytes: Int {
        let snapshot = snapshot.withLock { $0 }
        return snapshot.sealed.reduce(snapshot.end.position.bytes) { $0 + ($1.knownSealedSize ?? 0) }
    }

    package var segmentCount: Int { snapshot.withLock { $0.segmentCount } }

    /// All segments, oldest first. Reads time indexes: never on an event loop.
    package func segments() throws(LogError) -> [SegmentDescription] {
        let (snapshot, active, activeAppend) = writer.withLock { writer in
            (self.snapshot.withLock { $0 }, writer.active.largest, writer.active.lastAppend)
        }
        let (now, instant) = (environment.time.now, environment.time.instant)
        var descriptions: [SegmentDescription] = []
        for number in 0..<snapshot.segmentCount {
            let segment = snapshot.segment(number)
            let isActive = number == snapshot.sealed.count
            let largest: Timestamp?
            if isActive {
                largest = active?.timestamp
            } else {
                largest = try self.largest(of: segment)
            }
            let append = isActive ? activeAppend : segment.lastAppend
            var lastAppend = append?.now
            // Only where the timestamps say nothing: copying files changes this, and must not make them older.
            if lastAppend == nil, largest == nil || largest ?? now > now {
                lastAppend = try storage { () throws(FileError) in try segment.modified() }
            }
            let known = (append?.instant ?? segment.createdInstant).duration(to: instant)
            descriptions.append(
                SegmentDescription(
                    baseOffset: segment.baseOffset,
                    endOffset: snapshot.endOffset(ofSegment: number),
                    sizeInBytes: isActive ? snapshot.end.position.bytes : segment.knownSealedSize ?? 0,
                    largestTimestamp: largest,
                    isActive: isActive,
                    lastAppend: lastAppend,
                    knownForMilliseconds: max(0, known.wholeNanoseconds / 1_000_000)
                )
            )
        }
        return descriptions
    }

    /// The largest timestamp of a segment that takes no more, as its batches say or else its time index; nil if no
    /// record has one.
    private func largest(of segment: LogSegment) throws(LogError) -> Timestamp? {
        if let verified = segment.verifiedLargest { return verified > .none ? verified : nil }
        return try storage { () throws(FileError) in try segment.largest() }?.timestamp
    }

    /// How many idempotent producers the partition remembers.
    package var producerCount: Int { writer.withLock { $0.producers.producers.count } }
}
