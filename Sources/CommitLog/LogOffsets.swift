package import Model

/// The offsets that bound what a partition holds and what of it may be seen. Immutable; invariant I2 holds.
package struct LogOffsets: Equatable, Sendable {
    /// The first offset that may be read.
    package let logStart: Offset
    /// The end of what a read-committed consumer sees.
    package let lastStable: Offset
    /// The end of what a consumer sees.
    package let highWatermark: Offset
    /// The offset the next record will get.
    package let logEnd: Offset
    /// Everything below survives a power cut.
    package let durable: Offset
    /// The epoch of this partition's present leader.
    package let leaderEpoch: LeaderEpoch

    package init(
        logStart: Offset,
        lastStable: Offset,
        highWatermark: Offset,
        logEnd: Offset,
        durable: Offset,
        leaderEpoch: LeaderEpoch
    ) {
        invariant(logStart <= lastStable, "I2: log start \(logStart) is above the last stable offset \(lastStable)")
        invariant(lastStable <= highWatermark, "I2: last stable offset \(lastStable) is above \(highWatermark)")
        invariant(highWatermark <= logEnd, "I2: high watermark \(highWatermark) is above the log end \(logEnd)")
        invariant(durable <= logEnd, "I2: durable offset \(durable) is above the log end \(logEnd)")
        self.logStart = logStart
        self.lastStable = lastStable
        self.highWatermark = highWatermark
        self.logEnd = logEnd
        self.durable = durable
        self.leaderEpoch = leaderEpoch
    }
}

/// How far a reader may see.
package enum ReadLimit: Sendable {
    /// Read-uncommitted consumers.
    case highWatermark
    /// Read-committed consumers.
    case lastStable
    /// The broker itself, and replicas.
    case logEnd
}

/// An offset together with the place of its batch: where a read up to that offset ends. Immutable.
struct LogMark: Equatable, Sendable {
    let offset: Offset
    /// The base offset of the segment that ends at or contains the offset.
    let segment: Offset
    let position: FilePosition
}
