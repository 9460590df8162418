import CommitLog
import Model
import NIOCore
import Records
import TestSupport
import Testing

/// What is left after kills, lost files and flipped bytes.
@Suite struct RecoveryTests {
    private func fixture(segmentBytes: Int = 1 << 20, on fileSystem: SimulatedFileSystem) throws -> LogFixture {
        var config = LogConfig()
        config.segmentBytes = segmentBytes
        config.indexIntervalBytes = 100
        return try LogFixture(config: config, on: fileSystem)
    }

    @Test func everyTornTailIsCutExactlyBehindTheLastWholeBatch() throws {
        let fileSystem = SimulatedFileSystem()
        let fixture = try fixture(on: fileSystem)
        try fixture.append(TestBatch(values: ["first"]))
        try fixture.append(TestBatch(values: ["second"]))
        let path = fixture.path(0, ".log")
        let before = try fixture.contents(of: path)
        try fixture.append(TestBatch(values: ["torn", "apart"]))
        let after = try fixture.contents(of: path)
        fixture.log.abandon()
        for length in before.count...after.count {
            try fixture.overwrite(path, with: Array(after.prefix(length)))
            try fixture.reopen(clean: false)
            let isWhole = length == after.count
            let report = fixture.log.recovery
            #expect(fixture.log.offsets.logEnd == Offset(isWhole ? 4 : 2), "cut at \(length)")
            #expect(try fixture.contents(of: path).count == (isWhole ? after.count : before.count))
            #expect(
                report.truncations.map(\.bytes) == (isWhole || length == before.count ? [] : [length - before.count])
            )
            #expect(report.truncations.allSatisfy { $0.offset == Offset(2) })
        }
    }

    @Test func everyFlippedByteOfTheLastBatchIsNoticed() throws {
        let fileSystem = SimulatedFileSystem()
        let fixture = try fixture(on: fileSystem)
        try fixture.append(TestBatch(values: ["first"]))
        let path = fixture.path(0, ".log")
        let start = try fixture.contents(of: path).count
        try fixture.append(TestBatch(values: ["second"]))
        let good = try fixture.contents(of: path)
        fixture.log.abandon()
        // The leader epoch, bytes 12 to 15, and a base offset that grows are covered by nothing in Kafka's format.
        for position in start..<good.count
        where !(start..<start + 8).contains(position) && !(start + 12..<start + 16).contains(position) {
            var bad = good
            bad[position] ^= 0x40
            try fixture.overwrite(path, with: bad)
            try fixture.reopen(clean: false)
            #expect(fixture.log.offsets.logEnd == Offset(1), "byte \(position - start)")
            #expect(try fixture.allValues() == ["first"])
        }
    }

    @Test func aKillBumpsTheLeaderEpochAndACleanStopDoesNot() throws {
        let fixture = try fixture(on: SimulatedFileSystem())
        try fixture.append()
        try fixture.reopen(clean: true)
        #expect(fixture.log.offsets.leaderEpoch == LeaderEpoch(0))
        try fixture.reopen(clean: false)
        try fixture.append()
        #expect(fixture.log.offsets.leaderEpoch == LeaderEpoch(1))
        #expect(try fixture.read(from: 1).map(\.header.leaderEpoch) == [LeaderEpoch(1)])
        #expect(fixture.log.endOffset(forEpoch: LeaderEpoch(0)) == (LeaderEpoch(0), Offset(1)))
        #expect(fixture.log.endOffset(forEpoch: LeaderEpoch(1)) == (LeaderEpoch(1), Offset(2)))
        #expect(fixture.log.endOffset(forEpoch: LeaderEpoch(2)) == (LeaderEpoch(-1), Offset(-1)))
    }

    /// A consumer that has seen the lost record would take the next one of that offset for what it expects.
    @Test func anEpochWhoseRecordsAreLostIsNotUsedAgain() throws {
        let fixture = try fixture(on: SimulatedFileSystem())
        try fixture.append()
        try fixture.reopen(clean: false)
        let path = fixture.path(0, ".log")
        let kept = try fixture.contents(of: path)
        try fixture.append()
        fixture.log.abandon()
        try fixture.overwrite(path, with: kept)
        try fixture.reopenAsIs(clean: false)
        #expect(fixture.log.offsets.logEnd == Offset(1))
        #expect(fixture.log.offsets.leaderEpoch == LeaderEpoch(2))
    }

    @Test func aDamagedSegmentPutsWhatFollowsAside() throws {
        let fileSystem = SimulatedFileSystem()
        let fixture = try fixture(segmentBytes: 300, on: fileSystem)
        for number in 0..<9 { try fixture.append(TestBatch(values: ["value \(number)"])) }
        let bases = try fixture.log.segments().map(\.baseOffset.rawValue)
        try #require(bases.count >= 3)
        fixture.log.abandon()
        var bytes = try fixture.contents(of: fixture.path(bases[1], ".log"))
        bytes[70] ^= 1
        try fixture.overwrite(fixture.path(bases[1], ".log"), with: bytes)
        try fixture.reopen(clean: false, hints: OpeningHints(recoveryPoint: .zero))
        let report = fixture.log.recovery
        #expect(fixture.log.offsets.logEnd == Offset(bases[1]))
        #expect(report.discardedFiles == bases.dropFirst(2).map { fixture.path($0, ".log.discarded") })
        #expect(report.truncations.map(\.offset) == [Offset(bases[1])])
        #expect(try fixture.allValues().count == Int(bases[1]))
        try fixture.append(TestBatch(values: ["anew"]))
        #expect(try fixture.allValues().last == "anew")
    }

    @Test(arguments: [true, false])
    func lostOrGarbledIndexesAreMadeAnew(clean: Bool) throws {
        let garbage: [[UInt8]?] = [
            nil, [], [1, 2, 3], [UInt8](repeating: 0xff, count: 24), [UInt8](repeating: 0, count: 240),
            [0, 0, 0, 3, 0, 0, 0, 9, 0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff],
        ]
        for (number, contents) in garbage.enumerated() {
            for suffix in [".index", ".timeindex"] {
                let fixture = try fixture(segmentBytes: 4000, on: SimulatedFileSystem())
                var expected: [String] = []
                for number in 0..<120 {
                    expected.append("value \(number)")
                    fixture.time.advance(milliseconds: 1)
                    try fixture.append(TestBatch(values: ["value \(number)"]))
                }
                let bases = try fixture.log.segments().map(\.baseOffset.rawValue)
                if clean { try fixture.log.close() } else { fixture.log.abandon() }
                for base in bases {
                    let path = fixture.path(base, suffix)
                    if let contents {
                        try fixture.overwrite(path, with: contents)
                    } else {
                        try fixture.environment.fileSystem.remove(path)
                    }
                }
                try fixture.reopenAsIs(clean: clean)
                let comment = Comment("garbage \(number) as \(suffix)")
                for offset in expected.indices {
                    let values = try fixture.read(from: Int64(offset), maximumBytes: 1).flatMap(\.records).map(\.text)
                    #expect(values == [expected[offset]], comment)
                    let target = 1_700_000_000_001 + Int64(offset)
                    let found = try fixture.log.offset(forTimestamp: Timestamp(milliseconds: target))
                    #expect(found?.offset.rawValue == Int64(offset), comment)
                }
            }
        }
    }

    @Test func damagedMetadataFilesAreMadeAnewAndUnknownOnesAreLeftAlone() throws {
        let fixture = try fixture(on: SimulatedFileSystem())
        try fixture.append()
        try fixture.log.close()
        let epochs = "\(fixture.directory)/leader-epoch-checkpoint"
        try fixture.overwrite(fixture.path(1, ".snapshot"), with: Array("nonsense".utf8))
        try fixture.reopenAsIs(clean: true)
        #expect(fixture.log.recovery.repairedFiles == [fixture.path(1, ".snapshot")])
        try fixture.log.close()
        try fixture.overwrite(epochs, with: Array("0\n1\nnonsense\n".utf8))
        try fixture.reopenAsIs(clean: true)
        #expect(fixture.log.recovery.repairedFiles == [epochs])
        #expect(try fixture.allValues() == ["value"])
        try fixture.log.close()
        try fixture.overwrite(epochs, with: Array("7\n1\n0 0\n".utf8))
        #expect { try fixture.reopenAsIs(clean: true) } throws: { error in
            guard case .unsupportedFormat(epochs, _) = error as? LogError else { return false }
            return true
        }
        #expect(try fixture.contents(of: epochs) == Array("7\n1\n0 0\n".utf8))
    }

    @Test func messagesFromBeforeBatchesAreLeftAlone() throws {
        let fixture = try fixture(on: SimulatedFileSystem())
        fixture.log.abandon()
        var message = [UInt8](repeating: 0, count: 60)
        (message[11], message[16]) = (48, 1)
        // Zeros, and a checksum that is none of theirs: what a power cut may leave of a batch.
        try fixture.overwrite(fixture.path(0, ".log"), with: message)
        try fixture.reopenAsIs(clean: false)
        #expect(fixture.log.offsets.logEnd == .zero)
        fixture.log.abandon()
        message.replaceSubrange(12..<16, with: [0xa9, 0x0c, 0x5e, 0x7e])
        try fixture.overwrite(fixture.path(0, ".log"), with: message)
        #expect { try fixture.reopenAsIs(clean: false) } throws: { error in
            guard case .unsupportedFormat = error as? LogError else { return false }
            return true
        }
        #expect(try fixture.contents(of: fixture.path(0, ".log")) == message)
    }

    @Test func randomFilesNeverStopTheProcess() throws {
        for seed in 0..<300 as Range<UInt64> {
            var generator = SeededGenerator(seed: seed)
            let fixture = try fixture(segmentBytes: 400, on: SimulatedFileSystem())
            for number in 0..<12 {
                try fixture.append(
                    TestBatch(values: ["\(number)"], producer: ProducerID(7), epoch: 0, sequence: Int32(number))
                )
            }
            try fixture.log.close()
            let fileSystem = fixture.environment.fileSystem
            let names = try fileSystem.list(fixture.directory).sorted()
            for _ in 0..<3 {
                guard let name = names.randomElement(using: &generator) else { continue }
                let path = "\(fixture.directory)/\(name)"
                var bytes = try fixture.contents(of: path)
                for _ in 0..<4 where !bytes.isEmpty {
                    bytes[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(
                        in: 0...255,
                        using: &generator
                    )
                }
                if Bool.random(using: &generator) {
                    bytes.removeLast(Int.random(in: 0...bytes.count, using: &generator))
                }
                try fixture.overwrite(path, with: bytes)
            }
            do {
                try fixture.reopenAsIs(clean: Bool.random(using: &generator))
                _ = try fixture.allValues()
                _ = try fixture.log.offset(forTimestamp: Timestamp(milliseconds: 1_700_000_000_000))
                _ = try fixture.log.maximumTimestamp()
                try fixture.append()
                try fixture.log.close()
            } catch is LogError {
                // Said so, and went on.
            } catch is BatchError {
                // A consumer notices what the broker has not looked at.
            }
        }
    }

    @Test func offsetsAndEpochsAtTheirLimitsAreErrors() throws {
        let fixture = try fixture(on: SimulatedFileSystem())
        try fixture.append()
        fixture.log.abandon()
        let epochs = "\(fixture.directory)/leader-epoch-checkpoint"
        try fixture.overwrite(epochs, with: Array("0\n1\n2147483647 0\n".utf8))
        #expect(throws: LogError.self) { try fixture.reopenAsIs(clean: false) }
        try fixture.overwrite(epochs, with: Array("0\n1\n3 0\n".utf8))
        // No segment begins there: what is named so is none.
        try fixture.overwrite(fixture.path(.max, ".log"), with: [1, 2, 3])
        try fixture.overwrite(fixture.path(.max, ".index"), with: [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0])
        try fixture.reopenAsIs(clean: false)
        #expect(try fixture.allValues() == ["value"])
        #expect(fixture.log.offsets.leaderEpoch == LeaderEpoch(4))
    }

    @Test func aFlippedLeaderEpochInABatchDoesNotBecomeTheLogs() throws {
        let fixture = try fixture(on: SimulatedFileSystem())
        try fixture.append()
        fixture.log.abandon()
        var bytes = try fixture.contents(of: fixture.path(0, ".log"))
        bytes[12] = 0x7f
        try fixture.overwrite(fixture.path(0, ".log"), with: bytes)
        try fixture.reopenAsIs(clean: false)
        #expect(fixture.log.offsets.leaderEpoch == LeaderEpoch(1))
    }
}
