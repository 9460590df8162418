import CoreMetrics

/// What a producer counts, by batch rather than by record, so that counting costs next to nothing. Thread-safe.
struct ProducerMetrics: Sendable {
    /// Records that brokers have acknowledged, or with acks=0 that were sent.
    let records: Counter
    /// Bytes of their batches before compression.
    let bytes: Counter
    /// Records that were given up.
    let failedRecords: Counter
    /// Batches that were sent again.
    let retries: Counter
    /// Batches that were split because the topic takes no such large ones.
    let splits: Counter
    let requests: Counter
    /// From the request's start to its answer.
    let requestTime: Timer
    /// Records in a batch.
    let batchRecords: Recorder
    /// Bytes of the buffer that undelivered records hold.
    let bufferBytes: Gauge

    init(_ client: ClientConfiguration) {
        let make = MetricMaker(client)
        records = make.counter("martlet_producer_records")
        bytes = make.counter("martlet_producer_bytes")
        failedRecords = make.counter("martlet_producer_failed_records")
        retries = make.counter("martlet_producer_retries")
        splits = make.counter("martlet_producer_splits")
        requests = make.counter("martlet_producer_requests")
        requestTime = make.timer("martlet_producer_request_time")
        batchRecords = make.recorder("martlet_producer_batch_records")
        bufferBytes = make.gauge("martlet_producer_buffer_bytes")
    }

    func delivered(_ batch: ProducerBatch) {
        records.increment(by: Int64(batch.count))
        bytes.increment(by: Int64(batch.size))
        batchRecords.record(Int64(batch.count))
    }
}
