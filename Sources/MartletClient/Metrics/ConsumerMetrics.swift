import CoreMetrics
import Model

/// What a consumer counts, by batch rather than by record. Thread-safe.
struct ConsumerMetrics: Sendable {
    /// Records that were handed out.
    let records: Counter
    /// Bytes of records that were fetched, as they travel.
    let bytes: Counter
    let fetchRequests: Counter
    /// Commits that the coordinator has stored.
    let commits: Counter
    let failedCommits: Counter
    /// How often partitions were assigned, revoked or lost.
    let rebalances: Counter

    private let make: MetricMaker
    private let lags = Locked<[TopicPartition: Gauge]>([:])

    init(_ client: ClientConfiguration) {
        make = MetricMaker(client)
        records = make.counter("martlet_consumer_records")
        bytes = make.counter("martlet_consumer_bytes")
        fetchRequests = make.counter("martlet_consumer_fetch_requests")
        commits = make.counter("martlet_consumer_commits")
        failedCommits = make.counter("martlet_consumer_failed_commits")
        rebalances = make.counter("martlet_consumer_rebalances")
    }

    /// How many records a partition had behind the last one fetched, when it was fetched.
    func lag(of partition: TopicPartition, _ records: Int64) {
        let gauge = lags.withLock { lags -> Gauge in
            if let gauge = lags[partition] { return gauge }
            let dimensions = [("topic", partition.topic), ("partition", "\(partition.partition)")]
            let gauge = make.gauge("martlet_consumer_lag_records", dimensions)
            lags[partition] = gauge
            return gauge
        }
        gauge.record(max(0, records))
    }

    /// Forgets the gauges of partitions that are read elsewhere now.
    func forget(_ partitions: Set<TopicPartition>) {
        lags.withLock { lags in
            for partition in partitions { lags.removeValue(forKey: partition)?.record(0) }
        }
    }
}
