import Glibc
import Model
import TestSupport
import Testing

@testable import CommitLog

@Suite struct DiskSpaceTests {
    private let fileSystem = SimulatedFileSystem()
    private let topicID = TopicID(high: 1 << 12, low: 1 << 63)

    private func directory(reserve: Int = 1000) throws -> LogDirectory {
        var environment = LogEnvironment(fileSystem: fileSystem, time: ManualTime())
        environment.spaceReserve = SpaceReserve(fixedBytes: reserve)
        return try LogDirectory.open("/data", nodeID: 1, environment: environment)
    }

    private func log(in directory: LogDirectory, usesReserve: Bool = false) throws -> PartitionLog {
        var config = LogConfig()
        config.usesReserve = usesReserve
        let partition = TopicPartition(usesReserve ? "essential" : "events", 0)
        return try directory.openPartition(partition, topicID: topicID, config: config)
    }

    private func batch(_ value: String = "value") throws -> TestBatch { TestBatch(values: [value]) }

    private func append(_ log: PartitionLog, _ origin: AppendOrigin = .client) throws -> AppendResult {
        try log.append(try batch().bytes(now: 1_700_000_000_000), origin: origin)
    }

    private func limit(_ free: Int) { fileSystem.limit(freeBytes: free, totalBytes: 100_000) }

    private func close(_ directory: LogDirectory) throws {
        fileSystem.limit(freeBytes: nil)
        try directory.close()
    }

    // MARK: A full disk

    @Test func belowTheReserveOnlyTheBrokerItselfWrites() throws {
        let directory = try directory()
        let log = try log(in: directory)
        limit(999)
        try directory.space.check()
        let refusal = LogError.spaceLow(path: "/data", free: 999, reserve: 1000)
        #expect(throws: refusal) { try append(log) }
        #expect(refusal.errorCode == .kafkaStorageError)
        #expect(try append(log, .broker).baseOffset == .zero)
        #expect(directory.failure == nil)
        try close(directory)
    }

    @Test func closeToTheEndOnlyWhatMakesRoomIsWritten() throws {
        let directory = try directory()
        let (log, essential) = (try log(in: directory), try log(in: directory, usesReserve: true))
        limit(249)
        try directory.space.check()
        #expect(directory.space.status.level == .critical)
        #expect(throws: LogError.self) { try append(log, .broker) }
        #expect(try append(essential, .broker).baseOffset == .zero)
        try close(directory)
    }

    @Test func whatCouldNotBeWrittenIsCutOffAndWritingGoesOn() throws {
        let directory = try directory()
        let log = try log(in: directory)
        _ = try append(log)
        let path = "/data/events-0/00000000000000000000.log"
        let size = try fileSystem.open(path, .read).size()
        for free in 0..<size {
            fileSystem.limit(freeBytes: free, totalBytes: 100_000)
            #expect(throws: LogError.storage(FileError("write", path, code: ENOSPC))) { try append(log) }
            #expect(try fileSystem.open(path, .read).size() == size)
            // Nobody tries again before somebody has looked.
            #expect(throws: LogError.spaceLow(path: "/data", free: 0, reserve: 0)) { try append(log) }
            fileSystem.limit(freeBytes: nil)
            try directory.space.check()
            #expect(directory.space.status.level == .low)
            try directory.space.check()
            #expect(directory.space.status.level == .ample)
        }
        #expect(try append(log).baseOffset == Offset(1))
        #expect(directory.failure == nil)
        try directory.close()
    }

    @Test func writingGoesOnOnlyWithABitMoreThanTheReserve() throws {
        let directory = try directory()
        func level(_ free: Int) throws -> DiskSpace.Level {
            limit(free)
            return try directory.space.check().level
        }
        #expect(try level(1000) == .ample)
        #expect(try level(999) == .low)
        #expect(try level(1061) == .low)
        #expect(try level(1062) == .ample)
        #expect(try level(100) == .critical)
        #expect(try level(260) == .low)
    }

    @Test func anUnknownSizeIsNoReasonToRefuse() throws {
        let directory = try directory()
        #expect(try directory.space.check() == DiskSpace.Status())
        #expect(try append(log(in: directory)).baseOffset == .zero)
        fileSystem.inject { operation, _ in operation == .space ? EIO : nil }
        #expect(throws: LogError.self) { try directory.space.check() }
        try directory.close()
    }

    @Test func somebodyIsCalledBeforeTheReserveIsReached() throws {
        let directory = try directory()
        let log = try log(in: directory)
        let calls = Locked(0)
        directory.space.setAlarm { calls.withLock { $0 += 1 } }
        limit(1400)
        try directory.space.check()
        var written = 0
        while calls.withLock({ $0 }) == 0, written < 10 {
            _ = try append(log)
            written += 1
        }
        // Half of the 400 bytes in three batches of about seventy.
        #expect(written == 3)
        _ = try append(log)
        #expect(calls.withLock { $0 } == 1)
        try close(directory)
    }

    // MARK: How much is kept

    private static let gibibyte = 1 << 30

    /// Sizes of disks and what is kept of them, in GiB.
    @Test(arguments: [(10, 1), (20, 2), (30, 2), (100, 5), (4096, 10)] as [(Int, Int)])
    func theReserveFollowsTheSizeOfTheDisk(total: Int, expected: Int) {
        let space = FileSystemSpace(total: total * Self.gibibyte, free: 0)
        let reserve = SpaceReserve(segmentBytes: Self.gibibyte)
        #expect(reserve.bytes(of: space) == expected * Self.gibibyte)
        #expect(SpaceReserve(fixedBytes: 7, segmentBytes: Self.gibibyte).bytes(of: space) == 7)
    }

    @Test func aSmallDiskKeepsATenth() {
        #expect(SpaceReserve().bytes(of: FileSystemSpace(total: 64_000_000, free: 0)) == 6_400_000)
    }
}
