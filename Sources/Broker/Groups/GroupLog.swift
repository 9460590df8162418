import CommitLog
import Groups
import Model
import NIOCore
import Records
import Wire

/// Reads and writes group records in one partition of `__consumer_offsets`. Immutable; the log has locks of its own.
struct GroupLog: Sendable {
    /// The bytes of the log read at once while loading.
    private static let readBytes = 1 << 20

    let log: PartitionLog

    /// Appends the records as one batch.
    func append(_ records: [GroupRecord], now: Timestamp) throws -> AppendResult {
        var builder = BatchBuilder(compression: .none)
        for record in records {
            let (key, value) = try GroupRecordFormat.encode(record)
            try builder.append(key: key, value: value, timestamp: now)
        }
        return try log.append(try builder.finish(), origin: .broker, urgency: .urgent)
    }

    /// Everything the log says of groups, and how many records nobody here can read.
    func load() throws -> (replay: GroupReplay, unreadable: Int) {
        var loading = Loading()
        var next = log.offsets.logStart
        while next < log.offsets.logEnd {
            var sequence = BatchSequence(try bytes(from: next))
            let start = next
            while let batch = try sequence.next() {
                next = batch.header.nextOffset
                // The ends of transactions, and what other brokers have put there.
                if !batch.header.attributes.isControl { try loading.read(batch.bytes) }
            }
            guard next > start else {
                throw LogError.corrupt(
                    path: log.topicPartition.description,
                    "there is no whole batch at offset \(start)"
                )
            }
        }
        return (loading.replay, loading.unreadable)
    }

    /// What has been read of a log so far.
    private struct Loading {
        var replay = GroupReplay()
        var unreadable = 0
        private var offsets = OffsetRecordReader()

        mutating func read(_ batch: ByteBuffer) throws {
            var reader = try RecordReader(batch: batch)
            while let record = try reader.next() {
                guard let key = record.key else { continue }
                if let value = record.value, let offset = offsets.read(key: key, value: value) {
                    replay.apply(offset)
                } else {
                    read(key, record.value)
                }
            }
        }

        private mutating func read(_ key: ByteBuffer, _ value: ByteBuffer?) {
            do throws(WireError) {
                if let known = try GroupRecordFormat.decode(key: key, value: value) { replay.apply(known) }
            } catch {
                unreadable += 1
            }
        }
    }

    private func bytes(from offset: Offset) throws -> ByteBuffer {
        let outcome = try log.read(
            from: offset,
            maximumBytes: Self.readBytes,
            alwaysOneBatch: true,
            upTo: .logEnd,
            acceptCold: true
        )
        guard case .data(let found) = outcome, let slice = found.slice else {
            throw LogError.corrupt(path: log.topicPartition.description, "there is no record at offset \(offset)")
        }
        return try slice.read()
    }
}
