import MartletClient
import Model
import NIOCore
import Records
import Testing

@testable import MartletCLI

/// A directory that is removed with its owner.
private final class Scratch {
    var path: String { directory.path }

    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    deinit { directory.remove() }
}

@Suite struct BackupTests {
    static func record(_ offset: Int64, _ value: String?, headers: [RecordHeader] = []) -> ConsumedRecord {
        ConsumedRecord(
            topic: "t",
            partition: 0,
            offset: offset,
            timestamp: 1000 + offset,
            timestampType: .createTime,
            key: ByteBuffer(string: "k\(offset)"),
            value: value.map { ByteBuffer(string: $0) },
            headers: headers
        )
    }

    /// Writes a backup of one partition with these offsets, and returns where it is.
    private func backup(_ offsets: [Int64], to path: String, compression: Compression = .zstd) throws -> BackupManifest
    {
        let writer = try BackupWriter(path: path, created: 0)
        var files = PartitionBackup(partition: 0, compression: compression)
        var manifest = BackupManifest(
            topic: "t",
            created: 0,
            configs: ["a": "b"],
            partitions: [
                BackupManifest.Partition(index: 0, startOffset: offsets.first ?? 0, endOffset: (offsets.last ?? 0) + 1)
            ],
            groups: [BackupManifest.Group(id: "g", offsets: [0: CommittedOffset(offset: 3, metadata: "m")])]
        )
        func keep(_ part: PartitionBackup.Part?) throws {
            guard let part else { return }
            try writer.write(part.file.name, part.bytes)
            manifest.partitions[0].files.append(part.file)
        }
        for offset in offsets { try keep(try files.add(Self.record(offset, "v\(offset)"))) }
        try keep(try files.finish())
        try writer.finish(manifest)
        return manifest
    }

    private func verify(_ path: String) throws(BackupError) {
        try BackupRecords.verify(try BackupReader(path: path))
    }

    private func contents(_ path: String) throws -> [UInt8] {
        let file = try PosixFileSystem().open(path, .read)
        var bytes = [UInt8](repeating: 0, count: try file.size())
        let count = try bytes.withUnsafeMutableBytes { try file.read(into: $0, at: .zero) }
        #expect(count == bytes.count)
        return bytes
    }

    private func replace(_ path: String, _ bytes: [UInt8]) throws {
        let file = try PosixFileSystem().open(path, .existing)
        try bytes.withUnsafeBytes { try file.write($0, UnsafeRawBufferPointer(start: nil, count: 0), at: .zero) }
        try file.truncate(to: bytes.count)
    }

    @Test func anArchiveThatIsCutOffAnywhereIsRefused() throws {
        let scratch = try Scratch()
        let path = scratch.path + "/a.tar"
        _ = try backup(Array(0..<100), to: path)
        try verify(path)
        let whole = try contents(path)
        for length in stride(from: 0, to: whole.count - TarFormat.end.count, by: 97) {
            try replace(path, Array(whole.prefix(length)))
            #expect(throws: BackupError.self, "\(length) of \(whole.count) bytes") { try verify(path) }
        }
    }

    /// What a flip does not change is only how tar looks at the files: their modes, owners and times, and the padding.
    @Test func anArchiveWithAFlippedBitIsRefusedUnlessNothingWasMeantByIt() throws {
        let scratch = try Scratch()
        let path = scratch.path + "/a.tar"
        let manifest = try backup(Array(0..<20), to: path)
        let whole = try contents(path)
        var refused = 0
        for position in stride(from: 0, to: whole.count, by: 3) {
            var damaged = whole
            damaged[position] ^= 0x10
            try replace(path, damaged)
            do throws(BackupError) {
                let reader = try BackupReader(path: path)
                try BackupRecords.verify(reader)
                #expect(reader.manifest == manifest, "byte \(position)")
            } catch {
                refused += 1
            }
        }
        #expect(refused > whole.count / 12)
    }

    @Test func aDirectoryWithADamagedOrMissingFileIsRefused() throws {
        let scratch = try Scratch()
        let path = scratch.path + "/backup"
        let manifest = try backup(Array(0..<50), to: path)
        try verify(path)
        let file = path + "/" + manifest.partitions[0].files[0].name
        let whole = try contents(file)
        for position in stride(from: 0, to: whole.count, by: 13) {
            var damaged = whole
            damaged[position] ^= 1
            try replace(file, damaged)
            #expect(throws: BackupError.self) { try verify(path) }
        }
        try replace(file, Array(whole.dropLast()))
        #expect(throws: BackupError.self) { try verify(path) }
        try PosixFileSystem().remove(file)
        #expect(throws: BackupError.self) { try verify(path) }
    }

    @Test func withoutManifestItIsNoBackup() throws {
        let scratch = try Scratch()
        #expect(throws: BackupError.self) { try BackupReader(path: scratch.path) }
        #expect(throws: BackupError.self) { try BackupReader(path: scratch.path + "/missing") }
    }

    @Test func nothingIsWrittenOver() throws {
        let scratch = try Scratch()
        let path = scratch.path + "/a.tar"
        _ = try backup([0], to: path)
        #expect(throws: InputError.self) { try BackupWriter(path: path, created: 0) }
        #expect(throws: InputError.self) { try BackupWriter(path: scratch.path, created: 0) }
    }

    /// Random gaps, small and large, in every codec.
    @Test(arguments: 0..<20 as Range<UInt64>)
    func recordsComeBackWithTheirOffsets(seed: UInt64) throws {
        let scratch = try Scratch()
        var generator = SeededGenerator(seed: seed)
        var offset = Int64.random(in: 0...1000, using: &generator)
        var offsets: [Int64] = []
        for _ in 0..<500 {
            offsets.append(offset)
            offset += [1, 1, 1, 2, 50, 1 << 21, 1 << 31].randomElement(using: &generator) ?? 1
        }
        let codecs: [Compression] = [.none, .gzip, .snappy, .lz4, .zstd]
        let path = scratch.path + (seed % 2 == 0 ? "/a.tar" : "/directory")
        _ = try backup(offsets, to: path, compression: codecs[Int(seed) % codecs.count])
        let reader = try BackupReader(path: path)
        var records = BackupRecords(reader, reader.manifest.partitions[0])
        var found: [Record] = []
        for file in reader.manifest.partitions[0].files { found += try records.read(file) }
        #expect(found.map(\.offset.rawValue) == offsets, "seed \(seed)")
        #expect(found.map(\.value) == offsets.map { ByteBuffer(string: "v\($0)") })
        #expect(found.map(\.timestamp.milliseconds) == offsets.map { $0 + 1000 })
    }

    @Test func manifestsComeBack() throws {
        let scratch = try Scratch()
        let manifest = try backup([5, 6, 9], to: scratch.path + "/a")
        #expect(try BackupReader(path: scratch.path + "/a").manifest == manifest)
        #expect(manifest.records == 3)
    }

    @Test(arguments: [
        "", "{}", #"{"format":"x","version":1}"#, #"{"format":"martlet-topic-backup","version":2}"#,
        #"{"format":"martlet-topic-backup","version":1,"topic":"t","created":0,"configs":{},"partitions":[],"groups":[]}"#,
        #"{"format":"martlet-topic-backup","version":1,"topic":"t","created":0,"configs":{},"groups":[],"#
            + #""partitions":[{"partition":1,"start_offset":0,"end_offset":0,"files":[]}]}"#,
        #"{"format":"martlet-topic-backup","version":1,"topic":"t","created":0,"configs":{},"groups":[],"#
            + #""partitions":[{"partition":0,"start_offset":5,"end_offset":4,"files":[]}]}"#,
        #"{"format":"martlet-topic-backup","version":1,"topic":"t","created":0,"configs":{},"#
            + #""partitions":[{"partition":0,"start_offset":0,"end_offset":0,"files":[]}],"#
            + #""groups":[{"group":"g","offsets":[{"partition":1,"offset":1,"metadata":""}]}]}"#,
    ])
    func manifestsThatCannotBeTrueAreRefused(text: String) {
        #expect(throws: BackupError.self) { try BackupManifest(parsing: Array(text.utf8)) }
    }
}

@Suite struct OffsetTranslationTests {
    @Test func withoutGapsFromZeroNothingChanges() {
        var translation = OffsetTranslation(wanted: [0, 3, 5, 99])
        for offset in 0..<5 as Range<Int64> { translation.add(offset) }
        #expect(translation.isIdentity)
        #expect([0, 3, 5, 99].map(translation.new) == [0, 3, 5, 5])
    }

    @Test func gapsMoveWhatFollows() {
        var translation = OffsetTranslation(wanted: [0, 10, 12, 15, 20, 21])
        for offset in [10, 11, 15, 20] as [Int64] { translation.add(offset) }
        #expect(!translation.isIdentity)
        #expect([0, 10, 12, 15, 20, 21].map(translation.new) == [0, 0, 2, 2, 3, 4])
        #expect(translation.text == "offsets changed: 10-11 now from 0, 15-15 now from 2, 20-20 now from 3")
    }

    @Test func manyStretchesAreCounted() {
        var translation = OffsetTranslation()
        for offset in stride(from: 0, to: 100, by: 2) as StrideTo<Int64> { translation.add(offset) }
        #expect(translation.runs.count == 10)
        #expect(translation.runCount == 50)
        #expect(translation.text.hasSuffix("and 40 stretches more"))
    }
}
