import CommitLog
import Model
import NIOCore
import Records
import TestSupport
import Testing

/// When a segment ends, whose clock stamps, and who is told.
@Suite struct SegmentRollTests {
    @Test func aBatchLargerThanASegmentIsRefused() throws {
        var config = LogConfig()
        config.segmentBytes = 100
        let fixture = try LogFixture(config: config)
        let batch = TestBatch(values: [String(repeating: "x", count: 200)])
        let length = try batch.bytes(now: 0).readableBytes
        let expected = LogError.batchLargerThanSegment(bytes: length, limit: 100)
        #expect(throws: expected) { try fixture.append(batch) }
        #expect(expected.errorCode == .recordListTooLarge)
    }

    @Test func segmentsEndByTheTimestampsOfTheirBatches() throws {
        var config = LogConfig()
        config.segmentMilliseconds = 1000
        let fixture = try LogFixture(config: config)
        let start = fixture.time.now.milliseconds
        try fixture.append(TestBatch(timestamps: [start]))
        try fixture.append(TestBatch(timestamps: [start + 1000]))
        #expect(fixture.log.segmentCount == 1)
        try fixture.append(TestBatch(timestamps: [start + 1001]))
        #expect(fixture.log.segmentCount == 2)
        // The clock on the wall does not matter while there are timestamps.
        fixture.time.advance(milliseconds: 5000)
        try fixture.append(TestBatch(timestamps: [start + 1500]))
        #expect(fixture.log.segmentCount == 2)
        try fixture.reopen(clean: true)
        try fixture.append(TestBatch(timestamps: [start + 2002]))
        #expect(fixture.log.segmentCount == 3)
    }

    @Test func segmentsWithoutTimestampsEndByTheClock() throws {
        var config = LogConfig()
        config.segmentMilliseconds = 1000
        let fixture = try LogFixture(config: config)
        try fixture.append(TestBatch(timestamps: [-1]))
        fixture.time.advance(milliseconds: 1000)
        try fixture.append(TestBatch(timestamps: [-1]))
        #expect(fixture.log.segmentCount == 1)
        fixture.time.advance(milliseconds: 1)
        try fixture.append(TestBatch(timestamps: [-1]))
        #expect(fixture.log.segmentCount == 2)
        #expect(try fixture.log.maximumTimestamp() == nil)
    }

    @Test func segmentsEndWhenTheirIndexIsFull() throws {
        var config = LogConfig()
        config.indexIntervalBytes = 0
        config.segmentIndexBytes = 24
        let fixture = try LogFixture(config: config)
        for _ in 0..<20 { try fixture.append(TestBatch(timestamps: [-1])) }
        // Three entries at most; the first batch of a segment has none.
        #expect(try fixture.log.segments().map { $0.endOffset - $0.baseOffset } == [4, 4, 4, 4, 4])
    }

    @Test func appendTimeIsStampedAndNeverGoesBack() throws {
        var config = LogConfig()
        config.timestampType = .logAppendTime
        let fixture = try LogFixture(config: config)
        let start = fixture.time.now.milliseconds
        #expect(try fixture.append(TestBatch(timestamps: [5])).logAppendTime.milliseconds == start)
        fixture.time.set(milliseconds: start - 1_000_000)
        #expect(try fixture.append(TestBatch(timestamps: [6])).logAppendTime.milliseconds == start)
        fixture.time.set(milliseconds: start + 1)
        let batch = TestBatch(timestamps: [7], producer: ProducerID(1), epoch: 0, sequence: 0)
        #expect(try fixture.append(batch).logAppendTime.milliseconds == start + 1)
        fixture.time.set(milliseconds: start + 2)
        let again = try fixture.append(batch)
        #expect(again.isDuplicate && again.logAppendTime.milliseconds == start + 1)
        let batches = try fixture.read(from: 0)
        #expect(batches.map(\.header.maxTimestamp.milliseconds) == [start, start, start + 1])
        #expect(batches.allSatisfy { $0.header.attributes.timestampType == .logAppendTime })
        #expect(batches.flatMap(\.records).map(\.timestamp.milliseconds) == [start, start, start + 1])
        let found = try fixture.log.offset(forTimestamp: Timestamp(milliseconds: start + 1))
        #expect(found?.offset == Offset(2))
    }

    @Test func aHeaderThatLiesAboutItsTimestampIsPutRight() throws {
        let fixture = try LogFixture()
        let now = fixture.time.now.milliseconds
        var bytes = try TestBatch(values: ["a", "b"], timestamps: [now, now - 5]).bytes(now: now)
        BatchPatch.setMaximumTimestamp(&bytes, .none)
        _ = try fixture.log.append(bytes)
        #expect(try fixture.read(from: 0).map(\.header.maxTimestamp.milliseconds) == [now])
        #expect(try fixture.log.maximumTimestamp()?.offset == .zero)
    }

    @Test func observersAreToldOfAppendsAndTheEnd() throws {
        final class Counter: LogObserver {
            let counts = Locked((advances: 0, ends: 0))
            func highWatermarkAdvanced() { counts.withLock { $0.advances += 1 } }
            func logClosed() { counts.withLock { $0.ends += 1 } }
        }
        let fixture = try LogFixture()
        let (observer, other) = (Counter(), Counter())
        fixture.log.addObserver(observer)
        fixture.log.addObserver(other)
        let batch = TestBatch(producer: ProducerID(1), epoch: 0, sequence: 0)
        try fixture.append(batch)
        try fixture.append(batch)
        fixture.log.removeObserver(other)
        try fixture.append()
        try fixture.log.close()
        try fixture.log.close()
        #expect(observer.counts.withLock { $0 } == (2, 1))
        #expect(other.counts.withLock { $0 } == (1, 0))
        #expect(throws: LogError.closed(fixture.partition)) { try fixture.append() }
        #expect(throws: LogError.closed(fixture.partition)) { try fixture.read(from: 0) }
    }

    @Test func newEpochsAreStampedOnWhatFollowsAndKept() throws {
        let fixture = try LogFixture()
        try fixture.append()
        try fixture.log.beginLeaderEpoch(LeaderEpoch(4))
        try fixture.append()
        #expect(throws: LogError.staleLeaderEpoch(LeaderEpoch(3), current: LeaderEpoch(4))) {
            try fixture.log.beginLeaderEpoch(LeaderEpoch(3))
        }
        #expect(try fixture.read(from: 0).map(\.header.leaderEpoch.rawValue) == [0, 4])
        try fixture.reopen(clean: true)
        #expect(fixture.log.offsets.leaderEpoch == LeaderEpoch(4))
        #expect(fixture.log.endOffset(forEpoch: LeaderEpoch(2)) == (LeaderEpoch(0), Offset(1)))
    }

    @Test func aChangedConfigurationHoldsFromTheNextAppendOn() throws {
        let fixture = try LogFixture()
        try fixture.append()
        var config = fixture.log.config
        config.maxMessageBytes = 10
        fixture.log.updateConfig(config)
        #expect { try fixture.append() } throws: { ($0 as? LogError)?.errorCode == .messageTooLarge }
        config = LogConfig()
        config.segmentBytes = 100
        fixture.log.updateConfig(config)
        try fixture.append()
        #expect(fixture.log.segmentCount == 2)
    }
}
