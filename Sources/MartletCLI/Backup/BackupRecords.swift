import Model
import NIOCore
import Records

/// Reads the records of a backup's partition, file by file, and checks that they can be what was written: checksums, the
/// order of the offsets, and their number. Owned by the command's task.
struct BackupRecords {
    private let reader: BackupReader
    private let partition: BackupManifest.Partition
    private var nextOffset: Int64

    init(_ reader: BackupReader, _ partition: BackupManifest.Partition) {
        self.reader = reader
        self.partition = partition
        nextOffset = partition.startOffset
    }

    /// The records of the partition's files, one file at a time.
    mutating func read(_ file: BackupManifest.File) throws(BackupError) -> [Record] {
        let bytes = try reader.read(file)
        var records: [Record] = []
        // The number is the manifest's word, but the file cannot hold more than it has bytes.
        records.reserveCapacity(min(file.records, file.bytes))
        do throws(BatchError) {
            var batches = BatchSequence(bytes)
            while let batch = try batches.next() {
                var batchReader = try RecordReader(batch: batch.bytes)
                while let record = try batchReader.next() { records.append(record) }
            }
            guard batches.remainingBytes == 0 else { throw .truncated(needed: 1, available: 0) }
        } catch {
            throw BackupError("\(file.name) cannot be read: \(error)")
        }
        for record in records {
            guard record.offset.rawValue >= nextOffset, record.offset.rawValue < partition.endOffset else {
                throw BackupError(
                    "\(file.name): the record with offset \(record.offset.rawValue) has no place between "
                        + "\(nextOffset) and the partition's end, \(partition.endOffset)"
                )
            }
            nextOffset = record.offset.rawValue + 1
        }
        guard records.count == file.records else {
            throw BackupError("\(file.name) has \(records.count) records, but \(file.records) were written")
        }
        return records
    }

    /// Reads everything, and keeps nothing.
    static func verify(_ reader: BackupReader, _ progress: (Int) -> Void = { _ in }) throws(BackupError) {
        for partition in reader.manifest.partitions {
            var records = BackupRecords(reader, partition)
            for file in partition.files { progress(try records.read(file).count) }
        }
    }
}
