import Model
import TestSupport
import Testing

@testable import CommitLog

/// Damage in the small files: it is noticed, an older copy takes over, and no record is lost for it.
@Suite struct MetadataDamageTests {
    private let fileSystem = SimulatedFileSystem()
    private let partition = TopicPartition("a", 0)
    private let topicID = TopicID(high: 1 << 12, low: 1 << 63)

    private func open() throws -> LogDirectory {
        try LogDirectory.open(
            "/data",
            nodeID: 1,
            environment: LogEnvironment(fileSystem: fileSystem, time: ManualTime()),
            generator: SeededGenerator(seed: 1)
        )
    }

    private func openLog(_ directory: LogDirectory) throws -> PartitionLog {
        try directory.openPartition(partition, topicID: topicID, config: LogConfig())
    }

    private func append(_ count: Int, to log: PartitionLog) throws {
        for _ in 0..<count { _ = try log.append(try TestBatch().bytes(now: 1_700_000_000_000)) }
        try log.flush()
    }

    private func contents(of path: String) throws -> [UInt8] {
        let file = try fileSystem.open(path, .read)
        var bytes = [UInt8](repeating: 0, count: try file.size())
        _ = try bytes.withUnsafeMutableBytes { try file.read(into: $0, at: .zero) }
        return bytes
    }

    /// Flips a bit in the middle of a file.
    private func damage(_ path: String) throws {
        let bytes = try contents(of: path)
        let position = bytes.count / 2
        try [bytes[position] ^ 4].withUnsafeBytes {
            try fileSystem.open(path, .existing).write(
                $0,
                UnsafeRawBufferPointer(start: nil, count: 0),
                at: FilePosition(position)
            )
        }
    }

    // MARK: Texts

    @Test func everyFlippedBitOfAChecksummedTextIsNoticedOrHarmless() throws {
        var epochs = LeaderEpochs()
        for number in 0..<3 as Range<Int32> { _ = epochs.assign(LeaderEpoch(number), at: Offset(Int64(number) * 1204)) }
        let metadata = PartitionMetadata(topicID: topicID)
        let properties = MetaProperties(clusterID: "MkU3OEVBNTcwNTJENDM2Qk", nodeID: 1, directoryID: topicID)
        try everyFlip(epochs.checkpoint.sealed) { try LeaderEpochs(TextCheckpoint($0, path: "x"), path: "x") == epochs }
        try everyFlip(metadata.text) { try PartitionMetadata($0, path: "x") == metadata }
        try everyFlip(properties.text) { try MetaProperties($0, path: "x") == properties }
    }

    /// `isSame` throws, or says whether the text means what it meant before.
    private func everyFlip(_ text: String, _ isSame: (String) throws -> Bool) throws {
        #expect(try isSame(text))
        for position in 0..<text.utf8.count {
            for bit in 0..<8 as Range<UInt8> {
                var bytes = Array(text.utf8)
                bytes[position] ^= 1 << bit
                guard let flipped = String(validating: bytes, as: UTF8.self) else { continue }
                do {
                    #expect(try isSame(flipped), "bit \(bit) of byte \(position)")
                } catch is LogError {
                    continue
                }
            }
        }
    }

    /// There is no place for a checksum in one without entries, and a start must not be refused for one flipped bit.
    @Test func everyFlippedBitOfACheckpointWithoutEntriesIsDamageAndNoOtherFormat() throws {
        let text = OffsetCheckpoint().checkpoint.sealed
        for position in 0..<text.utf8.count {
            for bit in 0..<8 as Range<UInt8> {
                var bytes = Array(text.utf8)
                bytes[position] ^= 1 << bit
                let flipped = String(decoding: bytes, as: UTF8.self)
                #expect {
                    try OffsetCheckpoint(TextCheckpoint(flipped, path: "x"), path: "x")
                } throws: { error in
                    if case .corrupt = error as? LogError { true } else { false }
                }
            }
        }
    }

    @Test func aCheckpointWithEntriesOfAnotherVersionIsLeftAlone() throws {
        #expect {
            try TextCheckpoint("1\n1\nevents 0 1204\n", path: "x")
        } throws: { error in
            if case .unsupportedFormat = error as? LogError { true } else { false }
        }
    }

    @Test func everyFlippedBitOfACheckpointWithoutEntriesCostsNothing() throws {
        let path = "/data/log-start-offset-checkpoint"
        do {
            let directory = try open()
            try append(3, to: openLog(directory))
            try directory.close()
        }
        let sound = try contents(of: path)
        #expect(String(decoding: sound, as: UTF8.self) == "0\n0\n")
        for bit in 0..<sound.count * 8 {
            let copy = fileSystem.copy()
            var bytes = sound
            bytes[bit / 8] ^= 1 << (bit % 8)
            try SmallFile.write(bytes, to: path, copy, synced: false)
            let environment = LogEnvironment(fileSystem: copy, time: ManualTime())
            let directory = try LogDirectory.open("/data", nodeID: 1, environment: environment)
            #expect(directory.damaged.count == 1, "bit \(bit)")
            let log = try directory.openPartition(partition, topicID: topicID, config: LogConfig())
            #expect(log.offsets.logStart == .zero && log.offsets.logEnd == Offset(3), "bit \(bit)")
        }
    }

    @Test func everyCutOfAChecksummedTextIsNoticed() throws {
        let checkpoint = OffsetCheckpoint([partition: Offset(1204), TopicPartition("b", 3): Offset(77)]).checkpoint
        for length in 0..<checkpoint.sealed.utf8.count {
            #expect(throws: LogError.self) { try TextCheckpoint(String(checkpoint.sealed.prefix(length)), path: "x") }
        }
    }

    /// Kafka splits an entry at white space and drops empty fields at the end.
    @Test func theChecksumIsNothingToKafka() throws {
        let text = OffsetCheckpoint([partition: Offset(1204)]).checkpoint.sealed
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.count == 4 && lines[0] == "0" && lines[1] == "1" && lines[3].isEmpty)
        #expect(lines[2].split { $0 == " " || $0 == "\t" } == ["a", "0", "1204"])
        #expect(lines[2].utf8.count == "a 0 1204".utf8.count + 32)
    }

    // MARK: Files of the directory

    @Test func aDamagedCheckpointGivesWayToTheOneBefore() throws {
        do {
            let directory = try open()
            let log = try openLog(directory)
            try append(3, to: log)
            try directory.checkpoint()
            try append(2, to: log)
            try directory.checkpoint()
        }
        let path = "/data/recovery-point-offset-checkpoint"
        try damage(path)
        do {
            let directory = try open()
            #expect(directory.damaged.count == 1 && directory.damaged[0].hasPrefix(path))
            #expect(directory.table.withLock { $0.recoveryPoints.offsets[partition] } == Offset(3))
            #expect(try openLog(directory).offsets.logEnd == Offset(5))
        }
        try damage("\(path).previous")
        let directory = try open()
        #expect(directory.damaged.count == 2)
        #expect(directory.table.withLock { $0.recoveryPoints.offsets.isEmpty })
        #expect(try openLog(directory).offsets.logEnd == Offset(5))
    }

    @Test func aCrashBetweenTheTwoRenamesLeavesTheOneBefore() throws {
        do {
            let directory = try open()
            try append(3, to: openLog(directory))
            try directory.checkpoint()
        }
        let path = "/data/recovery-point-offset-checkpoint"
        try fileSystem.rename(path, to: "\(path).previous")
        #expect(try open().table.withLock { $0.recoveryPoints.offsets[partition] } == Offset(3))
    }

    @Test func noGenerationSpeaksOfADeletedPartition() throws {
        let directory = try open()
        try append(3, to: openLog(directory))
        try directory.checkpoint()
        try directory.delete(partition)
        try directory.checkpoint()
        for name in ["recovery-point-offset-checkpoint", "recovery-point-offset-checkpoint.previous"] {
            #expect(try !String(decoding: contents(of: "/data/\(name)"), as: UTF8.self).contains("a 0"))
        }
    }

    /// No earlier generation may bring it back.
    @Test(arguments: [true, false])
    func failedStartsThatAreForgottenStayForgotten(byOperator: Bool) throws {
        try fileSystem.createDirectory("/data")
        func journal() -> OpeningJournal { OpeningJournal(directory: "/data", fileSystem: fileSystem) }
        for _ in 0..<3 { journal().begin(partition, thread: 0) }
        let last = journal()
        #expect(last.deaths(of: partition) == 3)
        if byOperator { try fileSystem.remove("/data/opening-failures") } else { last.forget(partition) }
        #expect(journal().deaths(of: partition) == 0)
    }

    @Test func theDirectorysOwnerIsKnownFromACopyAndNotMadeUp() throws {
        let path = "/data/meta.properties"
        let cluster = try open().properties.clusterID
        try damage(path)
        do {
            let directory = try open()
            #expect(directory.properties.clusterID == cluster && directory.damaged.count == 1)
            try append(1, to: openLog(directory))
        }
        try damage("\(path).previous")
        #expect {
            try open()
        } throws: { error in
            if case .corrupt = error as? LogError { true } else { false }
        }
    }

    @Test(arguments: ["", "{", #"{"version":1,"brokerEpoch":-1}"#, #"{"version":0,"brokerEpoch":-1"#])
    func aDamagedMarkOfACleanStopMakesItACrash(_ text: String) throws {
        let path = "/data/.kafka_cleanshutdown"
        do {
            let directory = try open()
            try append(1, to: openLog(directory))
            try directory.close()
        }
        #expect(try String(decoding: contents(of: path), as: UTF8.self) == #"{"version":0,"brokerEpoch":-1}"#)
        let file = try fileSystem.open(path, .existing)
        try file.truncate(to: 0)
        try Array(text.utf8).withUnsafeBytes {
            try file.write($0, UnsafeRawBufferPointer(start: nil, count: 0), at: .zero)
        }
        let directory = try open()
        #expect(!directory.wasCleanShutdown && directory.damaged.count == 1)
        #expect(try openLog(directory).offsets.logEnd == Offset(1))
    }

    // MARK: Files of a partition

    /// No checksum covers a batch's first offset.
    @Test func theEndOfALogDoesNotMoveWhenItsLastBatchsOffsetRots() throws {
        do {
            let directory = try open()
            try append(3, to: openLog(directory))
            try directory.close()
        }
        let path = "/data/a-0/00000000000000000000.log"
        var bytes = try contents(of: path)
        bytes[bytes.count / 3 * 2 + 7] ^= 0x10
        try SmallFile.write(bytes, to: path, fileSystem, synced: false)
        let log = try openLog(open())
        #expect(log.offsets.logEnd == Offset(3))
        #expect(try log.append(try TestBatch().bytes(now: 1_700_000_000_000)).baseOffset == Offset(3))
    }

    @Test(arguments: [true, false])
    func withDamagedEpochsNoneIsUsedAgain(isClean: Bool) throws {
        for _ in 0..<2 { try append(1, to: openLog(open())) }
        do {
            let directory = try open()
            let log = try openLog(directory)
            #expect(log.offsets.leaderEpoch == LeaderEpoch(2))
            if isClean { try directory.close() }
        }
        let path = "/data/a-0/leader-epoch-checkpoint"
        try damage(path)
        do {
            let log = try openLog(open())
            #expect(log.offsets.leaderEpoch > LeaderEpoch(2), "and its batches are of a later one")
            #expect(log.endOffset(forEpoch: LeaderEpoch(0)).endOffset == Offset(1), "what came before is known")
            #expect(log.recovery.repairedFiles == [path])
            #expect("\(log.recovery)".contains(path))
            try append(1, to: log)
        }
        try damage(path)
        try damage("\(path).previous")
        let log = try openLog(open())
        #expect(log.offsets.leaderEpoch > LeaderEpoch(3), "made out from the batches")
        #expect(log.offsets.logEnd == Offset(3))
    }

    @Test func aPartitionWhoseIdIsDamagedIsOpenedByWhoeverKnowsIt() throws {
        try append(2, to: openLog(open()))
        let path = "/data/a-0/partition.metadata"
        try damage(path)
        do {
            let directory = try open()
            #expect(directory.found.isEmpty && directory.unnamed == [partition])
            let kept = try directory.retireUnnamed(except: { _ in true }, isDeleted: { _ in false })
            #expect(kept.isEmpty)
            let log = try openLog(directory)
            #expect(log.offsets.logEnd == Offset(2))
            #expect(log.recovery.repairedFiles == [path])
        }
        #expect(try open().found.map(\.topicID) == [topicID])
    }

    /// It may be the deleted topic's, and its records may be wanted all the same.
    @Test func aPartitionWhoseIdIsDamagedIsNeitherRemovedNorGivenToANewTopicOfTheName() throws {
        try append(2, to: openLog(open()))
        try damage("/data/a-0/partition.metadata")
        let directory = try open()
        let kept = try directory.retireUnnamed(except: { _ in true }, isDeleted: { _ in true })
        #expect(kept.count == 1 && kept[0].hasSuffix("-stray"))
        #expect(try openLog(directory).offsets.logEnd == .zero)
    }
}
