import Model
import Records
import TestSupport
import Testing

@testable import CommitLog

/// A start after a crash begins a leader epoch in every partition, whatever the crash has left, and no number twice.
@Suite struct LeaderEpochFloorTests {
    private let fileSystem: SimulatedFileSystem
    private let topicID = TopicID(high: 1 << 12, low: 1 << 63)
    private let partitions = (0..<3).map { TopicPartition("a", Int32($0)) }
    private let floor = "/data/leader-epoch-floor"

    init() { fileSystem = SimulatedFileSystem() }

    private init(on fileSystem: SimulatedFileSystem) { self.fileSystem = fileSystem }

    private func open() throws -> LogDirectory {
        var environment = LogEnvironment(fileSystem: fileSystem, time: ManualTime())
        environment.commitsInBackground = false
        return try LogDirectory.open("/data", nodeID: 1, environment: environment, generator: SeededGenerator(seed: 1))
    }

    private func openLogs(_ directory: LogDirectory, _ durability: Durability = .fsync) throws -> [PartitionLog] {
        var config = LogConfig()
        config.durability = durability
        let logs = try partitions.map { try directory.openPartition($0, topicID: topicID, config: config) }
        try directory.commit(logs)
        return logs
    }

    private func append(_ count: Int, to log: PartitionLog) throws {
        for _ in 0..<count { _ = try log.append(try TestBatch().bytes(now: 1_700_000_000_000)) }
    }

    private func epochs(_ logs: [PartitionLog]) -> [Int32] { logs.map(\.offsets.leaderEpoch.rawValue) }

    private func contents(of path: String) throws -> [UInt8] {
        let file = try fileSystem.open(path, .read)
        var bytes = [UInt8](repeating: 0, count: try file.size())
        _ = try bytes.withUnsafeMutableBytes { try file.read(into: $0, at: .zero) }
        return bytes
    }

    private func overwrite(_ path: String, with text: String) throws {
        let file = try fileSystem.open(path, .existing)
        try file.truncate(to: 0)
        let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
        try Array(text.utf8).withUnsafeBytes { try file.write($0, nothing, at: .zero) }
    }

    @Test(arguments: [true, false])
    func everyCrashBeginsAnEpochAlsoWhereNothingWasWrittenSinceTheLastCheckpoint(cutsPower: Bool) throws {
        do {
            let directory = try open()
            let logs = try openLogs(directory)
            #expect(epochs(logs) == [0, 0, 0])
            try append(2, to: logs[1])
            for log in logs { try log.flush() }
            try directory.checkpoint()
        }
        let path = "/data/a-1/leader-epoch-checkpoint"
        let before = try contents(of: path)
        for crash in 1...3 as ClosedRange<Int32> {
            if cutsPower { fileSystem.crash() }
            let logs = try openLogs(open())
            #expect(epochs(logs) == [crash, crash, crash])
            #expect(logs[1].endOffset(forEpoch: LeaderEpoch(0)) == (LeaderEpoch(0), Offset(2)))
            #expect(logs[1].endOffset(forEpoch: LeaderEpoch(crash)) == (LeaderEpoch(crash), Offset(2)))
            #expect(try contents(of: path) == before, "thousands of these files must not be written at a start")
        }
        let directory = try open()
        let logs = try openLogs(directory)
        try append(1, to: logs[1])
        try logs[1].flush()
        #expect(try contents(of: path) != before)
        #expect(logs[1].endOffset(forEpoch: LeaderEpoch(3)) == (LeaderEpoch(0), Offset(2)), "3 had no record")
    }

    @Test func aCleanStopDoesNotBringAnEarlierEpochBack() throws {
        do { try append(1, to: openLogs(open())[0]) }
        do {
            let directory = try open()
            _ = try openLogs(directory)
            try directory.close()
        }
        for _ in 0..<2 {
            let directory = try open()
            #expect(directory.wasCleanShutdown)
            #expect(try epochs(openLogs(directory)) == [1, 1, 1])
            try directory.close()
        }
    }

    /// In the page cache records are seen before the file says where their epoch began; they say it themselves.
    @Test(arguments: [true, false])
    func recoveryTakesEpochsFromTheBatchesThatItReads(isClosed: Bool) throws {
        do {
            let logs = try openLogs(open(), .pageCache)
            try append(1, to: logs[0])
            try logs[0].flush()
        }
        do { try append(2, to: openLogs(open(), .pageCache)[0]) }
        do {
            let directory = try open()
            let log = try openLogs(directory, .pageCache)[0]
            #expect(log.offsets.leaderEpoch == LeaderEpoch(2))
            #expect(log.endOffset(forEpoch: LeaderEpoch(0)).endOffset == Offset(1))
            #expect(log.endOffset(forEpoch: LeaderEpoch(1)).endOffset == Offset(3))
            try append(1, to: log)
            if isClosed { try directory.close() } else { try log.flush() }
        }
        fileSystem.crash()
        let log = try openLogs(open(), .pageCache)[0]
        let ends = (0..<3).map { log.endOffset(forEpoch: LeaderEpoch(Int32($0))).endOffset.rawValue }
        #expect(ends == [1, 3, 4])
        #expect(log.offsets.leaderEpoch == LeaderEpoch(isClosed ? 2 : 3))
    }

    @Test func anEpochIsNotUsedAgainWhenAllItsRecordsAreLost() throws {
        do {
            let logs = try openLogs(open(), .pageCache)
            try append(1, to: logs[0])
            try logs[0].flush()
        }
        for crash in 1...3 as ClosedRange<Int32> {
            let log = try openLogs(open(), .pageCache)[0]
            #expect(log.offsets.leaderEpoch == LeaderEpoch(crash))
            #expect(log.offsets.logEnd == Offset(1))
            try append(1, to: log)
            fileSystem.crash()
        }
    }

    /// Whatever operation is the last: where an epoch began is known for every batch that is left.
    @Test func aCrashAtAnyOperationOfTheFirstSyncKeepsTheHistory() throws {
        do {
            let logs = try openLogs(open())
            try append(1, to: logs[0])
            try logs[0].flush()
        }
        let state = fileSystem.copy()
        for number in 0..<40 {
            for cutsPower in [true, false] {
                let suite = LeaderEpochFloorTests(on: state.copy())
                try suite.checkHistory(haltAt: number, cutsPower: cutsPower)
            }
        }
    }

    private func checkHistory(haltAt number: Int, cutsPower: Bool) throws {
        do {
            let directory = try open()
            let log = try openLogs(directory)[0]
            try append(2, to: log)
            fileSystem.halt(at: fileSystem.operationCount + number)
            do throws(LogError) {
                try log.flush()
                try directory.checkpoint()
            } catch {
                // Where the operation comes.
            }
        }
        fileSystem.halt(at: nil)
        if cutsPower { fileSystem.crash() }
        let log = try openLogs(open())[0]
        let comment = Comment("operation \(number), power cut: \(cutsPower)")
        #expect(log.offsets.leaderEpoch == LeaderEpoch(2), comment)
        let end = log.offsets.logEnd
        for batch in try ReadBatch.read(log, from: 0, 1 << 20, alwaysOneBatch: true, upTo: .logEnd) {
            #expect(log.leaderEpoch(of: batch.header.baseOffset) == batch.header.leaderEpoch, comment)
        }
        #expect(log.endOffset(forEpoch: LeaderEpoch(0)).endOffset == Offset(1), comment)
        #expect(log.endOffset(forEpoch: LeaderEpoch(2)).endOffset == end, comment)
    }

    @Test func aDamagedFloorGivesWayToTheOneBeforeAndIsExceeded() throws {
        for _ in 0..<3 { _ = try openLogs(open()) }
        try overwrite(floor, with: "0\n1\n77 0 \n")
        do {
            let directory = try open()
            #expect(directory.damaged.contains { $0.contains(floor) })
            #expect(
                directory.epochFloor == LeaderEpoch(3),
                "one more than the lost one, which was one more than the last"
            )
        }
        for name in [floor, "\(floor).previous"] { try overwrite(name, with: "0\n2\n1 0\n2 1\n") }
        #expect(try open().epochFloor.rawValue > 1000)
        #expect(try open().damaged.isEmpty)
    }

    @Test func epochsThatAreUsedUpAreAnError() throws {
        for _ in 0..<2 { _ = try open() }
        try overwrite(floor, with: "0\n1\n\(Int32.max) 0\n")
        #expect(throws: LogError.self) { _ = try open() }
    }

    @Test func theOfflineCheckKnowsThatTheLastEpochMayNotBeOnRecord() throws {
        do {
            let directory = try open()
            try append(1, to: openLogs(directory, .pageCache)[0])
            try directory.close()
        }
        do { _ = try open() }
        do {
            let directory = try open()
            try append(2, to: openLogs(directory, .pageCache)[0])
            try directory.checkpoint()
        }
        var findings: [String] = []
        _ = try DirectoryVerifier.verify("/data", fileSystem: fileSystem) { findings.append("\($0)") }
        #expect(findings == [])
    }
}
