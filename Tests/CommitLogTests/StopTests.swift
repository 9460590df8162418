import Model
import TestSupport
import Testing

@testable import CommitLog

/// What a stop in order leaves: everything that the next start needs, so that it reads no batches.
@Suite struct StopTests {
    private let fileSystem = SimulatedFileSystem()
    private let topicID = TopicID(high: 1 << 12, low: 1 << 63)
    private let partition = TopicPartition("a", 0)

    private func open() throws -> (LogDirectory, PartitionLog) {
        var environment = LogEnvironment(fileSystem: fileSystem, time: ManualTime())
        environment.commitsInBackground = false
        var config = LogConfig()
        config.segmentBytes = 2000
        config.indexIntervalBytes = 300
        let directory = try LogDirectory.open("/data", nodeID: 1, environment: environment)
        return (directory, try directory.openPartition(partition, topicID: topicID, config: config))
    }

    private func batch(_ number: Int) throws -> TestBatch {
        TestBatch(
            timestamps: [1_700_000_000_000 + Int64(number * 37 % 10)],
            producer: ProducerID(7),
            epoch: 0,
            sequence: Int32(number)
        )
    }

    @Test func afterAStopNothingIsLookedForAndNothingIsMissing() throws {
        for count in 1...60 {
            let suite = StopTests()
            do {
                let (directory, log) = try suite.open()
                for number in 0..<count { _ = try log.append(try batch(number).bytes(now: 0)) }
                try directory.close()
            }
            let (directory, log) = try suite.open()
            #expect(directory.wasCleanShutdown && log.recovery.scannedSegments == 0, "\(count) batches")
            #expect(log.offsets.logEnd == Offset(Int64(count)))
            for number in max(0, count - 5)..<count {
                let again = try log.append(try batch(number).bytes(now: 0))
                #expect(again.isDuplicate && again.baseOffset == Offset(Int64(number)), "\(number) of \(count) batches")
            }
            let times = try (0..<count).map { try #require(batch($0).timestamps.first) }
            for target in times {
                let found = try log.offset(forTimestamp: Timestamp(milliseconds: target))
                #expect(found?.offset.rawValue == times.firstIndex { $0 >= target }.map(Int64.init))
            }
            let largest = try log.maximumTimestamp()
            #expect(largest?.timestamp.milliseconds == times.max())
        }
    }

    @Test func whatHasNotChangedIsNotTouched() throws {
        for count in [1, 50] {
            let suite = StopTests()
            do {
                let (directory, log) = try suite.open()
                for number in 0..<count { _ = try log.append(try batch(number).bytes(now: 0)) }
                try directory.close()
            }
            let (directory, _) = try suite.open()
            let paths = Locked<[String]>([])
            suite.fileSystem.inject { _, path in
                if path.contains("/a-0") { paths.withLock { $0.append(path) } }
                return nil
            }
            try directory.close()
            #expect(paths.withLock { $0 } == [], "after \(count) batches")
        }
    }
}
