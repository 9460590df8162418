import MartletClient

/// Writes records to standard output as they come. Owned by the command's task.
final class RecordPrinter {
    /// nil writes JSON.
    private let template: FormatTemplate?
    private let isUnbuffered: Bool
    private let output = StandardOutput()

    init(template: FormatTemplate?, isUnbuffered: Bool) {
        self.template = template
        self.isUnbuffered = isUnbuffered
    }

    /// Writes until the consumer ends, or `limit` records.
    func write(_ consumer: Consumer, atMost limit: Int?) async throws {
        var remaining = limit ?? .max
        var records = consumer.makeAsyncIterator()
        while remaining > 0, let batch = try await records.nextBatch() {
            for record in batch.prefix(remaining) {
                try write(record)
                if isUnbuffered { try output.flush() }
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
