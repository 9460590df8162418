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
        let (snapshot, active) = writer.withLock { writer in
            (self.snapshot.withLock { $0 }, writer.active.largest)
        }
        var descriptions: [SegmentDescription] = []
        for number in 0..<snapshot.segmentCount {
            let segment = snapshot.segment(number)
            let isActive = number == snapshot.sealed.count
            let largest: TimeIndexEntry?
            if isActive {
                largest = active
            } else {
                largest = try storage { () throws(FileError) in try segment.largest() }
            }
            descriptions.append(
                SegmentDescription(
                    baseOffset: segment.baseOffset,
                    endOffset: snapshot.endOffset(ofSegment: number),
                    sizeInBytes: isActive ? snapshot.end.position.bytes : segment.knownSealedSize ?? 0,
                    largestTimestamp: largest?.timestamp,
                    isActive: isActive
                )
            )
        }
        return descriptions
    }

    /// How many idempotent producers the partition remembers.
    package var producerCount: Int { writer.withLock { $0.producers.producers.count } }
}
