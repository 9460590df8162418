import Model
import NIOCore
import Records
import Wire

/// One partition's records of one Fetch response, decoded one batch at a time. A value, owned by the buffer, and then by
/// whoever reads.
struct FetchedChunk: Sendable {
    let partition: TopicPartition
    /// That of the fetch, see ``FetchPlan/Item``.
    let epoch: Int
    /// What the chunk counts for in the prefetch limit.
    let bytes: Int
    /// The offset behind the last whole batch, also of batches that are not delivered; nil if there is none.
    let nextOffset: Int64?
    /// The leader epoch in which the last whole batch was written; −1 if there is none.
    let lastEpoch: Int32
    /// In which leader epoch the batch was written that ``next()`` has returned; nil if that is not known.
    private(set) var leaderEpoch: Int32?
    private var batches: BatchSequence
    private var aborted: AbortedTransactions?
    /// Records outside of this range are not delivered: a batch may begin before the offset that was asked for.
    private let range: Range<Int64>
    private let limits: ReadLimits

    /// - Parameters:
    ///   - position: The offset asked for.
    ///   - end: Where to stop, if anywhere.
    init(
        _ answer: FetchResponse.Partition,
        _ partition: TopicPartition,
        position: Int64,
        end: Int64?,
        epoch: Int = 0,
        configuration: ConsumerConfiguration
    ) throws(ClientError) {
        self.partition = partition
        self.epoch = epoch
        let records: ByteBuffer
        if case .bytes(let buffer) = answer.records { records = buffer } else { records = ByteBuffer() }
        bytes = records.readableBytes
        batches = BatchSequence(records)
        range = position..<max(position, end ?? .max)
        limits = ReadLimits(
            maximumDecompressedBytes: configuration.maximumDecompressedBytes,
            verifiesChecksum: configuration.verifiesChecksums
        )
        if configuration.isolation == .readCommitted {
            aborted = AbortedTransactions(answer.abortedTransactions ?? [])
        }
        (nextOffset, lastEpoch) = try Self.end(of: batches, partition)
        if bytes > 0, nextOffset == nil {
            throw ClientError(.protocolViolation, "the broker cut off the first batch of \(partition) at \(position)")
        }
    }

    private static func end(
        of batches: BatchSequence,
        _ partition: TopicPartition
    ) throws(ClientError) -> (nextOffset: Int64?, lastEpoch: Int32) {
        var batches = batches
        var next: Int64?
        var epoch: Int32 = -1
        do throws(BatchError) {
            while let batch = try batches.next() {
                next = batch.header.nextOffset.rawValue
                epoch = batch.header.leaderEpoch.rawValue
            }
        } catch {
            throw unreadable(partition, at: next, error)
        }
        return (next, epoch)
    }

    private static func unreadable(_ partition: TopicPartition, at offset: Int64?, _ error: BatchError) -> ClientError {
        let place = offset.map { " at offset \($0)" } ?? ""
        return ClientError(
            .protocolViolation,
            "records of topic '\(partition.topic)' partition \(partition.partition)\(place) are unreadable: \(error)",
            hint: "the partition may be damaged; start behind the offset to skip it"
        )
    }

    /// The records of the next batch that has any to deliver; nil at the end.
    mutating func next() throws(ClientError) -> [ConsumedRecord]? {
        var offset: Int64?
        do throws(BatchError) {
            while let batch = try batches.next() {
                offset = batch.header.baseOffset.rawValue
                let isAborted = aborted?.contains(batch) ?? false
                if isAborted || batch.header.attributes.isControl { continue }
                if batch.header.lastOffset.rawValue < range.lowerBound { continue }
                let records = try read(batch)
                if records.isEmpty { continue }
                leaderEpoch = batch.header.leaderEpoch == .none ? nil : batch.header.leaderEpoch.rawValue
                return records
            }
            return nil
        } catch {
            throw Self.unreadable(partition, at: offset, error)
        }
    }

    /// Whether a batch is left that is likely to have records to deliver, as far as headers tell.
    var hasRecords: Bool {
        var rest = self
        do throws(BatchError) {
            while let batch = try rest.batches.next() {
                let isAborted = rest.aborted?.contains(batch) ?? false
                let header = batch.header
                let isInRange =
                    header.lastOffset.rawValue >= range.lowerBound && header.baseOffset.rawValue < range.upperBound
                if !isAborted, !header.attributes.isControl, header.recordCount > 0, isInRange { return true }
            }
            return false
        } catch {
            // Reading on reports it, without waiting.
            return true
        }
    }

    private func read(_ batch: BatchSequence.Element) throws(BatchError) -> [ConsumedRecord] {
        var reader = try RecordReader(batch: batch.bytes, limits: limits)
        let type: ConsumedRecord.TimestampType =
            batch.header.attributes.timestampType == .createTime ? .createTime : .logAppendTime
        var records: [ConsumedRecord] = []
        records.reserveCapacity(min(Int(batch.header.recordCount), Self.reservedRecords))
        while let record = try reader.next() {
            guard range.contains(record.offset.rawValue) else { continue }
            records.append(
                ConsumedRecord(
                    topic: partition.topic,
                    partition: partition.partition,
                    offset: record.offset.rawValue,
                    timestamp: record.timestamp.milliseconds,
                    timestampType: type,
                    key: record.key,
                    value: record.value,
                    headers: record.headers.map { RecordHeader(name: $0.name, value: $0.value) }
                )
            )
        }
        return records
    }

    /// The most records memory is set aside for before they are seen: the count is the peer's word.
    private static let reservedRecords = 4096
}
