import Glibc
import Model
import TestSupport
import Testing

@testable import CommitLog

/// Few descriptors for many files.
@Suite struct OpenFilesTests {
    @Test func filesThatWereNotUsedForLongAreClosedWhenOthersAreOpened() throws {
        let scene = try Scene(logs: 10, limit: 4)
        for log in scene.logs { try scene.append(to: log) }
        for log in scene.logs { try log.flush() }
        for _ in 0..<3 {
            for log in scene.logs {
                #expect(try scene.read(log) == 1)
                #expect(scene.fileSystem.openCount <= 4 + 1)
            }
        }
    }

    @Test func aLimitThatGoesDownClosesFilesAtOnce() throws {
        let scene = try Scene(logs: 10, limit: 10)
        for log in scene.logs { try scene.append(to: log) }
        for log in scene.logs { try log.flush() }
        for log in scene.logs { #expect(try scene.read(log) == 1) }
        let before = scene.openFiles.count
        for limit in (2...8).reversed() { scene.openFiles.setLimit(limit) }
        #expect(before > 8)
        #expect(scene.openFiles.count <= 2)
        scene.openFiles.setLimit(20)
        for log in scene.logs { #expect(try scene.read(log) == 1) }
        #expect(scene.openFiles.count > 8)
    }

    @Test func aFileThatIsNotSyncedStaysOpenAndSomebodyIsToldToSyncIt() throws {
        let scene = try Scene(logs: 10, limit: 4)
        let told = Locked(0)
        scene.openFiles.addPressureHandler { told.withLock { $0 += 1 } }
        for log in scene.logs { try scene.append(to: log) }
        #expect(scene.fileSystem.openCount >= 10, "the news of a failed write would go with the descriptor")
        #expect(told.withLock { $0 } > 0)
        for log in scene.logs { try log.flush() }
        #expect(scene.openFiles.spare(10) > 0)
        #expect(scene.fileSystem.openCount == 0)
    }

    @Test func aFileThatSomebodyReadsStaysReadable() throws {
        let scene = try Scene(logs: 1, limit: 1)
        try scene.append(to: scene.logs[0])
        try scene.logs[0].flush()
        let outcome = try scene.logs[0].read(
            from: .zero,
            maximumBytes: 1000,
            alwaysOneBatch: true,
            upTo: .logEnd,
            acceptCold: true
        )
        #expect(scene.openFiles.spare(10) > 0)
        guard case .data(let found) = outcome, let slice = found.slice else {
            Issue.record("there is a batch")
            return
        }
        var bytes = [UInt8](repeating: 0, count: slice.length)
        #expect(try bytes.withUnsafeMutableBytes { try slice.file.read(into: $0, at: slice.position) } == slice.length)
    }

    @Test func withoutADescriptorLeftOthersAreClosedAndTheOperationSucceeds() throws {
        // More may stay open than there are descriptors: only what the process runs out of makes room.
        let scene = try Scene(logs: 10, limit: 1000)
        for log in scene.logs { try scene.append(to: log) }
        for log in scene.logs { try log.flush() }
        scene.fileSystem.limit = 3
        for log in scene.logs { try scene.append(to: log); try log.flush() }
        for log in scene.logs { #expect(try scene.read(log) == 2) }
    }

    @Test func anAppendThatFindsNoDescriptorFailsAloneAndTheNextOneSucceeds() throws {
        let scene = try Scene(logs: 2, limit: 1000)
        for log in scene.logs { log.releaseHandles() }
        scene.fileSystem.limit = 0
        #expect {
            try scene.append(to: scene.logs[0])
        } throws: { error in
            guard case .storage(let reason) = error as? LogError else { return false }
            return reason.isShortageOfFiles
        }
        scene.fileSystem.limit = nil
        try scene.append(to: scene.logs[0])
        #expect(try scene.read(scene.logs[0]) == 1)
    }
}

/// Some logs that share their open files.
private struct Scene {
    let simulated = SimulatedFileSystem()
    let fileSystem: CountingFileSystem
    let openFiles: OpenFiles
    let logs: [PartitionLog]

    init(logs count: Int, limit: Int) throws {
        fileSystem = CountingFileSystem(simulated)
        openFiles = OpenFiles(limit: limit)
        var environment = LogEnvironment(
            fileSystem: SparingFileSystem(fileSystem, sparing: openFiles),
            time: ManualTime()
        )
        environment.openFiles = openFiles
        try simulated.createDirectory("/logs")
        try simulated.syncDirectory("/")
        logs = try (0..<count).map { number in
            try PartitionLog.open(
                directory: "/logs/events-\(number)",
                topicPartition: TopicPartition("events", Int32(number)),
                topicID: TopicID(high: 1, low: 2),
                environment: environment,
                wasCleanShutdown: true
            )
        }
    }

    func append(to log: PartitionLog) throws {
        _ = try log.append(try TestBatch().bytes(now: log.environment.time.now.milliseconds))
    }

    /// How many records can be read.
    func read(_ log: PartitionLog) throws -> Int64 {
        var next = Offset.zero
        while next < log.offsets.logEnd {
            let outcome = try log.read(
                from: next,
                maximumBytes: 1,
                alwaysOneBatch: true,
                upTo: .logEnd,
                acceptCold: true
            )
            guard case .data(let found) = outcome, found.slice != nil else { break }
            next = next + 1
        }
        return next.rawValue
    }
}
