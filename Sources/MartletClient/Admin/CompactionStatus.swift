/// How far a compaction of a partition is that someone asked for. Immutable.
public struct CompactionStatus: Equatable, Sendable {
    /// What has become of it.
    public enum State: Equatable, Sendable {
        /// For a thread, or for another compaction of the same partition.
        case waiting
        /// It is under way.
        case running
        /// It has ended well.
        case done
        /// It has failed; the broker tries again by itself.
        case failed(reason: String)
    }

    /// The partition's number.
    public let index: Int32
    /// Tells this compaction from others of the same partition, while the broker runs.
    public let run: Int64
    /// What has become of it.
    public let state: State
    /// Bytes read in the present pass.
    public let bytesRead: Int64
    /// Bytes that the present pass has to read.
    public let bytesToRead: Int64
    /// How many passes there were: more than one if there were more keys than fit into the broker's memory for them.
    public let passes: Int32
    /// Bytes of what was looked at, before.
    public let bytesBefore: Int64
    /// The same afterwards.
    public let bytesAfter: Int64
    /// Records of what was looked at, before.
    public let recordsBefore: Int64
    /// The same afterwards.
    public let recordsAfter: Int64
    /// Segments of what was looked at, before.
    public let segmentsBefore: Int32
    /// The same afterwards.
    public let segmentsAfter: Int32
    /// Whether a dry run saw only a part of the keys, so that more would go.
    public let isPartial: Bool

    /// Whether nothing more will come of it.
    public var hasEnded: Bool {
        switch state {
        case .waiting, .running: false
        case .done, .failed: true
        }
    }

    /// From 0 to 1, as far as that can be known.
    public var fraction: Double {
        if hasEnded { return 1 }
        return bytesToRead > 0 ? min(1, Double(bytesRead) / Double(bytesToRead)) : 0
    }
}
