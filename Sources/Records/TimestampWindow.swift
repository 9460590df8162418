import Model

/// The timestamps that a topic accepts at one moment; all if the broker's clock counts. Immutable.
struct TimestampWindow {
    private let earliest: Timestamp
    private let latest: Timestamp

    init(_ rules: BatchRules, now: Timestamp) {
        guard rules.timestampType == .createTime else {
            earliest = Timestamp(milliseconds: .min)
            latest = Timestamp(milliseconds: .max)
            return
        }
        let (past, pastOverflow) = now.rawValue.subtractingReportingOverflow(rules.maximumTimestampBeforeMilliseconds)
        let (future, futureOverflow) = now.rawValue.addingReportingOverflow(rules.maximumTimestampAfterMilliseconds)
        earliest = Timestamp(milliseconds: pastOverflow ? .min : past)
        latest = Timestamp(milliseconds: futureOverflow ? .max : future)
    }

    /// A record without a timestamp is always fine.
    ///
    /// Compares the integers, as `Comparable`'s own `>=` costs 2 ns per record.
    @inline(__always)
    func contains(_ timestamp: Timestamp) -> Bool {
        (timestamp.rawValue >= earliest.rawValue && timestamp.rawValue <= latest.rawValue) || timestamp == .none
    }

    func refusal(of timestamp: Timestamp, record: Int32) -> BatchError {
        .timestampOutOfRange(record: record, timestamp: timestamp, earliest: earliest, latest: latest)
    }
}
