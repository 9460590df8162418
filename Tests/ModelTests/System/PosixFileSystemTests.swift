import Foundation
import Model
import Testing

/// The machine's files behind the seam. Each test has a directory of its own, removed in the end.
final class PosixFileSystemTests {
    private let fileSystem = PosixFileSystem()
    private let directory: String

    init() throws {
        directory = FileManager.default.temporaryDirectory.appending(path: "martlet-model-\(UUID())").path()
        try fileSystem.createDirectory(directory)
    }

    deinit {
        do { try fileSystem.removeTree(directory) } catch { Issue.record(error) }
    }

    private func path(_ name: String) -> String { "\(directory)/\(name)" }

    private func write(_ head: String, _ tail: String = "", to file: any File, at position: Int = 0) throws {
        try Array(head.utf8).withUnsafeBytes { headBytes in
            try Array(tail.utf8).withUnsafeBytes { tailBytes in
                try file.write(headBytes, tailBytes, at: FilePosition(position))
            }
        }
    }

    private func read(_ file: any File, at position: Int = 0, count: Int) throws -> String {
        var bytes = [UInt8](repeating: 0, count: count)
        let done = try bytes.withUnsafeMutableBytes { try file.read(into: $0, at: FilePosition(position)) }
        return String(decoding: bytes.prefix(done), as: UTF8.self)
    }

    // MARK: What goes wrong

    /// Mounts something of its own, which only root may.
    @Test(.enabled(if: geteuid() == 0)) func whatIsOnAReadOnlyDiskCanBeReadAndNotWritten() throws {
        guard mount("tmpfs", directory, "tmpfs", 0, "size=1m") == 0 else { return #expect(errno == EPERM) }
        defer { umount2(directory, CInt(MNT_DETACH)) }
        try write("value", to: fileSystem.open(path("file"), .createNew))
        #expect(mount("", directory, "", UInt(MS_REMOUNT | MS_RDONLY), "size=1m") == 0)
        let file = try fileSystem.open(path("file"), .existing)
        #expect(try read(file, count: 5) == "value")
        #expect { try self.write("other", to: file) } throws: { ($0 as? FileError)?.code == EROFS }
        #expect { try file.truncate(to: 0) } throws: { ($0 as? FileError)?.code == EROFS }
        #expect { try self.fileSystem.open(self.path("new"), .createIfMissing) } throws: {
            ($0 as? FileError)?.code == EROFS
        }
    }

    @Test func openingSaysWhatWasTriedAndWhy() {
        let missing = path("missing")
        #expect(throws: FileError("open", missing, code: ENOENT)) { try fileSystem.open(missing, .existing) }
        #expect(throws: FileError("open", missing, code: ENOENT)) { try fileSystem.open(missing, .read) }
        let error = FileError("open", "/x", code: ENOENT)
        #expect(error.description == "cannot open /x: No such file or directory")
    }

    @Test func aNewFileMustNotExist() throws {
        _ = try fileSystem.open(path("a"), .createNew)
        #expect(throws: FileError("open", path("a"), code: EEXIST)) { try fileSystem.open(path("a"), .createNew) }
    }

    @Test func aFileOpenedForReadingIsNotWritten() throws {
        _ = try fileSystem.open(path("a"), .createNew)
        let file = try fileSystem.open(path("a"), .read)
        #expect(throws: FileError("write", path("a"), code: EBADF)) { try write("x", to: file) }
    }

    @Test func directoriesBelowAFileAreRefused() throws {
        _ = try fileSystem.open(path("a"), .createNew)
        #expect(throws: FileError.self) { try fileSystem.createDirectory(path("a/b")) }
        #expect(throws: FileError.self) { try fileSystem.list(path("a")) }
        #expect(throws: FileError.self) { try fileSystem.syncDirectory(path("missing")) }
        #expect(throws: FileError.self) { try fileSystem.rename(path("missing"), to: path("b")) }
    }

    // MARK: Files

    @Test func twoVectorsAreWrittenOneAfterTheOther() throws {
        let file = try fileSystem.open(path("a"), .createIfMissing)
        try write("head", "tail", to: file)
        try write("HE", "AD", to: file)
        try write("", "!", to: file, at: 8)
        try write("?", "", to: file, at: 9)
        #expect(try file.size() == 10)
        #expect(try read(file, count: 100) == "HEADtail!?")
        #expect(try read(file, at: 4, count: 4) == "tail")
        #expect(try read(file, at: 10, count: 4) == "")
        try file.sync()
    }

    /// More than the kernel takes in one call of a pipe or socket; a file takes it in one or in several.
    @Test func largeWritesAreComplete() throws {
        let file = try fileSystem.open(path("a"), .createIfMissing)
        let head = [UInt8](repeating: 1, count: 3 << 20)
        let tail = [UInt8](repeating: 2, count: 5 << 20)
        try head.withUnsafeBytes { headBytes in
            try tail.withUnsafeBytes { try file.write(headBytes, $0, at: FilePosition(7)) }
        }
        #expect(try file.size() == 7 + (8 << 20))
        var bytes = [UInt8](repeating: 9, count: 8 << 20)
        let count = try bytes.withUnsafeMutableBytes { try file.read(into: $0, at: FilePosition(7)) }
        #expect(count == bytes.count)
        #expect(bytes == head + tail)
    }

    @Test func truncatingShortensAndLengthens() throws {
        let file = try fileSystem.open(path("a"), .createIfMissing)
        try write("0123456789", to: file)
        try file.truncate(to: 4)
        #expect(try read(file, count: 10) == "0123")
        try file.truncate(to: 6)
        #expect(try read(file, count: 10) == "0123\0\0")
    }

    @Test func reservingLeavesTheSizeAlone() throws {
        let file = try fileSystem.open(path("a"), .createIfMissing)
        try write("abc", to: file)
        try file.reserve(from: FilePosition(3), length: 1 << 20)
        #expect(try file.size() == 3)
    }

    @Test func aMappingSeesLaterWrites() throws {
        let file = try fileSystem.open(path("a"), .createIfMissing)
        let mapping = try file.map(capacity: 1 << 20)
        #expect(mapping.bytes.count == 1 << 20)
        try write("first", to: file)
        #expect(mapping.bytes.prefix(5).elementsEqual("first".utf8))
        try write("second", to: file, at: 100_000)
        #expect(mapping.bytes[100_000..<100_006].elementsEqual("second".utf8))
        try fileSystem.remove(path("a"))
        #expect(mapping.bytes.prefix(5).elementsEqual("first".utf8), "a removed file stays readable")
    }

    @Test func whatWasJustWrittenIsResident() throws {
        let file = try fileSystem.open(path("a"), .createIfMissing)
        let length = 3 * 4096 + 5
        try write(String(repeating: "x", count: length), to: file)
        let mapping = try file.map(capacity: 1 << 20)
        // Touched, so that it is resident whatever the file system is.
        #expect(mapping.bytes.prefix(length).allSatisfy { $0 == UInt8(ascii: "x") })
        #expect(mapping.isResident(from: .zero, length: length))
        #expect(mapping.isResident(from: FilePosition(4095), length: 2))
        #expect(mapping.isResident(from: FilePosition(length), length: 0))
    }

    @Test func whatIsNotInThePageCacheIsNotReadFromThere() throws {
        let file = try fileSystem.open(path("a"), .createIfMissing)
        let length = 1 << 20
        try write(String(repeating: "x", count: length), to: file)
        try file.sync()
        var bytes = [UInt8](repeating: 0, count: 100)
        func readCached(at position: Int) throws -> Int? {
            try bytes.withUnsafeMutableBytes { try file.readCached(into: $0, at: FilePosition(position)) }
        }
        guard let descriptor = file.descriptor, posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED) == 0 else {
            return
        }
        // A file system in memory never evicts; then there is nothing to see.
        guard !file.isCached(from: .zero, length: length) else { return }
        #expect(try readCached(at: length / 2) == nil)
        #expect(try read(file, count: length).count == length)
        #expect(file.isCached(from: .zero, length: length))
        #expect(try readCached(at: length / 2) == 100)
        #expect(bytes.allSatisfy { $0 == UInt8(ascii: "x") })
    }

    @Test func whatWasJustWrittenCanBeReadWithoutTheDisk() throws {
        let file = try fileSystem.open(path("a"), .createIfMissing)
        try write("0123456789", to: file)
        var bytes = [UInt8](repeating: 0, count: 100)
        func readCached(at position: Int) throws -> Int? {
            try bytes.withUnsafeMutableBytes { try file.readCached(into: $0, at: FilePosition(position)) }
        }
        #expect(try readCached(at: 10) == 0, "nothing lies behind the end")
        #expect(try readCached(at: 4) == 6, "no more than there is")
        #expect(bytes.prefix(6).elementsEqual("456789".utf8))
        #expect(file.isCached(from: .zero, length: 10))
        #expect(file.isCached(from: FilePosition(3), length: 0))
    }

    // MARK: Directories

    @Test func directoriesAreCreatedWithThoseAbove() throws {
        try fileSystem.createDirectory(path("a/b/c"))
        try fileSystem.createDirectory(path("a/b/c"))
        #expect(try fileSystem.exists(path("a/b/c")))
        #expect(try fileSystem.list(path("a")) == ["b"])
        #expect(try fileSystem.list(path("a/b/c")) == [])
        try fileSystem.syncDirectory(path("a"))
    }

    @Test func renamingReplacesAFile() throws {
        try write("old", to: fileSystem.open(path("old"), .createNew))
        try write("new", to: fileSystem.open(path("new"), .createNew))
        try fileSystem.rename(path("new"), to: path("old"))
        #expect(try fileSystem.list(directory) == ["old"])
        #expect(try read(fileSystem.open(path("old"), .read), count: 10) == "new")
    }

    @Test func removingIsDoneOnceAndAsked() throws {
        _ = try fileSystem.open(path("a"), .createNew)
        try fileSystem.remove(path("a"))
        try fileSystem.remove(path("a"))
        #expect(try !fileSystem.exists(path("a")))
    }

    @Test func treesAreRemovedWithoutFollowingLinks() throws {
        try fileSystem.createDirectory(path("kept"))
        _ = try fileSystem.open(path("kept/file"), .createNew)
        try fileSystem.createDirectory(path("tree/inner"))
        _ = try fileSystem.open(path("tree/inner/file"), .createNew)
        try FileManager.default.createSymbolicLink(atPath: path("tree/link"), withDestinationPath: path("kept"))
        try fileSystem.removeTree(path("tree"))
        try fileSystem.removeTree(path("tree"))
        #expect(try fileSystem.list(directory) == ["kept"])
        #expect(try fileSystem.exists(path("kept/file")))
    }
}
