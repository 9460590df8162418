import CommitLog
import Glibc
import Model
import NIOCore
import Records
import TestSupport
import Testing

/// Disks that are full, fail or lose power.
@Suite struct FaultTests {
    @Test func aFullDiskFailsAppendsAndNothingElse() throws {
        for free in 0..<140 {
            let fileSystem = SimulatedFileSystem()
            var config = LogConfig()
            config.segmentBytes = 300
            config.indexIntervalBytes = 0
            let fixture = try LogFixture(config: config, on: fileSystem)
            for number in 0..<3 { try fixture.append(TestBatch(values: ["\(number)"])) }
            fileSystem.limit(freeBytes: free)
            var failures = 0
            for number in 3..<6 {
                do { try fixture.append(TestBatch(values: ["\(number)"])) } catch LogError.storage(let error) {
                    #expect(error.code == ENOSPC)
                    failures += 1
                }
            }
            #expect(failures > 0)
            let kept = 6 - failures
            #expect(fixture.log.offsets.logEnd.rawValue == Int64(kept))
            #expect(try fixture.allValues().count == kept)
            fileSystem.limit(freeBytes: nil)
            try fixture.append(TestBatch(values: ["again"]))
            #expect(try fixture.allValues().last == "again")
            try fixture.reopen(clean: false)
            #expect(try fixture.allValues().count == kept + 1, "with \(free) bytes free")
            #expect(fixture.log.recovery.truncations.isEmpty)
        }
    }

    @Test func aWriteThatCannotBeUndoneStopsTheLog() throws {
        let fileSystem = SimulatedFileSystem()
        let fixture = try LogFixture(on: fileSystem)
        try fixture.append()
        fileSystem.inject { operation, _ in operation == .write || operation == .truncate ? EIO : nil }
        #expect { try fixture.append() } throws: { ($0 as? LogError)?.errorCode == .kafkaStorageError }
        fileSystem.inject(nil)
        #expect {
            try fixture.append()
        } throws: { error in
            guard case .failed = error as? LogError else { return false }
            return true
        }
        #expect(try fixture.allValues() == ["value"])
        try fixture.reopen(clean: false)
        try fixture.append()
        #expect(fixture.log.offsets.logEnd == Offset(2))
    }

    @Test func afterAFailedSyncNothingMoreIsTakenAndNothingIsDurable() throws {
        let fileSystem = SimulatedFileSystem()
        let fixture = try LogFixture(on: fileSystem)
        try fixture.append()
        try fixture.log.flush()
        try fixture.append()
        fileSystem.inject { operation, _ in operation == .sync ? EIO : nil }
        #expect(throws: LogError.self) { try fixture.log.flush() }
        fileSystem.inject(nil)
        #expect(throws: LogError.self) { try fixture.append() }
        #expect(fixture.log.offsets.durable == Offset(1))
        #expect(throws: LogError.self) { try fixture.log.close() }
    }

    @Test func whatWasFlushedSurvivesAPowerCut() throws {
        for seed in 0..<50 as Range<UInt64> {
            var generator = SeededGenerator(seed: seed)
            let fileSystem = SimulatedFileSystem()
            var config = LogConfig()
            config.segmentBytes = 500
            config.indexIntervalBytes = 100
            let fixture = try LogFixture(config: config, on: fileSystem)
            // The test made the directory that logs live in; that it is there is not the log's to see to.
            try fileSystem.syncDirectory("/")
            var sent: [String] = []
            for number in 0..<40 {
                sent.append("\(number)")
                try fixture.append(
                    TestBatch(values: ["\(number)"], producer: ProducerID(9), epoch: 0, sequence: Int32(number))
                )
                if Int.random(in: 0..<12, using: &generator) == 0 { try fixture.log.flush() }
                if Int.random(in: 0..<12, using: &generator) == 0 { try fixture.log.flushFinishedSegments() }
            }
            let durable = fixture.log.offsets.durable
            fixture.log.abandon()
            fileSystem.crash()
            try fixture.reopenAsIs(clean: false, hints: OpeningHints(recoveryPoint: durable))
            let values = try fixture.allValues()
            #expect(fixture.log.offsets.logEnd >= durable, "seed \(seed)")
            #expect(values == Array(sent.prefix(values.count)), "seed \(seed)")
            #expect(fixture.log.offsets.logEnd.rawValue == Int64(values.count), "seed \(seed)")
            // The last durable batch is still recognised.
            if let last = values.indices.last {
                let again = TestBatch(values: [sent[last]], producer: ProducerID(9), epoch: 0, sequence: Int32(last))
                #expect(try fixture.append(again).isDuplicate, "seed \(seed)")
            }
        }
    }

    @Test func aPartitionSurvivesAPowerCutFromItsFirstFlushOn() throws {
        let fileSystem = SimulatedFileSystem()
        let fixture = try LogFixture(on: fileSystem)
        try fileSystem.syncDirectory("/")
        try fixture.log.flush()
        fixture.log.abandon()
        fileSystem.crash()
        #expect(try fileSystem.exists("\(fixture.directory)/partition.metadata"))
        try fixture.reopenAsIs(clean: false)
        try fixture.append()
    }

    @Test func everyFailureWhileOpeningIsReportedAndLeavesTheRecords() throws {
        let pristine = SimulatedFileSystem()
        let fixture = try LogFixture(on: pristine)
        for number in 0..<5 { try fixture.append(TestBatch(values: ["\(number)"])) }
        fixture.log.abandon()
        for number in 0..<200 {
            let fileSystem = pristine.copy()
            let count = Locked(0)
            fileSystem.inject { _, _ in
                count.withLock { count in
                    count += 1
                    return count == number + 1 ? EIO : nil
                }
            }
            fixture.environment.fileSystem = fileSystem
            var failure: LogError?
            do { try fixture.reopenAsIs(clean: false) } catch let error as LogError { failure = error }
            fileSystem.inject(nil)
            try fixture.reopenAsIs(clean: false)
            #expect(try fixture.allValues() == ["0", "1", "2", "3", "4"], "failure of operation \(number)")
            fixture.log.abandon()
            if failure == nil, count.withLock({ $0 }) <= number { return }
        }
        Issue.record("opening took more than 200 operations")
    }

    @Test func readErrorsAreErrors() throws {
        let fileSystem = SimulatedFileSystem()
        fileSystem.setCold(true)
        let fixture = try LogFixture(on: fileSystem)
        fixture.environment.recentTailBytes = 0
        try fixture.append()
        try fixture.reopen(clean: true)
        fileSystem.inject { operation, _ in operation == .read ? EIO : nil }
        #expect { try fixture.read(from: 0) } throws: { ($0 as? LogError)?.errorCode == .kafkaStorageError }
        fileSystem.inject(nil)
        #expect(try fixture.allValues() == ["value"])
    }
}
