import Model

/// What a reader sees of a log: immutable segments and how far they may be read. A value; the log publishes a new one
/// with every append, and a reader works on its own copy without holding any lock.
struct LogSnapshot: Sendable {
    /// Segments that take no more, in the order of their offsets (I1: each ends where the next begins).
    var sealed: [LogSegment]
    var active: LogSegment
    /// Where this process began to write the active segment.
    var activeWrittenFrom: Int
    /// The log's end, in the active segment.
    var end: LogMark
    var highWatermark: LogMark
    var lastStable: LogMark
    private(set) var offsets: LogOffsets
    var isClosed = false
    /// How often the log was cut since it was opened.
    var cuts = 0

    init(
        sealed: [LogSegment],
        active: LogSegment,
        activeWrittenFrom: Int,
        end: LogMark,
        logStart: Offset,
        durable: Offset,
        leaderEpoch: LeaderEpoch
    ) {
        self.sealed = sealed
        self.active = active
        self.activeWrittenFrom = activeWrittenFrom
        self.end = end
        highWatermark = end
        lastStable = end
        offsets = LogOffsets(
            logStart: logStart,
            lastStable: end.offset,
            highWatermark: end.offset,
            logEnd: end.offset,
            durable: durable,
            leaderEpoch: leaderEpoch
        )
    }

    /// The one place where offsets change; ``LogOffsets`` asserts I2.
    mutating func update(
        end: LogMark? = nil,
        highWatermark: LogMark? = nil,
        lastStable: LogMark? = nil,
        logStart: Offset? = nil,
        durable: Offset? = nil,
        leaderEpoch: LeaderEpoch? = nil
    ) {
        self.end = end ?? self.end
        self.highWatermark = highWatermark ?? self.highWatermark
        self.lastStable = lastStable ?? self.lastStable
        offsets = LogOffsets(
            logStart: logStart ?? offsets.logStart,
            lastStable: self.lastStable.offset,
            highWatermark: self.highWatermark.offset,
            logEnd: self.end.offset,
            durable: durable ?? offsets.durable,
            leaderEpoch: leaderEpoch ?? offsets.leaderEpoch
        )
    }

    func mark(_ limit: ReadLimit) -> LogMark {
        switch limit {
        case .highWatermark: highWatermark
        case .lastStable: lastStable
        case .logEnd: end
        }
    }

    var segmentCount: Int { sealed.count + 1 }

    func segment(_ number: Int) -> LogSegment { number < sealed.count ? sealed[number] : active }

    /// The number of the last segment that begins at or below `offset`; the first one if there is none.
    func segmentNumber(containing offset: Offset) -> Int {
        if offset >= active.baseOffset { return sealed.count }
        var low = 0
        var high = sealed.count
        while low < high {
            let middle = low + (high - low) / 2
            if sealed[middle].baseOffset <= offset { low = middle + 1 } else { high = middle }
        }
        return max(0, low - 1)
    }

    /// The offset at which a segment ends and the next begins (I1).
    func endOffset(ofSegment number: Int) -> Offset {
        number + 1 < segmentCount ? segment(number + 1).baseOffset : end.offset
    }
}
