import CommitLog
import Glibc
import Model
import TestSupport
import Testing

/// What the simulator has found, in small.
@Suite struct CrashFindingsTests {
    private let fileSystem = SimulatedFileSystem()
    private let partition = TopicPartition("events", 0)
    private let topicID = TopicID(high: 0x1234_5678_9abc_4def, low: 0x8123_4567_89ab_cdef)

    private func open() throws -> LogDirectory {
        var environment = LogEnvironment(fileSystem: fileSystem, time: ManualTime())
        environment.commitsInBackground = false
        return try LogDirectory.open("/logs", clusterID: "c", nodeID: 1, environment: environment)
    }

    private func open(_ directory: LogDirectory, id: TopicID? = nil) throws -> PartitionLog {
        var config = LogConfig()
        config.durability = .fsync
        return try directory.openPartition(partition, topicID: id ?? topicID, config: config)
    }

    private func append(_ count: Int, to log: PartitionLog) throws {
        for number in 0..<count { _ = try log.append(TestBatch(values: ["\(number)"]).bytes(now: 1)) }
    }

    @Test func aTopicCreatedAnewDoesNotBeginWhereItsNamesakeEnded() throws {
        do {
            let directory = try open()
            let log = try open(directory)
            try append(9, to: log)
            try log.flush()
            _ = try log.deleteRecords(before: Offset(9))
            try directory.saveLogStarts()
            try directory.delete(partition)
            try append(3, to: try open(directory, id: TopicID(high: 1, low: 2)))
        }
        let directory = try open()
        let log = try open(directory, id: TopicID(high: 1, low: 2))
        #expect(log.offsets.logStart == .zero && log.offsets.logEnd == Offset(3))
    }

    /// One checkpoint file was written, the next one not.
    @Test func aCheckpointThatFailedHalfWayDoesNotOutliveItsTopic() throws {
        do {
            let directory = try open()
            let log = try open(directory)
            try append(9, to: log)
            try log.flush()
            _ = try log.deleteRecords(before: Offset(5))
            fileSystem.inject { operation, path in
                operation == .open && path.contains("recovery-point") ? EMFILE : nil
            }
            #expect(throws: LogError.self) { try directory.saveLogStarts() }
            fileSystem.inject(nil)
            try directory.delete(partition)
            let next = try open(directory, id: TopicID(high: 1, low: 2))
            try append(7, to: next)
            try next.flush()
        }
        let log = try open(try open(), id: TopicID(high: 1, low: 2))
        #expect(log.offsets.logStart == .zero && log.offsets.logEnd == Offset(7))
    }

    @Test func aCommitThatComesLateLeavesTheNextTopicOfTheNameAlone() throws {
        let directory = try open()
        try append(1, to: try open(directory))
        try directory.delete(partition)
        let log = try open(directory, id: TopicID(high: 1, low: 2))
        try append(5, to: log)
        // Still on its list: the log that was deleted.
        directory.commit()
        #expect(try ReadBatch.read(log, from: 0, 1 << 20, alwaysOneBatch: true, upTo: .highWatermark).count == 5)
    }

    @Test func wantOfADescriptorLeavesNothingToUndo() throws {
        let directory = try open()
        let log = try open(directory)
        try append(1, to: log)
        log.releaseHandles()
        fileSystem.inject { operation, _ in operation == .open ? EMFILE : nil }
        #expect(throws: LogError.self) { try append(1, to: log) }
        fileSystem.inject(nil)
        try append(1, to: log)
        #expect(log.offsets.logEnd == Offset(2))
    }

    @Test func aFailedFlushIsNotMadeUpForByTheNext() throws {
        let fixture = try LogFixture(on: fileSystem)
        fixture.config.segmentBytes = 150
        try fixture.reopen(clean: true)
        for _ in 0..<3 { try fixture.append() }
        fileSystem.inject { operation, path in operation == .truncate && path.hasSuffix(".log") ? EIO : nil }
        #expect(throws: LogError.self) { try fixture.log.flush() }
        fileSystem.inject(nil)
        #expect(throws: LogError.self) { try fixture.log.flush() }
        #expect(fixture.log.offsets.durable == .zero)
    }

    @Test func metadataThatWasNeverSyncedIsWrittenAnew() throws {
        let fixture = try LogFixture(on: fileSystem)
        fixture.log.abandon()
        try fixture.overwrite("\(fixture.directory)/partition.metadata", with: [UInt8](repeating: 0, count: 40))
        try fixture.reopenAsIs(clean: false)
        try fixture.append()
    }

    @Test func lostEpochsAreMadeOutFromAllBatches() throws {
        let fixture = try LogFixture(on: fileSystem)
        fixture.config.segmentBytes = 150
        for _ in 0..<3 {
            try fixture.append()
            try fixture.reopen(clean: false)
        }
        let latest = fixture.log.offsets.leaderEpoch
        try fixture.log.flush()
        fixture.log.abandon()
        try fixture.overwrite("\(fixture.directory)/leader-epoch-checkpoint", with: [])
        try fixture.reopenAsIs(clean: false, hints: OpeningHints(recoveryPoint: fixture.log.offsets.durable))
        // The last epoch had no batch.
        #expect(fixture.log.offsets.leaderEpoch.rawValue >= latest.rawValue)
    }
}
