import CommitLog
import Model
import NIOCore
import TestSupport
import Testing

@testable import Broker

/// The catalogue of a broker on its own: conditions, revisions, and what survives.
struct EmbeddedCatalogueTests {
    private let fileSystem = SimulatedFileSystem()
    private let time = ManualTime()

    private func directory(_ fileSystem: SimulatedFileSystem) throws -> LogDirectory {
        try LogDirectory.open("/data", nodeID: 1, environment: LogEnvironment(fileSystem: fileSystem, time: time))
    }

    private func open(_ fileSystem: SimulatedFileSystem) throws -> (EmbeddedCatalogue, LogDirectory) {
        let directory = try directory(fileSystem)
        let environment = LogEnvironment(fileSystem: fileSystem, time: time)
        return (try EmbeddedCatalogue.open(in: directory, environment: environment), directory)
    }

    private func put(_ key: String, _ value: String) -> CatalogueChange {
        CatalogueChange(key: key, value: ByteBuffer(string: value))
    }

    private func remove(_ key: String) -> CatalogueChange { CatalogueChange(key: key, value: nil) }

    private func unchanged(_ key: String, since revision: CatalogueRevision) -> CatalogueCondition {
        CatalogueCondition(key: key, revision: revision)
    }

    private func values(_ catalogue: EmbeddedCatalogue) throws -> [String: String] {
        try catalogue.load().entries.mapValues { String(buffer: $0.value) }
    }

    // MARK: Conditions

    @Test func aChangeOfWhatSomebodyElseChangedIsAConflict() throws {
        let (catalogue, _) = try open(fileSystem)
        let first = try catalogue.commit([put("a", "1")], ifUnchanged: [unchanged("a", since: .never)])
        let second = try catalogue.commit([put("a", "2")], ifUnchanged: [unchanged("a", since: first)])
        for stale in [.never, first, CatalogueRevision(second.value + 1)] {
            #expect(throws: CatalogueError.conflict(key: "a")) {
                try catalogue.commit([put("a", "3"), put("b", "3")], ifUnchanged: [unchanged("a", since: stale)])
            }
        }
        #expect(try values(catalogue) == ["a": "2"])
        #expect(try catalogue.load().revision == second)
    }

    @Test func oneConditionThatDoesNotHoldStopsTheWholeCommit() throws {
        let (catalogue, _) = try open(fileSystem)
        let revision = try catalogue.commit([put("a", "1")], ifUnchanged: [])
        #expect(throws: CatalogueError.conflict(key: "b")) {
            try catalogue.commit(
                [put("a", "2")],
                ifUnchanged: [unchanged("a", since: revision), unchanged("b", since: revision)]
            )
        }
        #expect(try values(catalogue) == ["a": "1"])
    }

    @Test func aRemovedKeyCanBeMadeAgainAsNew() throws {
        let (catalogue, _) = try open(fileSystem)
        let first = try catalogue.commit([put("a", "1")], ifUnchanged: [])
        try #require(try catalogue.commit([remove("a")], ifUnchanged: [unchanged("a", since: first)]) > first)
        #expect(throws: CatalogueError.conflict(key: "a")) {
            try catalogue.commit([put("a", "2")], ifUnchanged: [unchanged("a", since: first)])
        }
        _ = try catalogue.commit([put("a", "2")], ifUnchanged: [unchanged("a", since: .never)])
        #expect(try values(catalogue) == ["a": "2"])
    }

    @Test func revisionsGrowWithEveryChangeAndTellWhoMadeIt() throws {
        let (catalogue, _) = try open(fileSystem)
        let first = try catalogue.commit([put("a", "1"), put("b", "1")], ifUnchanged: [])
        let second = try catalogue.commit([put("b", "2")], ifUnchanged: [])
        #expect(CatalogueRevision.never < first && first < second)
        let contents = try catalogue.load()
        #expect(contents.revision == second)
        #expect(contents.entries["b"]?.revision == second)
        let revision = try #require(contents.entries["a"]).revision
        #expect(revision < second && revision > .never)
    }

    @Test func aCommitOfNothingChangesNothing() throws {
        let (catalogue, _) = try open(fileSystem)
        let revision = try catalogue.commit([put("a", "1")], ifUnchanged: [])
        #expect(try catalogue.commit([], ifUnchanged: [unchanged("a", since: revision)]) == revision)
        #expect(throws: CatalogueError.conflict(key: "a")) {
            try catalogue.commit([], ifUnchanged: [unchanged("a", since: .never)])
        }
    }

    // MARK: What survives

    @Test func everythingIsThereAgainAfterAStopAndAfterAPowerCut() throws {
        let (catalogue, directory) = try open(fileSystem)
        for number in 0..<20 {
            _ = try catalogue.commit([put("key\(number % 7)", "\(number)"), put("last", "\(number)")], ifUnchanged: [])
        }
        _ = try catalogue.commit([remove("key3"), put("empty", "")], ifUnchanged: [])
        let before = try catalogue.load()
        let cut = fileSystem.copy()
        cut.crash()
        try directory.close()
        for data in [cut, fileSystem.copy()] {
            let (again, _) = try open(data)
            let contents = try again.load()
            #expect(contents.entries == before.entries)
            #expect(contents.revision == before.revision)
            let entry = try #require(contents.entries["last"])
            _ = try again.commit([put("last", "x")], ifUnchanged: [unchanged("last", since: entry.revision)])
        }
    }

    /// A commit is one batch: whole or not at all.
    @Test func aCommitThatTheDiskDoesNotTakeIsNotThereEvenInPart() throws {
        let (catalogue, _) = try open(fileSystem)
        _ = try catalogue.commit([put("a", "1")], ifUnchanged: [])
        for free in 0..<200 {
            fileSystem.limit(freeBytes: free)
            do {
                _ = try catalogue.commit([put("a", "2"), put("b", "2")], ifUnchanged: [])
                break
            } catch {
                #expect(try values(catalogue) == ["a": "1"])
                let (again, _) = try open(fileSystem.copy())
                #expect(try values(again) == ["a": "1"], "\(free) bytes free")
            }
        }
        fileSystem.limit(freeBytes: nil)
        _ = try catalogue.commit([put("a", "2"), put("b", "2")], ifUnchanged: [])
        #expect(try values(catalogue) == ["a": "2", "b": "2"])
    }

    @Test func aCommitThatMayNotBeDurableIsAnErrorAndTheCatalogueTakesNoMoreUntilItIsOpenedAgain() throws {
        let (catalogue, _) = try open(fileSystem)
        _ = try catalogue.commit([put("a", "1")], ifUnchanged: [])
        fileSystem.inject { operation, _ in operation == .sync ? 5 : nil }
        #expect(throws: CatalogueError.self) { try catalogue.commit([put("a", "2")], ifUnchanged: []) }
        fileSystem.inject(nil)
        #expect(throws: CatalogueError.self) { try catalogue.commit([put("a", "3")], ifUnchanged: []) }
        #expect(try values(catalogue) == ["a": "1"])
        let (again, _) = try open(fileSystem.copy())
        _ = try again.commit([put("a", "4")], ifUnchanged: [])
        #expect(try values(again) == ["a": "4"])
    }

    // MARK: Damage

    private static let logPath = "/data/__martlet_catalogue-0/00000000000000000000.log"

    /// After a clean stop nobody else would look at the checksums.
    @Test func noDamagedByteIsTakenForWhatWasStored() throws {
        let (catalogue, directory) = try open(fileSystem)
        for number in 0..<3 { _ = try catalogue.commit([put("key\(number)", "value\(number)")], ifUnchanged: []) }
        let good = try values(catalogue)
        try directory.close()
        let size = try fileSystem.open(Self.logPath, .read).size()
        for position in 0..<size {
            let damaged = fileSystem.copy()
            try flip(position, in: damaged)
            do {
                let (again, _) = try open(damaged)
                let found = try values(again)
                // A base offset or leader epoch is not under the checksum, and says nothing about the values.
                let isPrefix = found.allSatisfy { good[$0.key] == $0.value }
                #expect(isPrefix, "byte \(position)")
            } catch is CatalogueError {
            } catch is LogError {}
        }
    }

    private func flip(_ position: Int, in fileSystem: SimulatedFileSystem) throws {
        let file = try fileSystem.open(Self.logPath, .existing)
        var byte: [UInt8] = [0]
        _ = try byte.withUnsafeMutableBytes { try file.read(into: $0, at: FilePosition(position)) }
        byte[0] ^= 0x11
        try byte.withUnsafeBytes { bytes in
            try file.write(bytes, UnsafeRawBufferPointer(start: nil, count: 0), at: FilePosition(position))
        }
    }
}
