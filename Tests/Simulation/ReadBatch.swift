import CommitLog
import Model
import NIOCore
import Records

/// A batch as it was read from a log. Immutable.
struct ReadBatch {
    let base: Int64
    let end: Int64
    let records: [(offset: Int64, content: SentBatch.Content)]

    func matches(_ expected: PartitionModel.Placed, _ compaction: CompactionModel) -> Bool {
        do throws(Violation) { try compare(with: expected, compaction) } catch { return false }
        return true
    }

    /// Throws unless it is that batch, with all of its records that no compaction may have removed, and none that one must
    /// have removed.
    func compare(with expected: PartitionModel.Placed, _ compaction: CompactionModel) throws(Violation) {
        try require(base == expected.base, "a batch was read at \(base), \(expected.base) is next")
        try require(end == expected.end, "the batch at \(base) ends at \(end), not at \(expected.end)")
        var rest = records[...]
        for (number, content) in expected.batch.records.enumerated() {
            let offset = base + Int64(number)
            guard let record = rest.first, record.offset == offset else {
                let isLeftOut = compaction.mayBeGone(offset)
                try require(isLeftOut, "the batch at \(base) has no record \(offset) any more, only \(records)")
                continue
            }
            try require(record.content == content, "at \(offset) there is \(record.content), not \(content)")
            let isSuperseded = compaction.mustBeGone(offset)
            try require(
                !isSuperseded,
                "the record at \(offset) is there again, though one at a later offset replaces it"
            )
            rest.removeFirst()
        }
        try require(rest.isEmpty, "the batch at \(base) has records that nobody sent: \(rest)")
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
            let header = element.header
            batches.append(
                ReadBatch(base: header.baseOffset.rawValue, end: header.nextOffset.rawValue, records: records)
            )
        }
        return batches
    }
}
