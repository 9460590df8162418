import Model
import TestSupport
import Testing

@testable import CommitLog

/// Opening the partitions that were there at the start.
@Suite struct OpeningTests {
    private let topicID = TopicID(high: 1 << 12, low: 1 << 63)
    private let partitions = (0..<3).map { TopicPartition("events", Int32($0)) }

    private func open(_ fileSystem: SimulatedFileSystem) throws -> LogDirectory {
        try LogDirectory.open(
            "/data",
            nodeID: 1,
            environment: LogEnvironment(fileSystem: fileSystem, time: ManualTime()),
            generator: SeededGenerator(seed: 1)
        )
    }

    /// A directory with three partitions as a kill has left it.
    private func killed() throws -> SimulatedFileSystem {
        let fileSystem = SimulatedFileSystem()
        let directory = try open(fileSystem)
        for partition in partitions {
            let log = try directory.openPartition(partition, topicID: topicID, config: LogConfig())
            _ = try log.append(try TestBatch().bytes(now: 1_700_000_000_000))
        }
        return fileSystem.copy()
    }

    /// What a start leaves that dies while it is opening `victim`, after all others.
    private func death(of victim: TopicPartition, _ fileSystem: SimulatedFileSystem) throws -> SimulatedFileSystem {
        let directory = try open(fileSystem)
        for found in directory.found where found.topicPartition != victim {
            _ = try directory.openFound(found, config: LogConfig(), thread: 0)
        }
        directory.journal.begin(victim, thread: 1)
        return fileSystem.copy()
    }

    @Test func aPartitionOfWhichThreeStartsDiedIsLeftAloneAndTheOthersAreOpened() throws {
        var fileSystem = try killed()
        for number in 0..<OpeningJournal.maximumDeaths {
            let directory = try open(fileSystem)
            #expect(directory.isSuspect(partitions[1]) == (number > 0))
            directory.release()
            fileSystem = try death(of: partitions[1], fileSystem)
        }
        let directory = try open(fileSystem)
        for found in directory.found {
            guard found.topicPartition == partitions[1] else {
                #expect(!directory.isSuspect(found.topicPartition))
                #expect(try directory.openFound(found, config: LogConfig(), thread: 0).offsets.logEnd == Offset(1))
                continue
            }
            #expect {
                try directory.openFound(found, config: LogConfig(), thread: 0)
            } throws: { error in
                guard case .quarantined(partitions[1], starts: 3, _) = error as? LogError else { return false }
                return (error as? LogError)?.errorCode == .kafkaStorageError
            }
        }
        directory.release()
        // As the error says.
        try fileSystem.remove("/data/\(OpeningJournal.failuresName)")
        let again = try open(fileSystem)
        for found in again.found { _ = try again.openFound(found, config: LogConfig(), thread: 0) }
    }

    @Test func aPartitionThatIsOpenedInTheEndIsNoLongerSuspect() throws {
        var fileSystem = try killed()
        for _ in 0..<2 { fileSystem = try death(of: partitions[2], fileSystem) }
        do {
            let directory = try open(fileSystem)
            #expect(directory.isSuspect(partitions[2]))
            for found in directory.found { _ = try directory.openFound(found, config: LogConfig(), thread: 0) }
            directory.finishOpening()
            directory.release()
        }
        #expect(try !fileSystem.exists("/data/\(OpeningJournal.failuresName)"))
        #expect(try !fileSystem.exists("/data/\(OpeningJournal.notesName)"))
        fileSystem = try death(of: partitions[2], fileSystem.copy())
        let directory = try open(fileSystem)
        for found in directory.found { _ = try directory.openFound(found, config: LogConfig(), thread: 0) }
    }

    @Test func aDeletedPartitionIsNoLongerSuspect() throws {
        var fileSystem = try killed()
        for _ in 0..<3 { fileSystem = try death(of: partitions[0], fileSystem) }
        let directory = try open(fileSystem)
        try directory.delete(partitions[0])
        #expect(!directory.isSuspect(partitions[0]))
        let found = directory.found[0]
        #expect(throws: LogError.closed(partitions[0])) {
            try directory.openFound(found, config: LogConfig(), thread: 0)
        }
        #expect(try !fileSystem.exists("/data/\(partitions[0])"))
    }

    @Test(arguments: ["", "\u{0}\u{ff}", "events-1", "\n\n  events-1 \n nonsense ../.. events-99999999999\n"])
    func whateverTheNotesHoldTheDirectoryOpens(notes: String) throws {
        let fileSystem = try killed()
        for name in [OpeningJournal.notesName, OpeningJournal.failuresName] {
            try SmallFile.write(Array(notes.utf8), to: "/data/\(name)", fileSystem, synced: false)
        }
        let directory = try open(fileSystem)
        #expect(directory.isSuspect(partitions[1]) == notes.contains("events-1"))
        for found in directory.found { _ = try directory.openFound(found, config: LogConfig(), thread: 0) }
    }

    @Test func aPartitionOfWhichMuchHasToBeReadIsPutOffAndOpenedWithoutLossLater() throws {
        let directory = try open(try killed())
        let found = directory.found[0]
        for _ in 0..<4 {
            #expect {
                try directory.openFound(found, config: LogConfig(), thread: 0, maximumScan: 10)
            } throws: { error in
                guard case .opening(partitions[0], let bytes) = error as? LogError else { return false }
                return bytes > 60 && (error as? LogError)?.errorCode == .notLeaderOrFollower
            }
        }
        #expect(try directory.openFound(found, config: LogConfig(), thread: 0).offsets.logEnd == Offset(1))
    }

    @Test func whatRecoveryFindsInOrderIsNotWrittenAnew() throws {
        let fileSystem = try killed()
        do {
            let directory = try open(fileSystem)
            for found in directory.found { _ = try directory.openFound(found, config: LogConfig(), thread: 0) }
            try directory.checkpoint()
            for log in directory.logs { try log.flush() }
            try directory.checkpoint()
        }
        let again = fileSystem.copy()
        let directory = try open(again)
        let before = [SimulatedFileSystem.Operation.sync, .syncAll].map { again.count(of: $0) }
        for found in directory.found { _ = try directory.openFound(found, config: LogConfig(), thread: 0) }
        #expect([.sync, .syncAll].map { again.count(of: $0) } == before, "what was durable is not synced again")
    }
}
