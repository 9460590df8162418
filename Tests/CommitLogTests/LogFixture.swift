import CommitLog
import Model
import NIOCore
import Records
import TestSupport

/// A batch to append: what the tests say about it and nothing else.
struct TestBatch {
    var values: [String] = ["value"]
    var timestamps: [Int64] = []
    var compression = Compression.none
    var producer: ProducerID = .none
    var epoch: Int16 = -1
    var sequence: Int32 = -1
    var key: String? = "key"

    func bytes(now: Int64) throws -> ByteBuffer {
        var builder = BatchBuilder(
            compression: compression,
            producerID: producer,
            producerEpoch: epoch,
            baseSequence: SequenceNumber(sequence)
        )
        for (number, value) in values.enumerated() {
            try builder.append(
                key: key.map { ByteBuffer(string: $0) },
                value: ByteBuffer(string: value),
                timestamp: Timestamp(milliseconds: number < timestamps.count ? timestamps[number] : now)
            )
        }
        return try builder.finish()
    }
}

/// One partition's log on a file system of the test's choice, which can be stopped and opened again.
final class LogFixture {
    let partition = TopicPartition("events", 0)
    let topicID = TopicID(high: 0x1234_5678_9abc_4def, low: 0x8123_4567_89ab_cdef)
    let root: String
    let time = ManualTime()
    var environment: LogEnvironment
    var config: LogConfig
    var log: PartitionLog
    private let temporary: TemporaryDirectory?

    /// On the machine's file system, or on `fileSystem`.
    init(config: LogConfig = LogConfig(), on fileSystem: (any FileSystem)? = nil) throws {
        self.config = config
        if let fileSystem {
            temporary = nil
            root = "/logs"
            environment = LogEnvironment(fileSystem: fileSystem, time: time)
            try fileSystem.createDirectory(root)
            // The logs' directory is not the log's to see to.
            try fileSystem.syncDirectory("/")
        } else {
            let directory = try TemporaryDirectory()
            temporary = directory
            root = directory.path
            environment = LogEnvironment(time: time)
        }
        log = try Self.open(root, partition, topicID, config, environment, wasClean: true, OpeningHints())
    }

    var directory: String { "\(root)/\(partition)" }

    private static func open(
        _ root: String,
        _ partition: TopicPartition,
        _ topicID: TopicID,
        _ config: LogConfig,
        _ environment: LogEnvironment,
        wasClean: Bool,
        _ hints: OpeningHints
    ) throws -> PartitionLog {
        try PartitionLog.open(
            directory: "\(root)/\(partition)",
            topicPartition: partition,
            topicID: topicID,
            config: config,
            environment: environment,
            wasCleanShutdown: wasClean,
            hints: hints
        )
    }

    /// Opens the log again, after a clean stop or as after a kill.
    func reopen(clean: Bool, hints: OpeningHints = OpeningHints()) throws {
        if clean { try log.close() } else { log.abandon() }
        try reopenAsIs(clean: clean, hints: hints)
    }

    /// Opens the log, which was stopped, from what is on disk now.
    func reopenAsIs(clean: Bool, hints: OpeningHints = OpeningHints()) throws {
        log = try Self.open(root, partition, topicID, config, environment, wasClean: clean, hints)
    }

    @discardableResult
    func append(_ batch: TestBatch = TestBatch()) throws -> AppendResult {
        try log.append(try batch.bytes(now: time.now.milliseconds))
    }

    /// The batches that one read returns, waiting for the disk where needed.
    func read(
        from offset: Int64,
        maximumBytes: Int = 1 << 20,
        alwaysOneBatch: Bool = true,
        upTo limit: ReadLimit = .highWatermark
    ) throws -> [ReadBatch] {
        try ReadBatch.read(log, from: offset, maximumBytes, alwaysOneBatch: alwaysOneBatch, upTo: limit)
    }

    /// All values in the log, read batch run by batch run as a consumer would.
    func allValues(from start: Int64? = nil) throws -> [String] {
        var values: [String] = []
        var next = start ?? log.offsets.logStart.rawValue
        while next < log.offsets.logEnd.rawValue {
            let batches = try read(from: next)
            guard let last = batches.last else { break }
            for batch in batches {
                values += batch.records.filter { $0.offset.rawValue >= next }.map(\.text)
            }
            next = last.header.nextOffset.rawValue
        }
        return values
    }

    func path(_ base: Int64, _ suffix: String) -> String {
        let number = String(base)
        return "\(directory)/" + String(repeating: "0", count: 20 - number.count) + number + suffix
    }

    func contents(of path: String) throws -> [UInt8] {
        let file = try environment.fileSystem.open(path, .read)
        var bytes = [UInt8](repeating: 0, count: try file.size())
        let count = try bytes.withUnsafeMutableBytes { try file.read(into: $0, at: .zero) }
        return Array(bytes.prefix(count))
    }

    func overwrite(_ path: String, with bytes: [UInt8]) throws {
        let file = try environment.fileSystem.open(path, .createIfMissing)
        try file.truncate(to: 0)
        try bytes.withUnsafeBytes { try file.write($0, UnsafeRawBufferPointer(start: nil, count: 0), at: .zero) }
    }
}

/// A batch as it was read back.
struct ReadBatch {
    let header: BatchHeader
    let records: [Record]

    static func read(
        _ log: PartitionLog,
        from offset: Int64,
        _ maximumBytes: Int,
        alwaysOneBatch: Bool,
        upTo limit: ReadLimit
    ) throws -> [ReadBatch] {
        var outcome = try log.read(
            from: Offset(offset),
            maximumBytes: maximumBytes,
            alwaysOneBatch: alwaysOneBatch,
            upTo: limit
        )
        if case .cold(let range) = outcome {
            try range.load()
            outcome = try log.read(
                from: Offset(offset),
                maximumBytes: maximumBytes,
                alwaysOneBatch: alwaysOneBatch,
                upTo: limit,
                acceptCold: true
            )
        }
        guard case .data(let range) = outcome, let slice = range.slice else { return [] }
        return try parse(slice)
    }

    static func parse(_ slice: FileSlice) throws -> [ReadBatch] {
        var bytes = [UInt8](repeating: 0, count: slice.length)
        let count = try bytes.withUnsafeMutableBytes { try slice.file.read(into: $0, at: slice.position) }
        var sequence = BatchSequence(ByteBuffer(bytes: bytes.prefix(count)))
        var batches: [ReadBatch] = []
        while let element = try sequence.next() {
            var reader = try RecordReader(batch: element.bytes)
            var records: [Record] = []
            while let record = try reader.next() { records.append(record) }
            batches.append(ReadBatch(header: element.header, records: records))
        }
        return batches
    }
}

extension Record {
    var text: String { value.map { String(buffer: $0) } ?? "" }
}
