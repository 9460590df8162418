import Model
import TestSupport
import Testing

/// The rule that no event loop waits for a disk.
@Suite struct DiskWaitsTests {
    @Test func aSyncOfAFileOnAnEventLoopEndsTheProcess() async {
        await #expect(processExitsWith: .failure) {
            let directory = try TemporaryDirectory()
            let file = try PosixFileSystem().open("\(directory.path)/file", .createNew)
            DiskWaits.forbidOnThisThread()
            try file.sync()
        }
    }

    @Test func aSyncOfADirectoryOnAnEventLoopEndsTheProcess() async {
        await #expect(processExitsWith: .failure) {
            let directory = try TemporaryDirectory()
            try DiskWaits.forbidden { try PosixFileSystem().syncDirectory(directory.path) }
        }
    }

    @Test func aSyncOfAllOnAnEventLoopEndsTheProcess() async {
        await #expect(processExitsWith: .failure) {
            let fileSystem = SimulatedFileSystem()
            try DiskWaits.forbidden { try fileSystem.syncAll("/") }
        }
    }

    @Test func aBrokerInUseReportsItAndGoesOn() async {
        await #expect(processExitsWith: .success) {
            let directory = try TemporaryDirectory()
            let reported = Locked<[String]>([])
            DiskWaits.report { path in reported.withLock { $0.append(path) } }
            try DiskWaits.forbidden { try PosixFileSystem().syncDirectory(directory.path) }
            #expect(reported.withLock { $0 } == [directory.path])
        }
    }

    @Test func whatIsNoEventLoopMayWait() throws {
        let directory = try TemporaryDirectory()
        let file = try PosixFileSystem().open("\(directory.path)/file", .createNew)
        DiskWaits.forbidden {}
        try file.sync()
        try PosixFileSystem().syncDirectory(directory.path)
    }
}
