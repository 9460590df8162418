import CommitLog
import Glibc
import Model
import NIOCore
import Records
import TestSupport
import Testing

/// Reads that would have to wait for the disk, and readers beside a writer.
@Suite struct ColdReadTests {
    @Test func aReadThatWouldWaitSaysSoAndIsAnsweredAfterLoading() throws {
        let fileSystem = SimulatedFileSystem()
        let fixture = try LogFixture(on: fileSystem)
        fixture.environment.recentTailBytes = 0
        try fixture.reopen(clean: true)
        for number in 0..<4 { try fixture.append(TestBatch(values: ["\(number)"])) }
        fileSystem.setCold(true)
        func read(acceptCold: Bool) throws -> ReadOutcome {
            try fixture.log.read(
                from: Offset(1),
                maximumBytes: 1000,
                alwaysOneBatch: true,
                upTo: .highWatermark,
                acceptCold: acceptCold
            )
        }
        guard case .cold(let range) = try read(acceptCold: false) else {
            Issue.record("the read did not say that it would wait")
            return
        }
        try range.load()
        guard case .data(let found) = try read(acceptCold: true), let slice = found.slice else {
            Issue.record("nothing was read")
            return
        }
        #expect(found.baseOffsetOfFirstBatch == Offset(1))
        #expect(try ReadBatch.parse(slice).flatMap(\.records).map(\.text) == ["1", "2", "3"])
        fileSystem.setCold(false)
        guard case .data = try read(acceptCold: false) else {
            Issue.record("the read would wait although everything is there")
            return
        }
    }

    /// As on a file system that has become read-only after an error, or where the process has too many mappings.
    @Test(arguments: [EROFS, ENOMEM]) func whereNothingCanBeMappedTheIndexIsRead(code: CInt) throws {
        var config = LogConfig()
        config.indexIntervalBytes = 10
        let fileSystem = SimulatedFileSystem()
        let fixture = try LogFixture(config: config, on: fileSystem)
        for number in 0..<3 { try fixture.append(TestBatch(values: ["\(number)"])) }
        try fixture.reopen(clean: true)
        fileSystem.inject { operation, _ in operation == .map ? code : nil }
        // Opens the files, which are cold as well while they are closed.
        _ = try fixture.read(from: 0)
        let outcome = try fixture.log.read(
            from: .zero,
            maximumBytes: 1000,
            alwaysOneBatch: true,
            upTo: .highWatermark
        )
        guard case .cold(let range) = outcome else {
            Issue.record("the read did not say that it would wait")
            return
        }
        try range.load()
        #expect(try fixture.read(from: 0).flatMap(\.records).map(\.text) == ["0", "1", "2"])
    }

    @Test func whatWasJustWrittenIsNeverCold() throws {
        let fileSystem = SimulatedFileSystem()
        fileSystem.setCold(true)
        let fixture = try LogFixture(on: fileSystem)
        try fixture.append()
        let outcome = try fixture.log.read(
            from: .zero,
            maximumBytes: 1000,
            alwaysOneBatch: true,
            upTo: .highWatermark
        )
        guard case .data(let range) = outcome else {
            Issue.record("the read said it would wait")
            return
        }
        #expect(range.slice != nil)
    }

    @Test func aSliceOutlivesItsSegment() throws {
        var config = LogConfig()
        config.segmentBytes = 100
        let fixture = try LogFixture(config: config)
        for number in 0..<4 { try fixture.append(TestBatch(values: ["\(number)"])) }
        let outcome = try fixture.log.read(
            from: .zero,
            maximumBytes: 1000,
            alwaysOneBatch: true,
            upTo: .highWatermark,
            acceptCold: true
        )
        guard case .data(let range) = outcome, let slice = range.slice else {
            Issue.record("nothing was read")
            return
        }
        #expect(try fixture.log.deleteSegments(upTo: Offset(4)) == Offset(4))
        #expect(fixture.log.segmentCount == 1)
        try fixture.log.close()
        #expect(try ReadBatch.parse(slice).flatMap(\.records).map(\.text) == ["0"])
    }

    /// Readers and searches beside appends, removals and flushes: what they see is always whole and in order.
    @Test(arguments: [true, false])
    func readersBesideAWriterSeeWholeBatchesInOrder(onDisk: Bool) async throws {
        var config = LogConfig()
        config.segmentBytes = 20_000
        config.indexIntervalBytes = 200
        let fixture = try LogFixture(config: config, on: onDisk ? nil : SimulatedFileSystem())
        let log = fixture.log
        let now = fixture.time.now.milliseconds
        let isDone = Locked(false)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<3 {
                group.addTask {
                    var next: Int64 = 0
                    while !isDone.withLock({ $0 }) || next < log.offsets.logEnd.rawValue {
                        do {
                            let batches = try ReadBatch.read(
                                log,
                                from: next,
                                4000,
                                alwaysOneBatch: true,
                                upTo: .highWatermark
                            )
                            for batch in batches {
                                #expect(batch.header.baseOffset.rawValue <= next)
                                #expect(batch.records.map(\.text) == batch.records.map { "\($0.offset)" })
                                next = batch.header.nextOffset.rawValue
                            }
                            if batches.isEmpty { await Task.yield() }
                        } catch LogError.outOfRange(_, let start, _) {
                            next = start.rawValue
                        }
                    }
                }
            }
            group.addTask {
                while !isDone.withLock({ $0 }) {
                    try log.flush()
                    _ = try log.deleteSegments(upTo: Offset(max(0, log.offsets.logEnd.rawValue - 500)))
                    _ = try log.offset(forTimestamp: Timestamp(milliseconds: now))
                    log.releaseHandles()
                    await Task.yield()
                }
            }
            for first in stride(from: 0, to: 3000, by: 3) {
                _ = try log.append(try TestBatch(values: (first..<first + 3).map(String.init)).bytes(now: now))
                if first % 100 == 0 { await Task.yield() }
            }
            isDone.withLock { $0 = true }
            try await group.waitForAll()
        }
        #expect(log.offsets.logEnd == Offset(3000))
    }

    /// The kernel's answer about pages is asked for, and the page cache is what it says.
    @Test func pagesThatWereEvictedAreCold() throws {
        let fixture = try LogFixture()
        fixture.environment.recentTailBytes = 0
        try fixture.append(TestBatch(values: [String(repeating: "x", count: 500_000)]))
        try fixture.reopen(clean: true)
        // Opens the file, which is cold as well while it is closed.
        _ = try fixture.read(from: 0)
        let file = try fixture.environment.fileSystem.open(fixture.path(0, ".log"), .read)
        guard let descriptor = file.descriptor, posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED) == 0 else {
            return
        }
        func outcome() throws -> ReadOutcome {
            try fixture.log.read(from: .zero, maximumBytes: 1 << 20, alwaysOneBatch: true, upTo: .highWatermark)
        }
        // A file system in memory never evicts; then there is nothing to see.
        guard case .cold(let range) = try outcome() else { return }
        try range.load()
        guard case .data = try outcome() else {
            Issue.record("what was loaded is still cold")
            return
        }
    }
}
