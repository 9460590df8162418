import Model
import NIOCore
import Records

/// The producer snapshot, `<offset>.snapshot`: the producers' state just before that offset. Kafka's format, version 1
/// (`ProducerStateManager`), and behind it a table of ours that Kafka's readers skip.
///
///     byte  bytes  field (big-endian)
///        0      2  version          1
///        2      4  checksum         CRC32C of byte 6 up to the end of the file
///        6      4  producer count, then for each, 46 bytes:
///        0      8  producer id
///        8      2  epoch
///       10      4  last sequence        of its last batch, -1 if there is none
///       14      8  last offset          of its last batch, -1 if there is none
///       22      4  offset delta         of its last batch
///       26      8  timestamp            the last batch's largest
///       34      4  coordinator epoch    of the last transaction marker, -1 if there was none
///       38      8  transaction start    first offset of the open transaction, -1 if there is none
///
/// Kafka keeps one batch per producer, so that of five batches in flight at a restart four are refused when they are
/// sent again. The table behind has the others, oldest first per producer:
///
///        0      4  tag              "MPB1"
///        4      4  batch count, then for each, 32 bytes:
///        0      8  producer id
///        8      4  last sequence
///       12      8  last offset
///       20      4  offset delta
///       24      8  timestamp
///
/// Parsing never traps. A damaged snapshot is passed over; the log has everything to make it anew.
enum ProducerSnapshotFormat {
    static let version: Int16 = 1
    static let checksummedPosition = 6
    static let producerSize = 46
    static let batchSize = 32
    /// "MPB1": Martlet's producer batches, version 1.
    static let tag: UInt32 = 0x4d50_4231

    static func encode(_ state: ProducerState) -> [UInt8] {
        let producers = (planted(.forgetProducers) ? [:] : state.producers).sorted { $0.key.rawValue < $1.key.rawValue }
        var body = ByteBuffer()
        body.reserveCapacity(checksummedPosition + producers.count * (producerSize + batchSize))
        body.writeInteger(Int32(clamping: producers.count))
        for (id, producer) in producers { write(id, producer, to: &body) }
        let older = producers.flatMap { id, producer in producer.batches.dropLast().map { (id, $0) } }
        if !older.isEmpty {
            body.writeMultipleIntegers(tag, Int32(clamping: older.count))
            for (id, batch) in older {
                body.writeMultipleIntegers(
                    id.rawValue,
                    batch.lastSequence.rawValue,
                    batch.lastOffset.rawValue,
                    batch.offsetDelta,
                    batch.timestamp.milliseconds
                )
            }
        }
        let checksum = body.withUnsafeReadableBytes { CRC32C.checksum($0) }
        return bigEndianBytes(version) + bigEndianBytes(checksum) + body.readableBytesView
    }

    private static func write(_ id: ProducerID, _ producer: ProducerState.Producer, to body: inout ByteBuffer) {
        let last = producer.batches.last
        body.writeMultipleIntegers(
            id.rawValue,
            producer.epoch,
            last?.lastSequence.rawValue ?? -1,
            last?.lastOffset.rawValue ?? -1,
            last?.offsetDelta ?? 0,
            producer.lastTimestamp.milliseconds,
            producer.coordinatorEpoch,
            producer.transactionStart?.rawValue ?? -1
        )
    }

    /// Fills `state`, which is empty, from a snapshot's bytes.
    static func decode(_ bytes: [UInt8], path: String, into state: inout ProducerState) throws(LogError) {
        if let problem = try decodeInspecting(bytes, path: path, into: &state) { throw .corrupt(path: path, problem) }
    }

    /// As ``decode(_:path:into:)``, but goes on if the checksum is wrong, and returns that.
    static func decodeInspecting(
        _ bytes: [UInt8],
        path: String,
        into state: inout ProducerState
    ) throws(LogError) -> String? {
        var reader = ByteReader(bytes)
        guard let version = reader.integer(Int16.self), let stored = reader.integer(UInt32.self) else {
            throw .corrupt(path: path, "it has \(bytes.count) bytes, less than its head")
        }
        guard version == Self.version else {
            throw .corrupt(path: path, "its version is \(version), known is \(Self.version)")
        }
        let computed = bytes.withUnsafeBytes { bytes in
            CRC32C.checksum(UnsafeRawBufferPointer(rebasing: bytes.dropFirst(checksummedPosition)))
        }
        do throws(LogError) {
            var producers = try decodeProducers(&reader, path: path)
            try decodeOlderBatches(&reader, path: path, into: &producers)
            for (id, producer) in producers { state.restore(id, producer) }
        } catch {
            guard stored == computed else { throw .corrupt(path: path, "its checksum is wrong") }
            throw error
        }
        return stored == computed ? nil : "its checksum is wrong"
    }

    private static func decodeProducers(
        _ reader: inout ByteReader,
        path: String
    ) throws(LogError) -> [ProducerID: ProducerState.Producer] {
        let count = Int(reader.integer(Int32.self) ?? -1)
        guard count >= 0, count <= reader.remaining / producerSize else {
            throw .corrupt(path: path, "it announces \(count) producers, and \(reader.remaining) bytes are left")
        }
        var producers: [ProducerID: ProducerState.Producer] = [:]
        for _ in 0..<count {
            guard let id = reader.integer(Int64.self), let epoch = reader.integer(Int16.self),
                let sequence = reader.integer(Int32.self), let offset = reader.integer(Int64.self),
                let delta = reader.integer(Int32.self), let timestamp = reader.integer(Int64.self),
                let coordinator = reader.integer(Int32.self), let transaction = reader.integer(Int64.self)
            else { throw .corrupt(path: path, "it ends inside a producer") }
            var producer = ProducerState.Producer(epoch: epoch)
            producer.lastTimestamp = Timestamp(milliseconds: timestamp)
            producer.coordinatorEpoch = coordinator
            producer.transactionStart = transaction < 0 ? nil : Offset(transaction)
            if offset >= 0 {
                producer.batches = [try batch(sequence, offset, delta, timestamp, path: path)]
            }
            producers[ProducerID(id)] = producer
        }
        return producers
    }

    private static func decodeOlderBatches(
        _ reader: inout ByteReader,
        path: String,
        into producers: inout [ProducerID: ProducerState.Producer]
    ) throws(LogError) {
        guard reader.remaining > 0, reader.integer(UInt32.self) == tag else { return }
        let count = Int(reader.integer(Int32.self) ?? -1)
        guard count >= 0, count <= reader.remaining / batchSize else {
            throw .corrupt(path: path, "it announces \(count) older batches, and \(reader.remaining) bytes are left")
        }
        var older: [ProducerID: [ProducerState.Batch]] = [:]
        for _ in 0..<count {
            guard let id = reader.integer(Int64.self), let sequence = reader.integer(Int32.self),
                let offset = reader.integer(Int64.self), let delta = reader.integer(Int32.self),
                let timestamp = reader.integer(Int64.self)
            else { throw .corrupt(path: path, "it ends inside a batch") }
            older[ProducerID(id), default: []].append(
                try batch(sequence, offset, delta, timestamp, path: path)
            )
        }
        for (id, batches) in older {
            guard let known = producers[id], batches.count < ProducerState.batchesPerProducer else {
                throw .corrupt(path: path, "it has older batches that belong to no producer")
            }
            producers[id]?.batches = batches + known.batches
        }
    }

    private static func batch(
        _ sequence: Int32,
        _ offset: Int64,
        _ delta: Int32,
        _ timestamp: Int64,
        path: String
    ) throws(LogError) -> ProducerState.Batch {
        guard sequence >= -1, delta >= 0, offset >= Int64(delta) else {
            throw .corrupt(path: path, "a batch of \(Int64(delta) + 1) records cannot end at offset \(offset)")
        }
        return ProducerState.Batch(
            lastSequence: SequenceNumber(sequence),
            lastOffset: Offset(offset),
            offsetDelta: delta,
            timestamp: Timestamp(milliseconds: timestamp)
        )
    }
}

/// Reads big-endian integers one after the other; nil where the bytes end. A value.
struct ByteReader {
    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var remaining: Int { bytes.count - position }

    mutating func integer<Value: FixedWidthInteger>(_ type: Value.Type) -> Value? {
        let size = MemoryLayout<Value>.size
        guard remaining >= size else { return nil }
        defer { position += size }
        return bytes.withUnsafeBytes { bigEndian($0, position) }
    }
}
