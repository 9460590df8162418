import Model
import Records
import TestSupport
import Testing

@testable import CommitLog

/// What is known to be damaged: how it is kept, and what the rest of the log does with it.
@Suite struct QuarantineTests {
    private let ranges = [
        QuarantinedRange(
            offsets: Offset(5)..<Offset(9),
            segment: Offset(3),
            position: FilePosition(70),
            length: 99,
            found: Timestamp(milliseconds: 1_700_000_000_000),
            reason: "odd"
        ),
        QuarantinedRange(
            offsets: Offset(20)..<Offset(21),
            segment: Offset(20),
            position: .zero,
            length: 0,
            found: Timestamp(milliseconds: 1),
            reason: "",
            state: .skipped
        ),
    ]

    private static let golden: [UInt8] =
        [0x4d, 0x51, 0x55, 0x41, 0, 1] + [0, 0, 0, 0]
        + [0, 0, 0, 0, 0, 0, 0, 9] + [0, 0, 0, 2]
        + [0, 0, 0, 0, 0, 0, 0, 5] + [0, 0, 0, 0, 0, 0, 0, 9] + [0, 0, 0, 0, 0, 0, 0, 3]
        + [0, 0, 0, 0, 0, 0, 0, 70] + [0, 0, 0, 0, 0, 0, 0, 99] + [0, 0, 1, 0x8b, 0xcf, 0xe5, 0x68, 0]
        + [0] + [0, 3] + Array("odd".utf8)
        + [0, 0, 0, 0, 0, 0, 0, 20] + [0, 0, 0, 0, 0, 0, 0, 21] + [0, 0, 0, 0, 0, 0, 0, 20]
        + [0, 0, 0, 0, 0, 0, 0, 0] + [0, 0, 0, 0, 0, 0, 0, 0] + [0, 0, 0, 0, 0, 0, 0, 1] + [1] + [0, 0]

    @Test func everyDamagedByteOfTheListIsNoticed() throws {
        let bytes = QuarantineFormat.encode(Quarantine(ranges))
        for position in bytes.indices {
            var damaged = bytes
            damaged[position] ^= 0x10
            #expect(throws: LogError.self, "byte \(position)") { try QuarantineFormat.decode(damaged, path: "q") }
            #expect(throws: LogError.self, "cut at \(position)") {
                try QuarantineFormat.decode(Array(bytes[..<position]), path: "q")
            }
        }
    }

    @Test func anUnknownVersionIsRefused() {
        let body = Array(QuarantineFormat.encode(Quarantine()).dropFirst(ChecksummedFile.bodyPosition))
        let bytes = ChecksummedFile.wrap(body, magic: QuarantineFormat.magic, version: 2)
        #expect(throws: LogError.unsupportedFormat(path: "q", "its version is 2, known is 1")) {
            try QuarantineFormat.decode(bytes, path: "q")
        }
    }

    @Test func theBytesAreAsDocumented() throws {
        let quarantine = Quarantine(ranges, scrubbed: Timestamp(milliseconds: 9))
        let bytes = QuarantineFormat.encode(quarantine)
        #expect(bytes.count == Self.golden.count)
        for (position, byte) in Self.golden.enumerated() where !(6..<10).contains(position) {
            #expect(bytes[position] == byte, "byte \(position)")
        }
        #expect(try QuarantineFormat.decode(bytes, path: "q") == quarantine)
    }

    @Test func adjoiningRangesExplainAGapTogether() {
        func range(_ first: Int64, _ end: Int64) -> QuarantinedRange {
            QuarantinedRange(
                offsets: Offset(first)..<Offset(end),
                segment: .zero,
                position: .zero,
                length: 1,
                found: .none,
                reason: "",
                state: .skipped
            )
        }
        let quarantine = Quarantine([range(5, 7), range(7, 9)])
        #expect(quarantine.explains(Offset(5)..<Offset(9)))
        #expect(quarantine.explains(Offset(6)..<Offset(8)))
        #expect(!quarantine.explains(Offset(4)..<Offset(8)))
        #expect(!quarantine.explains(Offset(8)..<Offset(10)))
    }

    // MARK: In a log

    /// Flips a bit in the body of a batch in the middle of a closed segment, and looks.
    private func damaged() throws -> (log: RottenLog, batch: RottenLog.Batch) {
        let log = try RottenLog()
        let batch = try #require(log.batches.first { $0.bytes.lowerBound > 0 && $0.path == log.segments[1] })
        try log.restore()
        try log.flip((batch.bytes.upperBound - 3) * 8, of: batch.path)
        try log.open(clean: true)
        try log.scrub()
        #expect(log.refused == [batch.offsets])
        return (log, batch)
    }

    @Test func aFetchGetsWhatIsBeforeTheDamageAndGoesOnBehindIt() throws {
        let (log, batch) = try damaged()
        let before = try log.fixture.read(from: batch.offsets.lowerBound - 1)
        #expect(before.last?.header.nextOffset.rawValue == batch.offsets.lowerBound)
        let behind = try log.fixture.read(from: batch.offsets.upperBound)
        #expect(behind.first?.header.baseOffset.rawValue == batch.offsets.upperBound)
        for offset in batch.offsets {
            do {
                _ = try log.fixture.read(from: offset)
                Issue.record("offset \(offset) was served")
            } catch let error as LogError {
                #expect(error.errorCode == .corruptMessage)
                #expect(error.description.contains("log repair"))
            }
        }
    }

    @Test(arguments: [true, false])
    func damageStaysKnownOverARestart(clean: Bool) throws {
        let (log, batch) = try damaged()
        try log.fixture.reopen(clean: clean, hints: log.hints)
        #expect(log.refused == [batch.offsets])
        #expect(log.fixture.log.recovery.quarantined.isEmpty, "it is no news")
        #expect(try log.lost().offsets == Array(batch.offsets))
    }

    @Test func whatWasPutRightIsServedAgain() throws {
        let (log, batch) = try damaged()
        try log.fixture.overwrite(batch.path, with: try #require(log.files[batch.path]))
        try log.scrub()
        #expect(log.refused == [])
        #expect(try log.lost().offsets == [])
    }

    @Test func searchesByTimePassOverDamage() throws {
        let (log, batch) = try damaged()
        let found = try log.fixture.log.offset(forTimestamp: Timestamp(milliseconds: 0))
        #expect(found?.offset.rawValue == 0)
        let last = try #require(log.batches.last)
        #expect(try log.fixture.log.maximumTimestamp()?.offset.rawValue == last.offsets.lowerBound)
        // The timestamps grow by ten with each batch.
        let number = try #require(log.batches.firstIndex { $0.offsets == batch.offsets })
        let time = log.fixture.time.now.milliseconds - Int64(10 * (log.batches.count - 1 - number))
        let behind = try log.fixture.log.offset(forTimestamp: Timestamp(milliseconds: time))
        #expect(behind?.offset.rawValue == batch.offsets.upperBound)
    }

    @Test func deletedRecordsTakeTheirDamageAlong() throws {
        let (log, batch) = try damaged()
        _ = try log.fixture.log.deleteRecords(before: Offset(batch.offsets.lowerBound))
        #expect(log.refused == [batch.offsets])
        _ = try log.fixture.log.deleteRecords(before: Offset(batch.offsets.upperBound))
        #expect(log.refused == [])
        try log.fixture.reopen(clean: true, hints: OpeningHints(logStart: Offset(batch.offsets.upperBound)))
        #expect(log.refused == [])
    }

    /// Removed segments are not missed after a crash, in whatever order their files went.
    @Test func removedSegmentsAreNotMissed() throws {
        let log = try RottenLog()
        try log.open(clean: true)
        let third = try #require(log.batches.first { $0.path == log.segments[2] })
        _ = try log.fixture.log.deleteRecords(before: Offset(third.offsets.lowerBound))
        try log.fixture.overwrite(log.segments[0], with: try #require(log.files[log.segments[0]]))
        try log.fixture.reopen(clean: false, hints: log.hints)
        #expect(log.refused == [])
    }

    @Test func damageInTheWrittenSegmentClosesIt() throws {
        let log = try RottenLog()
        let batch = try #require(log.batches.last)
        try log.restore()
        try log.open(clean: true)
        try log.flip((batch.bytes.upperBound - 3) * 8, of: batch.path)
        try log.scrub()
        #expect(log.refused == [batch.offsets])
        #expect(try log.fixture.append(TestBatch(values: ["new"])).baseOffset.rawValue == log.end)
        #expect(try log.fixture.read(from: log.end).first?.records.map(\.text) == ["new"])
        #expect(try log.lost().offsets == Array(batch.offsets))
        try log.fixture.reopen(clean: false, hints: OpeningHints(recoveryPoint: Offset(log.end + 1)))
        #expect(log.refused == [batch.offsets])
        #expect(try log.fixture.read(from: log.end).first?.records.map(\.text) == ["new"])
    }

    /// What follows the checkpoint is a torn tail and nothing else.
    @Test func aTornTailIsStillCutOff() throws {
        let log = try RottenLog()
        let batch = try #require(log.batches.last)
        try log.restore()
        try log.flip((batch.bytes.upperBound - 3) * 8, of: batch.path)
        let point = Offset(batch.offsets.lowerBound)
        try log.fixture.reopenAsIs(clean: false, hints: OpeningHints(recoveryPoint: point))
        #expect(log.refused == [])
        #expect(log.fixture.log.recovery.truncations.count == 1)
        #expect(log.fixture.log.offsets.logEnd == point)
    }

    @Test func compactionStopsBeforeDamage() throws {
        let (log, batch) = try damaged()
        var config = log.fixture.config
        config.cleanupPolicy = .compact
        config.minCleanableDirtyRatio = 0
        log.fixture.log.updateConfig(config)
        let control = NoControl()
        _ = try log.fixture.log.compact(control: control)
        #expect(log.refused == [batch.offsets])
        #expect(try log.fixture.log.compactionSurvey().firstUncleanable.rawValue <= batch.offsets.lowerBound)
        let last = try #require(log.batches.last)
        #expect(try log.fixture.read(from: last.offsets.lowerBound).first != nil)
    }

    @Test func aCompactionThatMeetsDamageMakesItKnown() throws {
        let log = try RottenLog(isSummed: false)
        let batch = try #require(log.batches.first { $0.path == log.segments[2] })
        try log.restore()
        try log.flip((batch.bytes.upperBound - 3) * 8, of: batch.path)
        var config = log.fixture.config
        config.cleanupPolicy = .compact
        config.minCleanableDirtyRatio = 0
        log.fixture.config = config
        try log.open(clean: true)
        _ = try log.fixture.log.compact(control: NoControl())
        #expect(log.refused == [batch.offsets])
        #expect(log.fixture.log.lastCompaction?.end.rawValue == batch.offsets.lowerBound)
        // All records have one key: of what precedes the damage the last one is left.
        let left = try log.fixture.read(from: 0, maximumBytes: 1).first
        #expect(left?.records.count == 1)
    }

    private final class NoControl: CompactionControl {
        func transferred(_ bytes: Int) throws(LogError) {}
    }
}
