import CommitLog
import Model
import NIOCore
import Records
import TestSupport
import Testing

@Suite struct CompactionTests {
    private let fileSystem = SimulatedFileSystem()

    private func fixture(_ config: LogConfig = .compacted()) throws -> LogFixture {
        try LogFixture(config: config, on: fileSystem)
    }

    @Test func aDamagedBatchStopsTheCompactionAndStaysWhereItIs() throws {
        let fixture = try fixture()
        for number in 0..<20 { try fixture.append([("a", "value \(number)")]) }
        try fixture.log.flush()
        var bytes = try fixture.contents(of: fixture.path(0, ".log"))
        bytes[70] ^= 1
        try fixture.overwrite(fixture.path(0, ".log"), with: bytes)
        #expect(throws: LogError.self) { try fixture.compactAll() }
        #expect(fixture.log.quarantined.map(\.segment) == [.zero])
        #expect(try fixture.contents(of: fixture.path(0, ".log")) == bytes)
        #expect(fixture.log.lastCompaction == nil)
        #expect(try !fileSystem.list(fixture.directory).contains { $0.hasSuffix(".cleaned") })
    }

    @Test func aChangedHeaderThatNoBatchChecksumCoversIsNoticedByTheSegmentsOwn() throws {
        let fixture = try fixture()
        for number in 0..<20 { try fixture.append([("\(number % 3)", "value \(number)")]) }
        try fixture.compactAll()
        let segment = try #require(try fixture.log.segments().first { $0.sizeInBytes > 0 })
        let path = fixture.path(segment.baseOffset.rawValue, ".log")
        var bytes = try fixture.contents(of: path)
        bytes[15] ^= 1
        try fixture.overwrite(path, with: bytes)
        try fixture.append([("new", "value")])
        #expect(throws: LogError.self) { try fixture.compactAll() }
        #expect(fixture.log.quarantined.map(\.segment) == [segment.baseOffset])
    }

    @Test func onlyTheLastValueOfEachKeyStaysAtItsOffset() throws {
        let fixture = try fixture()
        for number in 0..<30 { try fixture.append([("\(number % 4)", "value \(number)")]) }
        let result = try fixture.compactAll()
        let expected = (26..<30).map { KeyedRecord(offset: $0, key: "\($0 % 4)", value: "value \($0)") }
        #expect(try fixture.allRecords() == expected)
        #expect(result.recordsBefore == 30 && result.recordsAfter == 4)
        #expect(result.bytesAfter < result.bytesBefore)
        #expect(fixture.log.offsets.logEnd == Offset(30))
        try fixture.reopen(clean: false)
        #expect(try fixture.allRecords() == expected)
        #expect(fixture.log.lastCompaction?.end == Offset(30))
        #expect(!fixture.log.recovery.isNoteworthy)
    }

    @Test(arguments: Compression.allCases)
    func aBatchKeepsItsCodecAndItsOffsets(compression: Compression) throws {
        let fixture = try fixture(.compacted(segmentBytes: 4000))
        let long = String(repeating: "long ", count: 40)
        try fixture.append([("a", long), ("b", long), ("c", long)], compression: compression)
        try fixture.append([("b", "new")])
        try fixture.compactAll()
        let first = try #require(try fixture.allBatches().first)
        #expect(first.header.attributes.compression == compression)
        #expect(first.header.baseOffset == .zero && first.header.lastOffsetDelta == 2 && first.header.recordCount == 2)
        #expect(first.records.map(\.offset) == [Offset(0), Offset(2)])
        #expect(first.records.allSatisfy { $0.timestamp == fixture.time.now })
    }

    @Test func aTombstoneStaysForItsTimeAndThenGoes() throws {
        var config = LogConfig.compacted()
        config.deleteRetentionMilliseconds = 1000
        let fixture = try fixture(config)
        try fixture.append([("a", "value"), ("b", "value")])
        try fixture.append([("a", nil)])
        let written = fixture.time.now
        fixture.time.advance(milliseconds: 500)
        try fixture.compactAll()
        let tombstone = KeyedRecord(offset: 2, key: "a", value: nil)
        #expect(try fixture.allRecords() == [KeyedRecord(offset: 1, key: "b", value: "value"), tombstone])
        let batch = try #require(try fixture.allBatches().last)
        #expect(batch.header.attributes.hasDeleteHorizon)
        #expect(batch.header.baseTimestamp == Timestamp(milliseconds: fixture.time.now.milliseconds + 1000))
        #expect(batch.records.first?.timestamp == written)
        fixture.time.advance(milliseconds: 999)
        try fixture.append([("c", "value")])
        try fixture.compactAll()
        #expect(try fixture.allRecords().contains(tombstone))
        fixture.time.advance(milliseconds: 1)
        try fixture.append([("d", "value")])
        try fixture.compactAll()
        #expect(try !fixture.allRecords().contains(tombstone))
    }

    @Test func tombstonesGoAtOnceOnDemand() throws {
        let fixture = try fixture()
        try fixture.append([("a", "value"), ("b", "value")])
        try fixture.append([("a", nil)])
        var options = CompactionOptions()
        options.purgesTombstones = true
        try fixture.compactAll(options)
        #expect(try fixture.allRecords() == [KeyedRecord(offset: 1, key: "b", value: "value")])
    }

    @Test func aProducersLastBatchIsRememberedWhenItsRecordsAreGone() throws {
        let fixture = try fixture()
        let producer = ProducerID(7)
        let batch = try fixture.batch([("a", "1"), ("a", "2")], producer: producer, sequence: 0)
        let first = try fixture.log.append(batch)
        for number in 0..<10 { try fixture.append([("a", "later \(number)")]) }
        try fixture.compactAll()
        try fixture.environment.fileSystem.list(fixture.directory).filter { $0.hasSuffix(".snapshot") }.forEach {
            try fixture.environment.fileSystem.remove("\(fixture.directory)/\($0)")
        }
        try fixture.reopen(clean: false)
        let retried = try fixture.log.append(batch)
        #expect(retried.isDuplicate && retried.baseOffset == first.baseOffset)
        let next = try fixture.append([("b", "3")], producer: producer, sequence: 2)
        #expect(!next.isDuplicate)
    }

    @Test func moreKeysThanTheMapHoldsTakeMorePasses() throws {
        let fixture = try fixture()
        for number in 0..<60 { try fixture.append([("\(number % 20)", "value \(number)")]) }
        try fixture.log.rollIfAged(always: true)
        var options = CompactionOptions()
        options.dedupeBufferBytes = 200
        var passes = 0
        while try fixture.log.compactionSurvey().cleanableBytes > 0, passes < 100 {
            let result = try fixture.log.compact(options, control: CompactionProbe())
            #expect(result.keys <= 8)
            passes += 1
        }
        #expect(passes > 1 && passes < 100)
        #expect(try fixture.allRecords().map(\.offset) == Array(40..<60))
    }

    @Test func aRecordWithoutAKeyGoes() throws {
        var config = LogConfig.compacted()
        config.cleanupPolicy = .delete
        let fixture = try fixture(config)
        try fixture.append([(nil, "value"), ("a", "value")])
        config.cleanupPolicy = .compact
        fixture.log.updateConfig(config)
        try fixture.compactAll()
        #expect(try fixture.allRecords() == [KeyedRecord(offset: 1, key: "a", value: "value")])
    }

    @Test func recordsYoungerThanTheLagStayDirty() throws {
        var config = LogConfig.compacted()
        config.minCompactionLagMilliseconds = 1000
        let fixture = try fixture(config)
        for number in 0..<20 { try fixture.append([("a", "value \(number)")]) }
        try fixture.log.rollIfAged(always: true)
        #expect(try fixture.log.compactionSurvey().cleanableBytes == 0)
        fixture.time.advance(milliseconds: 1000)
        let survey = try fixture.log.compactionSurvey()
        #expect(survey.cleanableBytes > 0 && survey.dirtyRatio == 1 && survey.isDue(config))
    }

    @Test func aQuietLogIsRolledWhenItsRecordsHaveWaitedLongEnough() throws {
        var config = LogConfig.compacted()
        config.maxCompactionLagMilliseconds = 1000
        config.minCleanableDirtyRatio = 1
        let fixture = try fixture(config)
        try fixture.append([("a", "1")])
        try fixture.append([("a", "2")])
        try fixture.log.rollIfAged()
        #expect(fixture.log.segmentCount == 1)
        fixture.time.advance(milliseconds: 1001)
        try fixture.log.rollIfAged()
        let survey = try fixture.log.compactionSurvey()
        #expect(survey.isOverdue && survey.isDue(config))
    }

    @Test func whatIsReadWhileTheSegmentIsReplacedIsReadToTheEnd() throws {
        let fixture = try LogFixture(config: .compacted(segmentBytes: 4000))
        for number in 0..<20 { try fixture.append([("a", "value \(number)")]) }
        guard
            case .data(let range) = try fixture.log.read(
                from: .zero,
                maximumBytes: 1 << 20,
                alwaysOneBatch: true,
                upTo: .highWatermark,
                acceptCold: true
            ), let slice = range.slice
        else {
            Issue.record("nothing to read")
            return
        }
        try fixture.compactAll()
        #expect(try ReadBatch.parse(slice).flatMap(\.records).count == 20)
        #expect(try fixture.allRecords().map(\.offset) == [19])
        try fixture.reopen(clean: true)
        #expect(try fixture.allRecords().map(\.offset) == [19])
    }

    @Test func timestampsAreFoundInCompactedLogs() throws {
        let fixture = try fixture()
        let start = fixture.time.now.milliseconds
        for number in 0..<20 {
            try fixture.append([("\(number % 5)", "value \(number)")])
            fixture.time.advance(milliseconds: 10)
        }
        try fixture.compactAll()
        let found = try fixture.log.offset(forTimestamp: Timestamp(milliseconds: start))
        #expect(found?.offset == Offset(15))
        #expect(try fixture.log.maximumTimestamp()?.offset == Offset(19))
    }
}
