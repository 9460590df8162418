import Model
import NIOCore
import Records

/// Record batches as a producer sends them: validated, then read. The first byte chooses the topic's rules and whether
/// length and checksum are put right first, without which hardly any input would get beyond them.
///
/// What the validator has looked into can be read, record by record, and is what the validator said.
enum BatchTarget: FuzzTarget {
    private struct Choice: OptionSet {
        let rawValue: UInt8
        static let repaired = Choice(rawValue: 1)
        static let compacted = Choice(rawValue: 2)
        static let appendTime = Choice(rawValue: 4)
        static let control = Choice(rawValue: 8)
    }

    private static let now = Timestamp(rawValue: 1_700_000_000_000)
    private static let maximumDecompressedBytes = 1 << 20

    static func run(_ input: UnsafeRawBufferPointer) {
        guard let first = input.first else { return }
        let choice = Choice(rawValue: first)
        var batch = ByteBuffer(bytes: input.dropFirst())
        if choice.contains(.repaired) { repair(&batch) }
        readAll(batch)
        let rules = BatchRules(
            requiresKeys: choice.contains(.compacted),
            timestampType: choice.contains(.appendTime) ? .logAppendTime : .createTime,
            allowsControl: choice.contains(.control),
            maximumDecompressedBytes: maximumDecompressedBytes
        )
        guard let found = try? BatchValidator(rules).inspect(batch, now: now) else { return }
        let isLookedInto = found.header.attributes.compression == Compression.none || rules.requiresKeys
        if isLookedInto { checkRecords(batch, rules, found) }
        var stamped = batch
        BatchPatch.stampAppendTime(&stamped, now)
        BatchPatch(found.header, baseOffset: Offset(rawValue: 5), leaderEpoch: LeaderEpoch(rawValue: 1))
            .apply(to: &stamped)
        if isLookedInto { checkRecords(stamped, rules, nil) }
    }

    /// Makes length and checksum those of the bytes that are there.
    private static func repair(_ batch: inout ByteBuffer) {
        guard batch.readableBytes >= RecordBatchFormat.recordsPosition else { return }
        let start = batch.readerIndex
        let length = Int32(batch.readableBytes - RecordBatchFormat.lengthOverhead)
        batch.setInteger(length, at: start + RecordBatchFormat.lengthPosition)
        batch.setInteger(RecordBatchFormat.magic, at: start + RecordBatchFormat.magicPosition)
        batch.setInteger(CRC32C.checksum(of: batch), at: start + RecordBatchFormat.checksumPosition)
    }

    /// Whatever it is, reading it ends.
    private static func readAll(_ bytes: ByteBuffer) {
        let limits = ReadLimits(maximumDecompressedBytes: maximumDecompressedBytes, verifiesChecksum: false)
        var sequence = BatchSequence(bytes)
        while let element = try? sequence.next() {
            guard var reader = try? RecordReader(batch: element.bytes, limits: limits) else { continue }
            while (try? reader.next()) != nil {}
        }
    }

    private static func checkRecords(_ batch: ByteBuffer, _ rules: BatchRules, _ found: ValidatedBatch?) {
        let limits = ReadLimits(
            maximumDecompressedBytes: maximumDecompressedBytes,
            maximumHeaders: rules.maximumHeaders
        )
        do {
            var reader = try RecordReader(batch: batch, limits: limits)
            var count: Int32 = 0
            var largest = Timestamp.none
            while let record = try reader.next() {
                let expected = reader.header.baseOffset.rawValue + Int64(count)
                invariant(record.offset.rawValue == expected, "a record is at the offset that follows")
                invariant(!rules.requiresKeys || record.key != nil, "a compacted topic's records have keys")
                largest = max(largest, record.timestamp)
                count += 1
            }
            invariant(count == reader.header.recordCount, "there are as many records as the batch says")
            if let found, rules.timestampType == .createTime {
                invariant(largest == found.maximumTimestamp, "the largest timestamp is what the validator found")
            }
        } catch {
            invariant(false, "a validated batch cannot be read: \(error)")
        }
    }

    static func seeds() -> [[UInt8]] {
        var seeds: [[UInt8]] = []
        for compression in Compression.allCases {
            for records in [1, 3, 40] {
                var builder = BatchBuilder(compression: compression, producerID: ProducerID(rawValue: 9))
                builder.producerEpoch = 0
                builder.baseSequence = SequenceNumber(rawValue: 0)
                for index in 0..<records {
                    let value = index % 7 == 3 ? nil : ByteBuffer(string: String(repeating: "value ", count: index))
                    let header = RecordHeaderField(name: "name", value: index % 2 == 0 ? nil : ByteBuffer(string: "h"))
                    _ = try? builder.append(
                        key: ByteBuffer(string: "key \(index)"),
                        value: value,
                        headers: index % 3 == 0 ? [header] : [],
                        timestamp: Timestamp(rawValue: now.rawValue + Int64(index))
                    )
                }
                guard let batch = try? builder.finish() else { continue }
                for choice: Choice in [.repaired, [.repaired, .compacted], [.repaired, .appendTime], []] {
                    seeds.append([choice.rawValue] + Array(batch.readableBytesView))
                }
            }
        }
        return seeds
    }
}
