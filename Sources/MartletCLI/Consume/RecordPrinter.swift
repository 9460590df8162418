import MartletClient

/// How `martlet consume` writes a record. A value.
struct RecordLayout {
    /// nil writes JSON.
    var template: FormatTemplate?
    /// Whether key, value and the headers' values are written in base 64.
    var isBase64 = false
    /// Whether each record is written at once.
    var isUnbuffered = false
}

/// Writes records to standard output as they come. Owned by the command's task; only its gate is for others.
final class RecordPrinter {
    private let layout: RecordLayout
    private let filter: RecordFilter
    /// Whether to tell the consumer what was written, batch by batch.
    private let storesOffsets: Bool
    private let output = StandardOutput()
    let gate: WritingGate

    init(_ layout: RecordLayout, filter: RecordFilter, storesOffsets: Bool = false, gate: WritingGate = WritingGate()) {
        self.layout = layout
        self.filter = filter
        self.storesOffsets = storesOffsets
        self.gate = gate
    }

    /// Writes until the consumer ends, the task is cancelled, or `limit` records are written.
    func write(_ consumer: Consumer, atMost limit: Int?) async throws {
        var remaining = limit ?? .max
        var records = consumer.makeAsyncIterator()
        while remaining > 0, !Task.isCancelled, let batch = try await records.nextBatch() {
            gate.begin()
            defer { gate.end() }
            let last = try write(batch, &remaining)
            if storesOffsets, let last {
                // Only what has left this process counts as read.
                try output.flush()
                consumer.store([Partition(topic: last.topic, index: last.partition): last.offset + 1])
            }
            // What is written should be seen before waiting for more.
            if !records.isAhead { try output.flush() }
        }
        try output.flush()
    }

    /// Writes what passes, and returns the last record that was looked at.
    private func write(_ batch: [ConsumedRecord], _ remaining: inout Int) throws(OutputError) -> ConsumedRecord? {
        for record in batch where filter.passes(record) {
            try write(record)
            if layout.isUnbuffered { try output.flush() }
            remaining -= 1
            if remaining == 0 { return record }
        }
        return batch.last
    }

    private func write(_ record: ConsumedRecord) throws(OutputError) {
        guard let template = layout.template else {
            return try output.line(RecordJSON.object(record, inBase64: layout.isBase64))
        }
        try output.append { template.write(record, inBase64: layout.isBase64, to: &$0) }
    }
}
