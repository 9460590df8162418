import CommitLog
import Glibc
import Model
import TestSupport
import Testing

@Suite struct LogDirectoryTests {
    let temporary: TemporaryDirectory
    let environment = LogEnvironment(time: ManualTime())
    let topicID = TopicID(high: 1 << 12, low: 1 << 63)

    init() throws { temporary = try TemporaryDirectory() }

    func open(_ nodeID: Int32 = 1, clusterID: String? = nil) throws -> LogDirectory {
        try LogDirectory.open(
            temporary.path + "/data",
            clusterID: clusterID,
            nodeID: nodeID,
            environment: environment,
            generator: SeededGenerator(seed: 1)
        )
    }

    @Test func aSecondProcessIsTurnedAwayWithTheNumberOfTheFirst() throws {
        let first = try open()
        #expect(throws: LogError.directoryInUse(path: first.path, processID: "\(getpid())")) { try open() }
    }

    @Test func aDirectoryOfAnotherNodeOrClusterIsRefused() throws {
        let path: String
        let cluster: String
        do {
            let directory = try open()
            (path, cluster) = ("\(directory.path)/meta.properties", directory.properties.clusterID)
            try directory.close()
        }
        #expect(throws: LogError.wrongOwner(path: path, property: "node.id", found: "1", expected: "2")) {
            try open(2)
        }
        let expected = LogError.wrongOwner(path: path, property: "cluster.id", found: cluster, expected: "other")
        #expect(throws: expected) { try open(clusterID: "other") }
        #expect(try open().properties.clusterID == cluster)
    }

    @Test func aCleanStopIsRememberedOnce() throws {
        do {
            let directory = try open()
            #expect(!directory.wasCleanShutdown)
            _ = try directory.openPartition(TopicPartition("a", 0), topicID: topicID, config: LogConfig())
            try directory.close()
        }
        do {
            let directory = try open()
            #expect(directory.wasCleanShutdown)
            #expect(directory.found == [.init(topicPartition: TopicPartition("a", 0), topicID: topicID)])
        }
        #expect(try !open().wasCleanShutdown)
    }

    @Test func partitionsThatWereNotOpenedAfterAKillKeepTheStopFromCountingAsClean() throws {
        do {
            let directory = try open()
            _ = try directory.openPartition(TopicPartition("a", 0), topicID: topicID, config: LogConfig())
        }
        do { try open().close() }
        #expect(try !open().wasCleanShutdown)
    }

    @Test func manyPartitionsKeepWhatTheyHold() throws {
        let partitions = (0..<40).map { TopicPartition("topic", Int32($0)) }
        do {
            let directory = try open()
            for (number, partition) in partitions.enumerated() {
                let log = try directory.openPartition(partition, topicID: topicID, config: LogConfig())
                for _ in 0..<number { _ = try log.append(try TestBatch().bytes(now: 1_700_000_000_000)) }
            }
            try directory.close()
        }
        let directory = try open()
        let logs = try directory.found.map { try directory.openFound($0, config: LogConfig(), thread: 0) }
        for log in logs { #expect(log.offsets.logEnd.rawValue == Int64(log.topicPartition.partition)) }
        #expect(logs.count == 40)
        try directory.close()
    }

    @Test func aDeletedPartitionIsGoneAtOnceAndItsFilesLater() throws {
        let partition = TopicPartition(String(repeating: "t", count: 249), 7)
        let directory = try open()
        let log = try directory.openPartition(partition, topicID: topicID, config: LogConfig())
        _ = try log.append(try TestBatch().bytes(now: 1_700_000_000_000))
        try directory.delete(partition)
        #expect(throws: LogError.closed(partition)) {
            try log.append(try TestBatch().bytes(now: 1_700_000_000_000))
        }
        let fileSystem = PosixFileSystem()
        #expect(try fileSystem.list(directory.path).filter { $0.hasSuffix("-delete") }.count == 1)
        try directory.removeDeleted()
        #expect(try fileSystem.list(directory.path).filter { $0.hasPrefix("ttt") }.isEmpty)
        let again = try directory.openPartition(partition, topicID: TopicID(high: 9, low: 9), config: LogConfig())
        #expect(again.offsets.logEnd == .zero)
    }

    @Test func aPartitionOfAnotherTopicOfTheSameNameIsRefused() throws {
        let partition = TopicPartition("a", 0)
        let other = TopicID(high: 2 << 12, low: 1 << 63)
        let directory = try open()
        _ = try directory.openPartition(partition, topicID: topicID, config: LogConfig())
        let expected = LogError.inconsistentTopicID(path: "\(directory.path)/a-0", found: topicID, expected: other)
        #expect(throws: expected) { try directory.openPartition(partition, topicID: other, config: LogConfig()) }
    }

    // MARK: In memory, with power cuts

    private func open(on fileSystem: SimulatedFileSystem) throws -> LogDirectory {
        try LogDirectory.open(
            "/data",
            nodeID: 1,
            environment: LogEnvironment(fileSystem: fileSystem, time: ManualTime()),
            generator: SeededGenerator(seed: 1)
        )
    }

    private func append(_ count: Int, to log: PartitionLog) throws {
        for number in 0..<count {
            _ = try log.append(try TestBatch(values: ["\(number)"]).bytes(now: 1_700_000_000_000))
        }
    }

    @Test func aCleanStopSurvivesAPowerCut() throws {
        let fileSystem = SimulatedFileSystem()
        let partitions = (0..<5).map { TopicPartition("a", Int32($0)) }
        do {
            let directory = try open(on: fileSystem)
            for (number, partition) in partitions.enumerated() {
                try append(number, to: directory.openPartition(partition, topicID: topicID, config: LogConfig()))
            }
            try directory.close()
        }
        fileSystem.crash()
        let directory = try open(on: fileSystem)
        #expect(directory.wasCleanShutdown)
        #expect(directory.found.map(\.topicPartition) == partitions)
        let logs = try directory.found.map { try directory.openFound($0, config: LogConfig(), thread: 0) }
        #expect(logs.map(\.offsets.logEnd.rawValue) == [0, 1, 2, 3, 4])
        #expect(logs.allSatisfy { $0.recovery.scannedSegments == 0 && !$0.recovery.isNoteworthy })
    }

    @Test func anIdlePartitionCostsNothingAtAStop() throws {
        let fileSystem = SimulatedFileSystem()
        do {
            let directory = try open(on: fileSystem)
            try append(3, to: directory.openPartition(TopicPartition("a", 0), topicID: topicID, config: LogConfig()))
            try directory.close()
        }
        let directory = try open(on: fileSystem)
        let log = try directory.openPartition(TopicPartition("a", 0), topicID: topicID, config: LogConfig())
        let before = [SimulatedFileSystem.Operation.write, .sync, .truncate].map { fileSystem.count(of: $0) }
        try log.close()
        #expect([.write, .sync, .truncate].map { fileSystem.count(of: $0) } == before)
    }

    @Test func afterACheckpointOnlyWhatFollowsIsLookedThrough() throws {
        let fileSystem = SimulatedFileSystem()
        let partition = TopicPartition("a", 0)
        var config = LogConfig()
        config.segmentBytes = 500
        do {
            let directory = try open(on: fileSystem)
            let log = try directory.openPartition(partition, topicID: topicID, config: config)
            try append(50, to: log)
            _ = try log.deleteRecords(before: Offset(3))
            try directory.checkpoint()
            try append(3, to: log)
        }
        let directory = try open(on: fileSystem)
        let log = try directory.openPartition(partition, topicID: topicID, config: config)
        #expect(log.offsets.logEnd == Offset(53))
        #expect(log.offsets.logStart == Offset(3))
        #expect(log.offsets.leaderEpoch == LeaderEpoch(1))
        #expect(log.recovery.scannedSegments <= 2)
        #expect(log.segmentCount > 5)
    }

    /// The first process dies before its first sync, the second one's syncs must cover what the first has made.
    @Test func aPartitionThatIsReopenedBeforeItsFirstSyncSurvivesAPowerCut() throws {
        let fileSystem = SimulatedFileSystem()
        let partition = TopicPartition("a", 0)
        do {
            let directory = try open(on: fileSystem)
            try append(1, to: directory.openPartition(partition, topicID: topicID, config: LogConfig()))
        }
        do {
            let directory = try open(on: fileSystem)
            let log = try directory.openPartition(partition, topicID: topicID, config: LogConfig())
            #expect(log.offsets.durable == Offset(1))
            try append(2, to: log)
            try log.flush()
        }
        fileSystem.crash()
        let directory = try open(on: fileSystem)
        #expect(directory.found.map(\.topicPartition) == [partition])
        let log = try directory.openPartition(partition, topicID: topicID, config: LogConfig())
        #expect(log.offsets.logEnd == Offset(3))
    }

    @Test func aFailedSyncOfWhatWasRepairedTakesTheDirectoryOutOfUse() throws {
        let fileSystem = SimulatedFileSystem()
        do {
            let directory = try open(on: fileSystem)
            try append(1, to: directory.openPartition(TopicPartition("a", 0), topicID: topicID, config: LogConfig()))
        }
        let directory = try open(on: fileSystem)
        let log = try directory.openFound(directory.found[0], config: LogConfig(), thread: 0)
        #expect(log.offsets.durable < log.offsets.logEnd)
        fileSystem.inject { operation, _ in operation == .sync || operation == .syncAll ? EIO : nil }
        #expect(throws: LogError.self) { try directory.commit([log]) }
        #expect(directory.failure != nil)
        #expect(throws: LogError.self) { try append(1, to: log) }
    }

    /// A crash may leave a directory without what says whose it is.
    @Test func directoriesWithoutANameAreTakenOutOfTheWayOrKeptIfTheyHoldRecords() throws {
        let fileSystem = SimulatedFileSystem()
        let partitions = (0..<4).map { TopicPartition("a", Int32($0)) }
        do {
            let directory = try open(on: fileSystem)
            for partition in partitions {
                try append(1, to: directory.openPartition(partition, topicID: topicID, config: LogConfig()))
            }
            // What the kernel may write back on its own: some data, and entries of any directory.
            for number in [1, 2] {
                try fileSystem.open("/data/a-\(number)/00000000000000000000.log", .existing).sync()
                try fileSystem.syncDirectory("/data/a-\(number)")
            }
            try fileSystem.syncDirectory("/data")
        }
        fileSystem.crash()
        let directory = try open(on: fileSystem)
        #expect(directory.found.isEmpty)
        #expect(directory.unnamed == partitions)
        let kept = try directory.retireUnnamed(
            except: { $0.partition == 3 },
            isDeleted: { $0.partition == 2 }
        )
        #expect(kept.count == 1)
        #expect(kept.allSatisfy { $0.hasPrefix("a-1.") && $0.hasSuffix("-stray") })
        try directory.removeDeleted()
        let left = try fileSystem.list("/data").filter { $0.hasPrefix("a-") }
        #expect(Set(left) == Set(kept + ["a-3"]))
        let log = try directory.openPartition(partitions[3], topicID: topicID, config: LogConfig())
        try append(1, to: log)
        try log.flush()
        fileSystem.crash()
        #expect(try fileSystem.list("/data/a-3").contains("partition.metadata"))
    }

    @Test func deletedPartitionsStayDeletedAfterAPowerCut() throws {
        let fileSystem = SimulatedFileSystem()
        do {
            let directory = try open(on: fileSystem)
            let log = try directory.openPartition(TopicPartition("a", 0), topicID: topicID, config: LogConfig())
            try append(3, to: log)
            try log.flush()
            try directory.delete(TopicPartition("a", 0))
        }
        fileSystem.crash()
        let directory = try open(on: fileSystem)
        #expect(directory.found.isEmpty)
        try directory.removeDeleted()
        #expect(try fileSystem.list("/data").allSatisfy { !$0.hasPrefix("a-0") })
    }
}
