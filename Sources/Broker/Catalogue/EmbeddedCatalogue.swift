package import CommitLog
import Model
import NIOCore
import Records
import Wire

/// The catalogue of a broker on its own: a log of the same storage engine in the first log directory. Thread-safe.
///
/// Each commit is one record batch, so that it is there whole or not at all, and is made durable before the call
/// returns. A record's key is the catalogue's key, its value the entry's; no value means that the key was removed. The
/// revision of an entry is the offset of its record plus one.
package final class EmbeddedCatalogue: Catalogue {
    /// The name under which the log is kept; clients cannot create a topic of this name.
    package static let topicName = "__martlet_catalogue"
    /// The catalogue's own id is the same everywhere: there is only one.
    private static let topicID = TopicID(high: 0x4d61_7274_6c65_4c74, low: 0x9c00_0000_0000_0001)
    /// The bytes of the log read at once while loading.
    private static let readBytes = 1 << 20

    private let log: PartitionLog
    private let environment: LogEnvironment
    private let contents: Locked<CatalogueContents>

    /// Opens the catalogue in a log directory, creating it if there is none.
    package static func open(
        in directory: LogDirectory,
        environment: LogEnvironment
    ) throws -> EmbeddedCatalogue {
        var config = LogConfig()
        // Nothing of it may ever go.
        config.cleanupPolicy = []
        config.usesReserve = true
        let log = try directory.openPartition(
            TopicPartition(topicName, 0),
            topicID: topicID,
            config: config
        )
        return try EmbeddedCatalogue(log: log, environment: environment)
    }

    /// Opens the log and reads everything in it.
    package init(log: PartitionLog, environment: LogEnvironment) throws(CatalogueError) {
        self.log = log
        self.environment = environment
        contents = Locked(try Self.read(log))
    }

    package func load() throws(CatalogueError) -> CatalogueContents { contents.withLock { $0 } }

    package func commit(
        _ changes: [CatalogueChange],
        ifUnchanged conditions: [CatalogueCondition]
    ) throws(CatalogueError) -> CatalogueRevision {
        try contents.withLock { contents throws(CatalogueError) in
            for condition in conditions {
                let revision = contents.entries[condition.key]?.revision ?? .never
                guard revision == condition.revision else { throw .conflict(key: condition.key) }
            }
            guard !changes.isEmpty else { return contents.revision }
            let base = try append(changes)
            for (index, change) in changes.enumerated() {
                let revision = CatalogueRevision(base.rawValue + Int64(index) + 1)
                contents.entries[change.key] = change.value.map { CatalogueEntry(value: $0, revision: revision) }
                contents.revision = revision
            }
            return contents.revision
        }
    }

    private func append(_ changes: [CatalogueChange]) throws(CatalogueError) -> Offset {
        do {
            var builder = BatchBuilder(compression: .none)
            for change in changes {
                try builder.append(
                    key: ByteBuffer(string: change.key),
                    value: change.value,
                    headers: [],
                    timestamp: environment.time.now
                )
            }
            let result = try log.append(try builder.finish(), origin: .broker)
            try log.flush()
            return result.baseOffset
        } catch let error as BatchError {
            throw .unavailable("\(error)")
        } catch {
            throw .unavailable("\(error)")
        }
    }

    private static func read(_ log: PartitionLog) throws(CatalogueError) -> CatalogueContents {
        var contents = CatalogueContents()
        var next = log.offsets.logStart
        do {
            while next < log.offsets.logEnd {
                let batches = try bytes(of: log, from: next)
                var sequence = BatchSequence(batches)
                let start = next
                while let batch = try sequence.next() {
                    // After a clean stop nobody else has looked, and a wrong id would make a topic another one.
                    guard batch.header.checksum == CRC32C.checksum(of: batch.bytes) else {
                        throw CatalogueError.corrupt("the checksum of the batch at offset \(next) is wrong")
                    }
                    var reader = try RecordReader(batch: batch.bytes)
                    while let record = try reader.next() { apply(record, to: &contents) }
                    next = batch.header.nextOffset
                }
                guard next > start else {
                    throw CatalogueError.corrupt("there is no whole batch at offset \(start)")
                }
            }
        } catch let error as CatalogueError {
            throw error
        } catch {
            throw .corrupt("\(error)")
        }
        return contents
    }

    private static func bytes(of log: PartitionLog, from offset: Offset) throws -> ByteBuffer {
        let outcome = try log.read(
            from: offset,
            maximumBytes: readBytes,
            alwaysOneBatch: true,
            upTo: .logEnd,
            acceptCold: true
        )
        guard case .data(let found) = outcome, let slice = found.slice else {
            throw CatalogueError.corrupt("there is no record at offset \(offset)")
        }
        return try slice.read()
    }

    private static func apply(_ record: Record, to contents: inout CatalogueContents) {
        guard let key = record.key else { return }
        let revision = CatalogueRevision(record.offset.rawValue + 1)
        contents.entries[String(buffer: key)] = record.value.map { CatalogueEntry(value: $0, revision: revision) }
        contents.revision = revision
    }
}
