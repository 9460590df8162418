import Model
import NIOCore
import Records
import TestSupport
import Testing

@testable import CommitLog

/// Recovery that begins at the last checkpoint finds what recovery from the segment's begin finds.
@Suite struct ResumedRecoveryTests {
    private let partition = TopicPartition("events", 0)
    private let topicID = TopicID(high: 1 << 12, low: 1 << 63)

    private func open(
        _ fileSystem: SimulatedFileSystem,
        config: LogConfig,
        fullScanBytes: Int,
        noteBytes: Int = 1 << 30,
        point: Offset? = nil,
        isClean: Bool = false
    ) throws -> PartitionLog {
        var environment = LogEnvironment(fileSystem: fileSystem, time: ManualTime())
        environment.fullScanBytes = fullScanBytes
        environment.producerNoteBytes = noteBytes
        return try PartitionLog.open(
            directory: "/logs/\(partition)",
            topicPartition: partition,
            topicID: topicID,
            config: config,
            environment: environment,
            wasCleanShutdown: isClean,
            hints: OpeningHints(recoveryPoint: point)
        )
    }

    /// Everything that recovery makes out, in a form that can be compared.
    private func findings(_ log: PartitionLog, _ fileSystem: SimulatedFileSystem) throws -> [String] {
        var found = ["\(log.offsets)", "\(try log.segments())", "\(log.recovery.truncations)"]
        log.writer.withLock { writer in
            found.append("\(ProducerSnapshotFormat.encode(writer.producers))")
            found.append("\(writer.epochs)")
        }
        for name in try fileSystem.list(log.directory).sorted() where name.hasSuffix("index") {
            let bytes = try SmallFile.read("\(log.directory)/\(name)", limit: 1 << 20, fileSystem) ?? []
            found.append("\(name) \(bytes)")
        }
        return found
    }

    @Test func whereverTheCheckpointIsTheFindingsAreTheSame() throws {
        var resumed = 0
        for seed in 0..<150 as Range<UInt64> {
            var generator = SeededGenerator(seed: seed)
            var config = LogConfig()
            config.indexIntervalBytes = Int.random(in: 0..<600, using: &generator)
            config.segmentBytes = Bool.random(using: &generator) ? 1 << 20 : 3000
            let fileSystem = SimulatedFileSystem()
            try fileSystem.createDirectory("/logs")
            try fileSystem.syncDirectory("/")
            let noteBytes = Int.random(in: 100..<4000, using: &generator)
            let log = try open(fileSystem, config: config, fullScanBytes: 0, noteBytes: noteBytes, isClean: true)
            var sequences: [Int64: Int32] = [:]
            for _ in 0..<Int.random(in: 1..<60, using: &generator) {
                var batch = TestBatch(values: (0..<Int.random(in: 1..<5, using: &generator)).map { "value \($0)" })
                let producer = Int64.random(in: 0..<4, using: &generator)
                if producer > 0 {
                    batch.producer = ProducerID(producer)
                    batch.epoch = 0
                    batch.sequence = sequences[producer] ?? 0
                    sequences[producer] = batch.sequence + Int32(batch.values.count)
                }
                let now = Int64.random(in: 1_699_999_000_000..<1_700_000_000_000, using: &generator)
                _ = try log.append(try batch.bytes(now: now))
                log.noteProducers()
            }
            let point = Offset(Int64.random(in: 0...log.offsets.logEnd.rawValue, using: &generator))
            if Bool.random(using: &generator),
                let last = try fileSystem.list(log.directory).filter({ $0.hasSuffix(".log") }).max()
            {
                let file = try fileSystem.open("\(log.directory)/\(last)", .existing)
                let torn: [UInt8] = (0..<Int.random(in: 1..<100, using: &generator)).map { UInt8($0) }
                let size = try file.size()
                try torn.withUnsafeBytes { bytes in
                    try file.write(bytes, UnsafeRawBufferPointer(start: nil, count: 0), at: FilePosition(size))
                }
            }
            let copies = [fileSystem.copy(), fileSystem.copy()]
            let full = try open(copies[0], config: config, fullScanBytes: .max, point: point)
            let short = try open(copies[1], config: config, fullScanBytes: 0, point: point)
            #expect(try findings(short, copies[1]) == findings(full, copies[0]), "seed \(seed)")
            #expect(short.recovery.scannedBytes <= full.recovery.scannedBytes)
            if short.recovery.scannedBytes < full.recovery.scannedBytes { resumed += 1 }
        }
        #expect(resumed > 50, "most of them need not begin at the start")
    }

    @Test func whatLiesBehindTheCheckpointIsAllThatIsRead() throws {
        let fileSystem = SimulatedFileSystem()
        try fileSystem.createDirectory("/logs")
        try fileSystem.syncDirectory("/")
        var config = LogConfig()
        config.indexIntervalBytes = 100
        let log = try open(fileSystem, config: config, fullScanBytes: 0, isClean: true)
        for _ in 0..<100 { _ = try log.append(try TestBatch().bytes(now: 1_700_000_000_000)) }
        let size = log.sizeInBytes / 100
        let again = try open(fileSystem.copy(), config: config, fullScanBytes: 0, point: Offset(97))
        #expect(again.recovery.scannedBytes == 3 * size)
        #expect(again.offsets.logEnd == Offset(100))
    }

    /// What the index lacks is taken from the batches' headers, and the index made anew.
    @Test(arguments: 0..<4)
    func anIndexThatDoesNotHoldTogetherIsMadeAnew(damage: Int) throws {
        let fileSystem = SimulatedFileSystem()
        try fileSystem.createDirectory("/logs")
        try fileSystem.syncDirectory("/")
        var config = LogConfig()
        config.indexIntervalBytes = 100
        let log = try open(fileSystem, config: config, fullScanBytes: 0, noteBytes: 1, isClean: true)
        for number in 0..<100 {
            if number == 80 { log.noteProducers() }
            _ = try log.append(try TestBatch().bytes(now: 1_700_000_000_000))
        }
        try log.writer.withLock { try $0.active.segment.flushIndexes() }
        let killed = fileSystem.copy()
        let index = "\(log.directory)/\(LogFileNames.name(.zero, LogFileNames.offsetIndex))"
        let good = try SmallFile.read(index, limit: 1 << 20, fileSystem)
        if damage == 0 {
            try killed.remove(index)
        } else {
            let file = try killed.open(index, .existing)
            // The last entry, all entries, or one in the middle.
            let size = try file.size()
            let start = [0, size - 8, 0, size / 16 * 8][damage]
            let zeros = [UInt8](repeating: 0, count: damage == 2 ? size : 8)
            try zeros.withUnsafeBytes { bytes in
                try file.write(bytes, UnsafeRawBufferPointer(start: nil, count: 0), at: FilePosition(start))
            }
        }
        let again = try open(killed, config: config, fullScanBytes: 0, point: Offset(100))
        #expect(again.offsets.logEnd == Offset(100))
        #expect(again.recovery.scannedBytes == 0)
        #expect(try SmallFile.read(index, limit: 1 << 20, killed) == good)
    }
}
