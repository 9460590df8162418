import CommitLog
import Model
import NIOCore
import Records

/// A batch as it was read from a log. Immutable.
struct ReadBatch {
    let base: Int64
    let records: [(offset: Int64, content: SentBatch.Content)]

    var end: Int64 { base + Int64(records.count) }

    func matches(_ expected: PartitionModel.Placed) -> Bool {
        base == expected.base && records.map(\.content) == expected.batch.records
    }

    func compare(with expected: PartitionModel.Placed) throws(Violation) {
        try require(base == expected.base, "a batch was read at \(base), \(expected.base) is next")
        try require(
            records.map(\.content) == expected.batch.records,
            "at \(base) there is \(records.map(\.content)), not \(expected.batch.records)"
        )
        for (number, record) in records.enumerated() {
            try require(
                record.offset == base + Int64(number),
                "record \(number) of the batch at \(base) says that its offset is \(record.offset)"
            )
        }
    }

    /// One read, as a consumer does it. `mayWait`: not by way of the mapping.
    static func read(
        _ log: PartitionLog,
        from offset: Int64,
        maximumBytes: Int = 1 << 20,
        upTo limit: ReadLimit,
        mayWait: Bool
    ) throws -> [ReadBatch] {
        func attempt(acceptCold: Bool) throws(LogError) -> ReadOutcome {
            try log.read(
                from: Offset(offset),
                maximumBytes: maximumBytes,
                alwaysOneBatch: true,
                upTo: limit,
                acceptCold: acceptCold
            )
        }
        var outcome = try attempt(acceptCold: mayWait)
        if case .cold(let range) = outcome {
            try range.load()
            outcome = try attempt(acceptCold: true)
        }
        guard case .data(let range) = outcome, let slice = range.slice else { return [] }
        return try parse(slice)
    }

    /// Everything there is, as a consumer would read it from the start on.
    static func readAll(_ log: PartitionLog) throws -> [ReadBatch] {
        var batches: [ReadBatch] = []
        var next = log.offsets.logStart.rawValue
        while next < log.offsets.logEnd.rawValue {
            let found = try read(log, from: next, upTo: .logEnd, mayWait: true)
            guard let last = found.last else {
                throw Violation("nothing can be read at \(next), and the log ends at \(log.offsets.logEnd)")
            }
            batches += found
            next = last.end
        }
        return batches
    }

    private static func parse(_ slice: FileSlice) throws -> [ReadBatch] {
        var bytes = [UInt8](repeating: 0, count: slice.length)
        let count = try bytes.withUnsafeMutableBytes { try slice.file.read(into: $0, at: slice.position) }
        var sequence = BatchSequence(ByteBuffer(bytes: bytes.prefix(count)))
        var batches: [ReadBatch] = []
        while let element = try sequence.next() {
            var reader = try RecordReader(batch: element.bytes)
            var records: [(Int64, SentBatch.Content)] = []
            while let record = try reader.next() {
                let content = SentBatch.Content(
                    key: record.key.map { String(buffer: $0) },
                    value: record.value.map { String(buffer: $0) },
                    timestamp: record.timestamp.milliseconds
                )
                records.append((record.offset.rawValue, content))
            }
            batches.append(ReadBatch(base: element.header.baseOffset.rawValue, records: records))
        }
        return batches
    }
}
