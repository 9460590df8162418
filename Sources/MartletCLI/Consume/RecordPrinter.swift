import MartletClient

/// Writes records to standard output as they come. Owned by the command's task; only its gate is for others.
final class RecordPrinter {
    /// nil writes JSON.
    private let template: FormatTemplate?
    private let isUnbuffered: Bool
    /// Whether to tell the consumer what was written, batch by batch.
    private let storesOffsets: Bool
    private let output = StandardOutput()
    let gate: WritingGate

    init(template: FormatTemplate?, isUnbuffered: Bool, storesOffsets: Bool = false, gate: WritingGate = WritingGate())
    {
        self.template = template
        self.isUnbuffered = isUnbuffered
        self.storesOffsets = storesOffsets
        self.gate = gate
    }

    /// Writes until the consumer ends, the task is cancelled, or `limit` records.
    func write(_ consumer: Consumer, atMost limit: Int?) async throws {
        var remaining = limit ?? .max
        var records = consumer.makeAsyncIterator()
        while remaining > 0, !Task.isCancelled, let batch = try await records.nextBatch() {
            gate.begin()
            defer { gate.end() }
            for record in batch.prefix(remaining) {
                try write(record)
                if isUnbuffered { try output.flush() }
            }
            if storesOffsets, let last = batch.prefix(remaining).last {
                // Only what has left this process counts as read.
                try output.flush()
                consumer.store([Partition(topic: last.topic, index: last.partition): last.offset + 1])
            }
            remaining -= batch.count
            // What is written should be seen before waiting for more.
            if !records.isAhead { try output.flush() }
        }
        try output.flush()
    }

    private func write(_ record: ConsumedRecord) throws(OutputError) {
        guard let template else { return try output.line(RecordJSON.object(record)) }
        try output.append { template.write(record, to: &$0) }
    }
}
