import Model
import TestSupport
import Testing

@testable import CommitLog

/// An index whose last entries wait in memory.
@Suite struct IndexFileTests {
    private let path = "/index/00000000000000000000.index"

    private func index(on fileSystem: any FileSystem, count: Int? = 0) -> IndexFile {
        IndexFile(path: path, entrySize: 8, fileSystem: fileSystem, openFiles: nil, count: count)
    }

    private func entry(_ number: Int) -> [UInt8] { [UInt8](repeating: UInt8(number & 255), count: 8) }

    private func fileSystem() throws -> CountingFileSystem {
        let fileSystem = CountingFileSystem(SimulatedFileSystem())
        try fileSystem.createDirectory("/index")
        return fileSystem
    }

    @Test(arguments: [false, true])
    func whatWaitsInMemoryIsFoundAsWhatIsInTheFile(mapped: Bool) throws {
        let fileSystem = try fileSystem()
        let index = index(on: fileSystem)
        for number in 0..<100 {
            if number % 30 == 7 { try index.flush() }
            try index.append(entry(number))
            let view = try index.view(mapped: mapped, capacity: 4096)
            #expect(view.count == number + 1)
            for sought in 0...number {
                #expect(try view.withEntry(sought) { Array($0) } == entry(sought))
            }
            #expect(try view.last { $0[0] <= UInt8(number / 2) } == number / 2)
        }
        #expect(try index.contents() == (0..<100).flatMap(entry))
    }

    @Test func whatWaitsIsKeptWhenTheFileIsClosedAndWrittenByATrim() throws {
        let fileSystem = try fileSystem()
        let index = index(on: fileSystem)
        for number in 0..<5 { try index.append(entry(number)) }
        index.release()
        #expect(try index.contents() == (0..<5).flatMap(entry))
        #expect(fileSystem.writes(suffix: ".index") == 0)
        try index.trim()
        #expect(try self.index(on: fileSystem, count: nil).contents() == (0..<5).flatMap(entry))
    }

    @Test func entriesAreWrittenTogether() throws {
        let fileSystem = CountingFileSystem(SimulatedFileSystem())
        var config = LogConfig()
        config.indexIntervalBytes = 0
        let fixture = try LogFixture(config: config, on: fileSystem)
        let before = fileSystem.writes(suffix: ".log")
        for _ in 0..<1000 { try fixture.append() }
        #expect(fileSystem.writes(suffix: ".log") - before == 1000)
        #expect(fileSystem.writes(suffix: "index") <= 2 * (1000 / 32 + 1))
        // After a kill those that waited are made again from the batches.
        try fixture.reopen(clean: false)
        let index = "\(fixture.directory)/\(LogFileNames.name(.zero, LogFileNames.offsetIndex))"
        #expect(try SmallFile.read(index, limit: 1 << 20, fileSystem)?.count == 999 * 8)
    }
}
