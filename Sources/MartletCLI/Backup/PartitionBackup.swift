import MartletClient
import Model
import NIOCore
import Records

/// Collects the records of one partition into batches and files, in the order of their offsets. A value, owned by the
/// command's task.
struct PartitionBackup {
    /// A file that is complete.
    struct Part {
        let file: BackupManifest.File
        let bytes: ByteBuffer
    }

    private let partition: Int32
    private let compression: Compression
    /// The batch that is being collected, the offset of its first record, and the one behind its last.
    private var batch: BatchBuilder
    private var base: Int64?
    private var next: Int64 = 0
    private var bytes = ByteBuffer()
    private var firstOffset: Int64?
    private var records = 0

    /// Gaps beyond this begin a batch anew: the room for offsets in a batch is 32 bits.
    private static let longestGap: Int64 = 1 << 20
    /// With all its gaps, a batch covers so many offsets at most.
    private static let longestBatch: Int64 = 1 << 30

    init(partition: Int32, compression: Compression) {
        self.partition = partition
        self.compression = compression
        batch = BatchBuilder(compression: compression)
    }

    /// Adds a record, and returns a file if one is complete now.
    mutating func add(_ record: ConsumedRecord) throws -> Part? {
        var done: Part?
        let gap = base == nil ? 0 : record.offset - next
        let isFull = batch.uncompressedSize >= BackupFormat.batchBytes || gap > Self.longestGap
        if isFull || record.offset - (base ?? record.offset) >= Self.longestBatch {
            try closeBatch()
            if bytes.readableBytes >= BackupFormat.fileBytes { done = closeFile() }
        }
        let skipping = base == nil ? 0 : Int32(clamping: gap)
        base = base ?? record.offset
        firstOffset = firstOffset ?? record.offset
        try batch.append(
            key: record.key,
            value: record.value,
            headers: record.headers.map { RecordHeaderField(name: $0.name, value: $0.value) },
            timestamp: Timestamp(milliseconds: record.timestamp),
            skipping: skipping
        )
        next = record.offset + 1
        records += 1
        return done
    }

    /// The last file; nil if there is nothing left.
    mutating func finish() throws -> Part? {
        try closeBatch()
        return closeFile()
    }

    private mutating func closeBatch() throws {
        guard let base else { return }
        bytes.writeImmutableBuffer(try batch.finish(baseOffset: Offset(base), leaderEpoch: LeaderEpoch(0)))
        batch = BatchBuilder(compression: compression)
        self.base = nil
    }

    private mutating func closeFile() -> Part? {
        guard let first = firstOffset else { return nil }
        let file = BackupManifest.File(
            name: BackupFormat.file(partition: partition, firstOffset: first),
            bytes: bytes.readableBytes,
            checksum: bytes.withUnsafeReadableBytes { CRC32C.checksum($0) },
            records: records
        )
        defer { (bytes, firstOffset, records) = (ByteBuffer(), nil, 0) }
        return Part(file: file, bytes: bytes)
    }
}
