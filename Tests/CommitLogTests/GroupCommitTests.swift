import Glibc
import Model
import TestSupport
import Testing

@testable import CommitLog

/// A log directory on a simulated disk, with the group commit at work.
private struct Directory {
    let fileSystem: any FileSystem
    let directory: LogDirectory
    let topicID = TopicID(high: 1 << 12, low: 1 << 63)
    var config = LogConfig()

    init(_ fileSystem: any FileSystem, path: String = "/data") throws {
        self.fileSystem = fileSystem
        config.durability = .fsync
        directory = try LogDirectory.open(
            path,
            nodeID: 1,
            environment: LogEnvironment(fileSystem: fileSystem, time: ManualTime())
        )
    }

    func log(_ number: Int32 = 0) throws -> PartitionLog {
        try directory.openPartition(TopicPartition("events", number), topicID: topicID, config: config)
    }
}

/// Lets a test wait until a log has come as far as it wants. Thread-safe.
private final class Progress: LogObserver {
    private let moved = Semaphore()

    func highWatermarkAdvanced() { moved.signal() }
    func logClosed() { moved.signal() }

    static func wait(for log: PartitionLog, until isDone: () -> Bool) {
        let progress = Progress()
        log.addObserver(progress)
        defer { log.removeObserver(progress) }
        while !isDone() {
            guard progress.moved.wait(atMost: .seconds(60)) else {
                Issue.record("waited in vain for \(log.topicPartition)")
                return
            }
        }
    }
}

extension PartitionLog {
    @discardableResult
    fileprivate func append(_ value: String = "value", _ urgency: FlushUrgency = .urgent) throws -> AppendResult {
        try append(try TestBatch(values: [value]).bytes(now: 1_700_000_000_000), urgency: urgency)
    }

    fileprivate func waitUntilDurable() { Progress.wait(for: self) { offsets.durable == offsets.logEnd } }
}

@Suite struct GroupCommitTests {
    // MARK: Failing disks

    @Test func aFailedSyncIsFinalForItsDirectoryAndForNoOther() throws {
        let fileSystem = SimulatedFileSystem()
        let bad = try Directory(fileSystem, path: "/bad")
        let good = try Directory(fileSystem, path: "/good")
        let (log, neighbour) = (try bad.log(0), try bad.log(1))
        try log.append()
        log.waitUntilDurable()
        let failures = Locked<[LogError]>([])
        bad.directory.setFailureHandler { error in failures.withLock { $0.append(error) } }
        fileSystem.inject { operation, path in operation == .sync && path.hasPrefix("/bad") ? EIO : nil }
        let lost = try log.append()
        Progress.wait(for: log) { log.failure != nil }
        // The kernel may claim success the next time; nobody asks it.
        fileSystem.inject(nil)
        let expected = LogError.directoryOffline(
            path: "/bad",
            FileError("sync", "/bad/events-0/00000000000000000000.log", code: EIO)
        )
        #expect(failures.withLock { $0 } == [expected])
        #expect(throws: expected) { try log.append() }
        #expect(throws: expected) { try neighbour.append() }
        #expect(throws: expected) { try bad.directory.checkpoint() }
        #expect(!log.isStored(upTo: lost.lastOffset, mustBeDurable: false))
        #expect(log.offsets.durable == Offset(1))
        #expect(log.offsets.highWatermark == Offset(1))
        let other = try good.log()
        try other.append()
        other.waitUntilDurable()
        #expect(throws: expected) { try bad.directory.close() }
        #expect(try !fileSystem.exists("/bad/.kafka_cleanshutdown"))
        try good.directory.close()
    }

    @Test func aFailedSyncOfManyPartitionsIsFinalToo() throws {
        let fileSystem = SimulatedFileSystem()
        let gated = GatedFileSystem(fileSystem)
        let directory = try Directory(gated)
        defer { withExtendedLifetime(directory) {} }
        let logs = try (0..<40).map { try directory.log($0) }
        gated.closeGate()
        try logs[0].append()
        gated.awaitArrival()
        for log in logs { try log.append() }
        fileSystem.inject { operation, _ in operation == .sync ? EIO : nil }
        gated.openGate()
        Progress.wait(for: logs[39]) { logs[39].failure != nil }
        #expect(logs.allSatisfy { $0.offsets.highWatermark == .zero })
    }

    @Test func aLackOfDescriptorsIsNoFaultOfTheDisk() throws {
        let fileSystem = SimulatedFileSystem()
        let directory = try Directory(fileSystem)
        defer { withExtendedLifetime(directory) {} }
        let log = try directory.log()
        let refused = Semaphore()
        let isShort = Locked(true)
        fileSystem.inject { operation, path in
            guard operation == .open, path.hasSuffix("partition.metadata"), isShort.withLock({ $0 }) else { return nil }
            refused.signal()
            return EMFILE
        }
        try log.append()
        refused.wait()
        #expect(log.offsets.highWatermark == .zero)
        isShort.withLock { $0 = false }
        log.waitUntilDurable()
        #expect(log.offsets.highWatermark == Offset(1))
        #expect(log.failure == nil)
    }

    @Test func aLogThatIsDeletedWhileItWaitsHarmsNobody() throws {
        let gated = GatedFileSystem()
        let directory = try Directory(gated)
        defer { withExtendedLifetime(directory) {} }
        // All threads are busy, so that the one to be deleted waits for its turn.
        let busy = try (0..<Int32(GroupCommit.maximumThreads)).map { try directory.log($0) }
        let deleted = try directory.log(100)
        gated.closeGate()
        for log in busy { try log.append() }
        for _ in busy { gated.awaitArrival() }
        try deleted.append()
        try directory.directory.delete(deleted.topicPartition)
        gated.openGate()
        for log in busy { log.waitUntilDurable() }
        try directory.log(101).append()
        try directory.log(101).waitUntilDurable()
        #expect(directory.directory.failure == nil)
    }

    @Test func aCheckpointThatFailedIsTriedAgainByItself() throws {
        let fileSystem = SimulatedFileSystem()
        let directory = try Directory(fileSystem)
        defer { withExtendedLifetime(directory) {} }
        let log = try directory.log()
        let outcomes = Locked<[Bool]>([])
        let told = Semaphore()
        fileSystem.inject { operation, path in
            operation == .rename && path.hasSuffix("checkpoint.tmp") && !path.contains("events") ? ENOSPC : nil
        }
        let checkpointer = Checkpointer(directory.directory) { error in
            outcomes.withLock { $0.append(error == nil) }
            told.signal()
        }
        defer { checkpointer.stop() }
        try log.append()
        log.waitUntilDurable()
        told.wait()
        fileSystem.inject(nil)
        while outcomes.withLock({ $0.last }) != true { told.wait() }
        #expect(outcomes.withLock { $0.first } == false)
        #expect(directory.directory.failure == nil)
        #expect(try fileSystem.exists("/data/recovery-point-offset-checkpoint"))
    }

    // MARK: What is seen, and when

    @Test func nothingIsSeenBeforeItIsDurable() throws {
        let gated = GatedFileSystem()
        let directory = try Directory(gated)
        defer { withExtendedLifetime(directory) {} }
        let log = try directory.log()
        gated.closeGate()
        let appended = try log.append()
        gated.awaitArrival()
        #expect(log.offsets.logEnd == Offset(1))
        #expect(log.offsets.highWatermark == .zero)
        #expect(!log.isStored(upTo: appended.lastOffset, mustBeDurable: false))
        #expect(try ReadBatch.read(log, from: 0, 1 << 20, alwaysOneBatch: true, upTo: .highWatermark).isEmpty)
        gated.openGate()
        log.waitUntilDurable()
        #expect(log.isStored(upTo: appended.lastOffset, mustBeDurable: true))
        #expect(try ReadBatch.read(log, from: 0, 1 << 20, alwaysOneBatch: true, upTo: .highWatermark).count == 1)
    }

    @Test func recordsNobodyWaitsForAreSeenSoonAllTheSame() throws {
        let directory = try Directory(SimulatedFileSystem())
        defer { withExtendedLifetime(directory) {} }
        let log = try directory.log()
        for number in 0..<5 { try log.append("\(number)", .relaxed) }
        Progress.wait(for: log) { log.offsets.highWatermark == Offset(5) }
        #expect(log.offsets.durable == Offset(5))
    }

    @Test func whoeverComesDuringASyncSharesTheNext() throws {
        let gated = GatedFileSystem()
        let directory = try Directory(gated)
        defer { withExtendedLifetime(directory) {} }
        let log = try directory.log()
        // The first sync of a partition includes its small files.
        try log.append()
        log.waitUntilDurable()
        gated.closeGate()
        let before = gated.base.count(of: .sync)
        try log.append()
        gated.awaitArrival()
        for _ in 0..<400 { try log.append() }
        gated.openGate()
        log.waitUntilDurable()
        // The one that was under way, and one for all others.
        #expect(gated.base.count(of: .sync) - before == 2)
    }

    @Test func partitionsAreSyncedSideBySide() throws {
        let gated = GatedFileSystem()
        let directory = try Directory(gated)
        defer { withExtendedLifetime(directory) {} }
        let logs = try (0..<100).map { try directory.log($0) }
        gated.closeGate()
        for log in logs { try log.append() }
        for _ in 0..<GroupCommit.maximumThreads { gated.awaitArrival() }
        #expect(logs.allSatisfy { $0.offsets.highWatermark == .zero })
        gated.openGate()
        for log in logs { log.waitUntilDurable() }
        #expect(logs.allSatisfy { $0.offsets.highWatermark == $0.offsets.logEnd })
        #expect(gated.base.count(of: .syncAll) == 0)
    }

    @Test func aSlowSyncHoldsUpNoOtherPartition() throws {
        let gated = GatedFileSystem()
        let directory = try Directory(gated)
        defer { withExtendedLifetime(directory) {} }
        let (slow, quick) = (try directory.log(0), try directory.log(1))
        gated.closeGate()
        try slow.append()
        gated.awaitArrival()
        gated.leaveGateOpen()
        for number in 0..<100 {
            try quick.append("\(number)", number % 2 == 0 ? .urgent : .relaxed)
            quick.waitUntilDurable()
        }
        #expect(slow.offsets.durable == .zero)
        gated.openGate()
        slow.waitUntilDurable()
    }

    // MARK: Configuration

    @Test func thePageCacheIsEnoughWhereTheTopicSaysSo() throws {
        let fileSystem = SimulatedFileSystem()
        var directory = try Directory(fileSystem)
        defer { withExtendedLifetime(directory) {} }
        directory.config.durability = .pageCache
        let log = try directory.log()
        let before = fileSystem.count(of: .sync)
        let appended = try log.append()
        #expect(log.isStored(upTo: appended.lastOffset, mustBeDurable: appended.mustBeDurable))
        try directory.directory.close()
        #expect(fileSystem.count(of: .sync) - before < 10)
    }

    @Test func flushMessagesHoldsTheAcknowledgementBack() throws {
        let gated = GatedFileSystem()
        var directory = try Directory(gated)
        defer { withExtendedLifetime(directory) {} }
        directory.config.durability = .pageCache
        directory.config.flushMessages = 3
        let log = try directory.log()
        gated.closeGate()
        #expect(try [log.append(), log.append()].allSatisfy { !$0.mustBeDurable })
        let third = try log.append()
        #expect(third.mustBeDurable)
        gated.awaitArrival()
        #expect(!log.isStored(upTo: third.lastOffset, mustBeDurable: true))
        gated.openGate()
        log.waitUntilDurable()
        #expect(log.isStored(upTo: third.lastOffset, mustBeDurable: true))
        #expect(try !log.append().mustBeDurable)
    }

    @Test func flushMillisecondsBoundsHowLongRecordsStayInMemoryOnly() throws {
        var directory = try Directory(SimulatedFileSystem())
        defer { withExtendedLifetime(directory) {} }
        directory.config.durability = .pageCache
        directory.config.flushMilliseconds = 1
        let log = try directory.log()
        #expect(try !log.append().mustBeDurable)
        log.waitUntilDurable()
    }

    @Test func aTopicThatNoLongerWaitsForTheDiskShowsWhatItHas() throws {
        let fixture = try LogFixture(on: SimulatedFileSystem())
        fixture.config.durability = .fsync
        fixture.log.updateConfig(fixture.config)
        try fixture.append()
        #expect(fixture.log.offsets.highWatermark == .zero)
        fixture.config.durability = .pageCache
        fixture.log.updateConfig(fixture.config)
        #expect(fixture.log.offsets.highWatermark == Offset(1))
        #expect(fixture.log.offsets.durable == .zero)
    }

    // MARK: After a crash

    @Test func whatWasStoredSurvivesAPowerCutWheneverItComes() throws {
        for seed in 0..<40 as Range<UInt64> {
            var generator = SeededGenerator(seed: seed)
            let fileSystem = SimulatedFileSystem()
            var directory = try Directory(fileSystem)
            try fileSystem.syncDirectory("/")
            directory.config.segmentBytes = 600
            let logs = try (0..<3).map { try directory.log($0) }
            for number in 0..<60 {
                let log = logs[Int.random(in: 0..<3, using: &generator)]
                try log.append("\(number)", Bool.random(using: &generator) ? .urgent : .relaxed)
                switch Int.random(in: 0..<20, using: &generator) {
                case 0: log.waitUntilDurable()
                case 1: try directory.directory.checkpoint()
                default: break
                }
            }
            let stored = logs.map(\.offsets.highWatermark)
            let after = fileSystem.copy()
            after.crash()
            for log in logs {
                let offsets = log.offsets
                #expect(offsets.highWatermark <= offsets.durable, "seed \(seed)")
            }
            let reopened = try Directory(after)
            for (number, log) in try (0..<3).map({ try reopened.log($0) }).enumerated() {
                #expect(log.offsets.logEnd >= stored[number], "seed \(seed), partition \(number)")
            }
        }
    }

    @Test func checkpointsFollowWhatBecomesDurable() throws {
        let fileSystem = SimulatedFileSystem()
        let directory = try Directory(fileSystem)
        defer { withExtendedLifetime(directory) {} }
        let written = Semaphore()
        fileSystem.inject { operation, path in
            if operation == .rename, path.contains("recovery-point") { written.signal() }
            return nil
        }
        let errors = Locked(0)
        let checkpointer = Checkpointer(directory.directory) { error in if error != nil { errors.withLock { $0 += 1 } }
        }
        let log = try directory.log()
        try log.append()
        log.waitUntilDurable()
        #expect(written.wait(atMost: .seconds(60)))
        checkpointer.stop()
        let read = try OffsetCheckpoint.read(OffsetCheckpoint.recoveryPoints, in: "/data", fileSystem)
        let point = try #require(read.value)
        #expect(point.offsets[log.topicPartition] == Offset(1))
        #expect(errors.withLock { $0 } == 0)
        try directory.directory.close()
    }
}
