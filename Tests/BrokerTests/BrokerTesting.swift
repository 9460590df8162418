import CommitLog
import Model
import NIOCore
import Records
import TestSupport
import Testing
import Wire

@testable import Broker

extension TestBroker {
    /// The log of a partition that is there.
    func partitionLog(_ topic: String, _ partition: Int32 = 0) throws -> PartitionLog {
        try #require(try broker.topics.snapshot[topic]?.partition(partition)?.log())
    }

    /// How many lines were logged that contain the text.
    func logged(_ text: String) -> Int { log.lines.count { $0.contains(text) } }

    /// Every file in the log directories, by path.
    func files(under path: String = TestBroker.directory) throws -> [String] {
        try fileSystem.list(path).flatMap { name in
            let inner = "\(path)/\(name)"
            do throws(FileError) {
                _ = try fileSystem.list(inner)
            } catch {
                return [inner]
            }
            return [inner] + (try files(under: inner))
        }.sorted()
    }
}

extension SimulatedFileSystem {
    /// Makes a partition's metadata one of a later version: whole, and not to be understood.
    func makeUnreadable(_ path: String) throws {
        let file = try open(path, .existing)
        try file.truncate(to: 0)
        try Array("version: 9\n".utf8).withUnsafeBytes { bytes in
            try file.write(bytes, UnsafeRawBufferPointer(start: nil, count: 0), at: .zero)
        }
    }
}

/// The values of all records in batches that follow one another; a batch that is cut off is left out.
func values(in records: RecordsField) throws -> [String] {
    guard case .bytes(let bytes) = records else { return [] }
    var values: [String] = []
    var sequence = BatchSequence(bytes)
    while let batch = try sequence.next() {
        var reader = try RecordReader(batch: batch.bytes)
        while let record = try reader.next() { values.append(record.value.map { String(buffer: $0) } ?? "null") }
    }
    return values
}

/// The base offsets of batches that follow one another.
func baseOffsets(in records: RecordsField) throws -> [Int64] {
    guard case .bytes(let bytes) = records else { return [] }
    var offsets: [Int64] = []
    var sequence = BatchSequence(bytes)
    while let batch = try sequence.next() { offsets.append(batch.header.baseOffset.rawValue) }
    return offsets
}

/// The last offset of batches that follow one another; nil if there are none.
func lastOffset(in records: RecordsField) throws -> Int64? {
    guard case .bytes(let bytes) = records else { return nil }
    var last: Int64?
    var sequence = BatchSequence(bytes)
    while let batch = try sequence.next() { last = batch.header.lastOffset.rawValue }
    return last
}
