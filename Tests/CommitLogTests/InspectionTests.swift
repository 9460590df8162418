import CommitLog
import Model
import Records
import TestSupport
import Testing

/// What the offline tools see in files.
@Suite struct InspectionTests {
    private func elements(_ path: String, _ fileSystem: any FileSystem) throws -> [LogFileWalk.Element] {
        var walk = try LogFileWalk(path: path, fileSystem)
        var elements: [LogFileWalk.Element] = []
        while let element = try walk.next() { elements.append(element) }
        return elements
    }

    private func baseOffsets(_ elements: [LogFileWalk.Element]) -> [Int64] {
        elements.compactMap { if case .batch(let batch) = $0 { batch.header.baseOffset.rawValue } else { nil } }
    }

    private func damage(_ elements: [LogFileWalk.Element]) -> [DamagedRange] {
        elements.compactMap { if case .damage(let range) = $0 { range } else { nil } }
    }

    @Test func aDirectoryInUseIsRefusedWithTheProcess() throws {
        let fileSystem = SimulatedFileSystem()
        let environment = LogEnvironment(fileSystem: fileSystem, time: ManualTime())
        let directory = try LogDirectory.open("/logs", nodeID: 1, environment: environment)
        let error = #expect(throws: LogError.self) {
            _ = try DirectoryVerifier.verify("/logs", fileSystem: fileSystem, report: { _ in })
        }
        guard case .directoryInUse(path: "/logs", let process) = error else {
            Issue.record("it threw \(String(describing: error))")
            return
        }
        #expect(Int(process) != nil)
        try directory.close()
    }

    @Test func theWalkGoesOnBehindGarbage() throws {
        let log = try DamagedLog()
        let path = log.paths(".log")[0]
        let good = try #require(log.files[path])
        let all = baseOffsets(try elements(path, log.fileSystem))
        var bad = good
        // The second batch's length.
        guard case .batch(let second) = try elements(path, log.fileSystem)[1] else { return }
        bad[second.position.bytes + 9] = 0x7f
        try log.fixture.overwrite(path, with: bad)
        let found = try elements(path, log.fileSystem)
        #expect(baseOffsets(found) == all.filter { $0 != second.header.baseOffset.rawValue })
        #expect(damage(found).map(\.position) == [second.position])
        #expect(damage(found).map(\.length) == [second.header.totalLength])
        // Something in front of everything.
        try log.fixture.overwrite(path, with: [1, 2, 3] + good)
        #expect(baseOffsets(try elements(path, log.fileSystem)) == all)
    }

    @Test func zerosAndOldMessagesAreNamed() throws {
        let log = try DamagedLog()
        let path = log.paths(".log")[0]
        let good = try #require(log.files[path])
        // Offset, size, checksum, magic 1 and the rest of a message of Kafka 0.10.
        let old = [0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 60, 1, 2, 3, 4, 1] as [UInt8] + [UInt8](repeating: 9, count: 55)
        try log.fixture.overwrite(path, with: old + old + good + [UInt8](repeating: 0, count: 5000))
        let found = damage(try elements(path, log.fileSystem))
        #expect(found.map(\.length) == [72, 72, 5000])
        #expect(found[0].reason.contains("format 1"))
        #expect(found[2].reason.contains("zeros"))
    }

    @Test func whatLooksLikeBatchesDoesNotTakeForEver() throws {
        let fileSystem = SimulatedFileSystem()
        try fileSystem.createDirectory("/logs")
        try fileSystem.syncDirectory("/")
        let file = try fileSystem.open("/logs/00000000000000000000.log", .createNew)
        // Each position claims a batch up to the end of the file.
        let bytes = [UInt8](repeating: 2, count: 16) + [UInt8](repeating: 0, count: 8) + [0, 0, 16, 0, 0, 0, 0, 0, 2]
        let all = (0..<20_000).flatMap { _ in bytes }
        try all.withUnsafeBytes { try file.write($0, UnsafeRawBufferPointer(start: nil, count: 0), at: .zero) }
        #expect(baseOffsets(try elements("/logs/00000000000000000000.log", fileSystem)) == [])
    }

    @Test func missingOffsetsAreDamageUnlessCompactionTookThem() throws {
        let log = try DamagedLog()
        // The second segment is gone.
        for path in log.files.keys where path.hasPrefix(String(log.paths(".log")[1].dropLast(4))) {
            try log.fileSystem.remove(path)
        }
        #expect(try log.verify().map(\.part) == [.records])
        #expect(try log.verify(VerificationOptions(allowsGaps: true)) == [])
        let checkpoint = "\(log.fixture.root)/cleaner-offset-checkpoint"
        try log.fixture.overwrite(checkpoint, with: Array("0\n1\nevents 0 24\n".utf8))
        #expect(try log.verify() == [])
        try log.fixture.overwrite(checkpoint, with: Array("0\n1\nevents 0 2\n".utf8))
        #expect(try log.verify().map(\.part) == [.records])
    }

    @Test func checkpointsThatPromiseMoreThanThereIsAreFound() throws {
        let log = try DamagedLog()
        try log.fixture.overwrite(
            "\(log.fixture.root)/recovery-point-offset-checkpoint",
            with: Array("0\n1\nevents 0 25\n".utf8)
        )
        #expect(try log.verify().map(\.part) == [.records])
        try log.fixture.overwrite("\(log.fixture.root)/recovery-point-offset-checkpoint", with: Array("0\n2\nx".utf8))
        #expect(try log.verify().map(\.part) == [.metadata])
    }

    @Test func oneFileThatCannotBeReadDoesNotHideTheOthers() throws {
        let log = try DamagedLog()
        let path = log.paths(".log")[0]
        try log.fixture.overwrite(log.paths(".snapshot")[0], with: [0, 1, 2])
        log.fileSystem.inject { operation, at in operation == .read && at == path ? 5 : nil }
        #expect(try log.verify().map(\.part) == [.records, .producers])
    }

    @Test(arguments: [
        ("/a/00000000000000000042.log", InspectedFileKind.log(base: Offset(42))),
        ("copy.log", .log(base: nil)), ("00000000000000000042.index.deleted", .offsetIndex(base: Offset(42))),
        ("a-1/00000000000000000000.timeindex", .timeIndex(base: .zero)), ("x/1.snapshot", .snapshot),
        ("leader-epoch-checkpoint", .leaderEpochs), ("recovery-point-offset-checkpoint", .offsetCheckpoint),
        ("partition.metadata", .partitionMetadata), ("d/meta.properties", .metaProperties), ("x.txt", nil),
        ("00000000000000000042.txnindex", nil), ("", nil),
    ])
    func filesAreKnownByTheirNames(path: String, kind: InspectedFileKind?) {
        #expect(InspectedFileKind(path: path) == kind)
    }
}
