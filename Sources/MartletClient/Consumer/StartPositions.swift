import Model

/// Turns what callers say about the start into offsets. Stateless.
enum StartPositions {
    struct Found: Equatable, Sendable {
        let start: Int64
        /// Where the partition ended at the start; nil unless it was asked for.
        let end: Int64?
    }

    /// - Parameter needsEnds: Whether the partitions' ends are wanted too.
    static func find(
        _ starts: [TopicPartition: StartPosition],
        cluster: Cluster,
        isolation: ConsumerConfiguration.Isolation,
        needsEnds: Bool
    ) async throws(ClientError) -> [TopicPartition: Found] {
        let needsBeginning = starts.filter { $0.value.needsBeginning }.mapValues { _ in OffsetQuery.beginning }
        let needsEnd = starts.filter { needsEnds || $0.value.needsEnd }.mapValues { _ in OffsetQuery.end }
        let times = starts.compactMapValues { start -> OffsetQuery? in
            if case .time(let milliseconds) = start { return .time(milliseconds) }
            return nil
        }
        // The ends last: a record that is appended meanwhile is delivered rather than skipped.
        let beginnings = try await cluster.offsets(needsBeginning, isolation: isolation)
        let found = try await cluster.offsets(times, isolation: isolation)
        let ends = try await cluster.offsets(needsEnd, isolation: isolation)
        var result: [TopicPartition: Found] = [:]
        for (partition, start) in starts {
            let end = ends[partition]?.offset
            let position = position(
                start,
                beginning: beginnings[partition]?.offset,
                end: end,
                found: found[partition]?.offset
            )
            result[partition] = Found(start: position, end: needsEnds ? end : nil)
        }
        return result
    }

    /// The first offset to read.
    ///
    /// - Parameter found: What was found for a time; negative if nothing.
    static func position(_ start: StartPosition, beginning: Int64?, end: Int64?, found: Int64?) -> Int64 {
        switch start {
        case .beginning: beginning ?? 0
        case .end: end ?? 0
        case .offset(let offset): offset
        case .last(let count): max(beginning ?? 0, (end ?? 0) - count)
        case .time:
            if let found, found >= 0 { found } else { end ?? 0 }
        }
    }
}

extension StartPosition {
    fileprivate var needsBeginning: Bool {
        switch self {
        case .beginning, .last: true
        case .end, .offset, .time: false
        }
    }

    fileprivate var needsEnd: Bool {
        switch self {
        case .end, .last, .time: true
        case .beginning, .offset: false
        }
    }
}
