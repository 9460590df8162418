import CommitLog
import Glibc
import Model
import TestSupport
import Testing

/// A sync that fails as on Linux: what it was to write is lost, but reads well for as long as the machine runs.
@Suite struct FailedSyncTests {
    private let fileSystem = SimulatedFileSystem()
    private let partition = TopicPartition("a", 0)
    private let topicID = TopicID(high: 1 << 12, low: 1 << 63)
    private let marker = "/data/.sync-failed"

    private func open() throws -> LogDirectory {
        try LogDirectory.open(
            "/data",
            nodeID: 1,
            environment: LogEnvironment(fileSystem: fileSystem, time: ManualTime()),
            generator: SeededGenerator(seed: 1)
        )
    }

    private func openLog(_ directory: LogDirectory, _ durability: Durability) throws -> PartitionLog {
        var config = LogConfig()
        config.durability = durability
        return try directory.openPartition(partition, topicID: topicID, config: config)
    }

    private func append(_ numbers: Range<Int>, to log: PartitionLog, urgency: FlushUrgency = .none) throws {
        for number in numbers {
            _ = try log.append(try TestBatch(values: ["\(number)"]).bytes(now: 1_700_000_000_000), urgency: urgency)
        }
    }

    private func values(_ log: PartitionLog) throws -> [String] {
        var values: [String] = []
        while values.count < Int(log.offsets.logEnd.rawValue) {
            let next = Int64(values.count)
            let batches = try ReadBatch.read(log, from: next, 1 << 20, alwaysOneBatch: true, upTo: .logEnd)
            if batches.isEmpty { break }
            values += batches.flatMap { $0.records.map(\.text) }
        }
        return values
    }

    /// Three records are durable, three more were to be when the sync failed.
    private func fail(_ durability: Durability, leavesWord: Bool) throws {
        let directory = try open()
        let log = try openLog(directory, durability)
        try append(0..<3, to: log)
        try log.flush()
        try directory.checkpoint()
        let failed = Semaphore()
        directory.setFailureHandler { _ in failed.signal() }
        fileSystem.changeDisk { $0.dropsOnFailedSync = true }
        let marker = marker
        fileSystem.inject { operation, path in
            if operation == .sync, path.hasSuffix(".log") { return EIO }
            return !leavesWord && path.hasPrefix(marker) ? EIO : nil
        }
        try append(3..<5, to: log)
        // With page-cache durability nobody waits for the disk, but a topic may ask for it. (The others must not be asked: a
        // new configuration has them synced at once.)
        if durability == .pageCache {
            var config = log.config
            config.flushMessages = 1
            log.updateConfig(config)
        }
        try append(5..<6, to: log, urgency: .urgent)
        failed.wait()
        fileSystem.inject(nil)
        #expect(directory.failure != nil)
        #expect(log.offsets.durable == Offset(3))
        if durability == .fsync { #expect(log.offsets.highWatermark == Offset(3), "nobody has seen the others") }
        #expect(try fileSystem.exists(marker) == leavesWord)
        #expect(throws: LogError.self) { try append(6..<7, to: log) }
    }

    @Test(arguments: [(Durability.fsync, true), (.fsync, false), (.pageCache, true)])
    func whatIsServedAfterTheRestartIsOnTheDisk(_ durability: Durability, leavesWord: Bool) throws {
        try fail(durability, leavesWord: leavesWord)
        do {
            let directory = try open()
            let log = try openLog(directory, durability)
            #expect(log.offsets.durable == Offset(6))
            #expect(try values(log) == (0..<6).map(String.init))
        }
        fileSystem.crash()
        let log = try openLog(open(), durability)
        #expect(try values(log) == (0..<6).map(String.init))
        #expect(log.recovery.truncations.isEmpty)
    }

    @Test func aPowerCutTakesOnlyWhatWasNeverAcknowledged() throws {
        try fail(.fsync, leavesWord: true)
        fileSystem.crash()
        let directory = try open()
        let log = try openLog(directory, .fsync)
        #expect(try values(log) == ["0", "1", "2"])
        try append(3..<4, to: log)
        try directory.close()
        #expect(try !fileSystem.exists(marker), "all is well again")
        #expect(try open().wasCleanShutdown)
    }

    /// The real file system: a sync of everything, several times over one descriptor.
    @Test func theDirectoryIsSyncedOverOneDescriptor() throws {
        let temporary = try TemporaryDirectory()
        let syncer = try PosixFileSystem().syncer(for: temporary.path)
        try syncer.syncAll()
        try syncer.syncAll()
        #expect(throws: FileError.self) { try PosixFileSystem().syncer(for: "\(temporary.path)/missing") }
    }
}
