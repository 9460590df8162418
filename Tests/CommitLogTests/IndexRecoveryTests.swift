import Glibc
import Model
import Records
import TestSupport
import Testing

@testable import CommitLog

/// The indexes after a power cut: of the segment that is written, nothing is synced but now and then, with a snapshot of the
/// producers. What is found by offset and by time must be right all the same, and little may be read to make it so.
@Suite struct IndexRecoveryTests {
    private let disk = SimulatedFileSystem()
    private let partition = TopicPartition("a", 0)
    private let topicID = TopicID(high: 1 << 12, low: 1 << 63)
    private static let noteBytes = 40_000
    private static let batchBytes = 1000
    private static let checkpointInterval = 40
    private static let start: Int64 = 1_700_000_000_000

    private func open(_ fileSystem: any FileSystem) throws -> (LogDirectory, PartitionLog) {
        var environment = LogEnvironment(fileSystem: fileSystem, time: ManualTime())
        environment.commitsInBackground = false
        environment.fullScanBytes = 10_000
        environment.producerNoteBytes = Self.noteBytes
        var config = LogConfig()
        config.durability = .fsync
        config.indexIntervalBytes = 2000
        config.segmentBytes = 500_000
        let directory = try LogDirectory.open(
            "/data",
            nodeID: 1,
            environment: environment,
            generator: SeededGenerator(seed: 1)
        )
        let log = try directory.openPartition(partition, topicID: topicID, config: config)
        try directory.commit([log])
        return (directory, log)
    }

    /// A power cut may leave the next segment, and zeros where the indexes of the finished one were to be.
    @Test func theIndexesOfAFinishedSegmentCountForNothingBeforeTheyAreSynced() throws {
        let fixture = try LogFixture(on: disk)
        fixture.environment.fullScanBytes = 0
        fixture.config.indexIntervalBytes = 0
        try fixture.reopen(clean: true)
        for time in [9, 8, 7] as [Int64] { try fixture.append(TestBatch(timestamps: [Self.start + time])) }
        try fixture.log.rollIfAged(always: true)
        fixture.log.abandon()
        let path = fixture.path(0, ".timeindex")
        let sound = try fixture.contents(of: path)
        #expect(!sound.isEmpty)
        try fixture.overwrite(path, with: [UInt8](repeating: 0, count: sound.count))
        try fixture.reopenAsIs(clean: false, hints: OpeningHints(recoveryPoint: Offset(3)))
        #expect(try fixture.contents(of: path) == sound)
        let found = try fixture.log.offset(forTimestamp: Timestamp(milliseconds: Self.start + 9))
        #expect(found?.offset == .zero)
    }

    private func append(_ time: Int64, to log: PartitionLog) throws {
        let value = String(repeating: "x", count: Self.batchBytes - 80)
        _ = try log.append(try TestBatch(values: [value], timestamps: [time]).bytes(now: 0))
    }

    private enum End: CaseIterable {
        case powerCut
        case scatteredPowerCut
        case cutWhileClosing
        case kill
    }

    /// Fills a log with records whose timestamps jump, the largest of all long before the checkpoint. Returns those that
    /// were durable.
    private func fill(_ end: End, seed: UInt64) throws -> [Int64] {
        var generator = SeededGenerator(seed: seed)
        let (directory, log) = try open(disk)
        var times: [Int64] = []
        let count = Int.random(in: 300..<900, using: &generator)
        let peak = Int.random(in: 0..<count, using: &generator)
        for number in 0..<count {
            let jump = Int64.random(in: -500...500, using: &generator)
            times.append(Self.start + Int64(number) * 10 + jump + (number == peak ? 5000 : 0))
            try append(times[number], to: log)
            if number % Self.checkpointInterval == 0 {
                directory.commit()
                try directory.checkpoint()
            }
        }
        try log.flush()
        try directory.checkpoint()
        for _ in 0..<3 { try append(Self.start, to: log) }
        switch end {
        case .kill: times += [Self.start, Self.start, Self.start]
        case .powerCut: disk.crash()
        case .scatteredPowerCut: disk.crash(using: generator)
        case .cutWhileClosing:
            disk.inject { operation, _ in operation == .syncAll ? EIO : nil }
            #expect(throws: LogError.self) { try directory.close() }
            disk.inject(nil)
            disk.crash(using: generator)
        }
        return times
    }

    @Test(arguments: End.allCases)
    private func whatIsFoundByOffsetAndTimeIsExact(end: End) throws {
        for seed in 0..<12 as Range<UInt64> {
            let suite = IndexRecoveryTests()
            let times = try suite.fill(end, seed: seed)
            let counting = CountingFileSystem(suite.disk)
            let (_, log) = try suite.open(counting)
            let comment = Comment("\(end), seed \(seed)")
            try #require(log.offsets.logEnd.rawValue >= Int64(times.count), comment)
            // The headers of what was appended since the last snapshot, through a window of 64 KiB, and what lies behind the
            // checkpoint, twice.
            let most = Self.noteBytes + (Self.checkpointInterval + 10) * Self.batchBytes + (64 << 10)
            #expect(counting.bytesRead(suffix: ".log") <= most, "\(comment): \(log.recovery)")
            #expect(log.recovery.scannedBytes <= 5 * Self.batchBytes, "\(comment): \(log.recovery)")
            for number in stride(from: 0, to: times.count, by: 7) {
                let found = try ReadBatch.read(log, from: Int64(number), 1, alwaysOneBatch: true, upTo: .logEnd)
                #expect(found.first?.header.baseOffset.rawValue == Int64(number), comment)
            }
            for target in stride(from: Self.start - 600, through: Self.start + 16_000, by: 97) {
                let expected = times.firstIndex { $0 >= target }.map(Int64.init)
                let found = try log.offset(forTimestamp: Timestamp(milliseconds: target))?.offset.rawValue
                // What lies behind the durable end may be there or not.
                if let expected { #expect(found == expected, "\(end), seed \(seed), from \(target) on") }
            }
        }
    }
}
