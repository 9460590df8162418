import CommitLog
import Model
import NIOCore
import Records
import TestSupport
import Testing

@Suite struct AppendAndReadTests {
    @Test func readingBelowTheStartOrAboveTheEndIsOutOfRange() throws {
        let fixture = try LogFixture()
        try fixture.append()
        for offset: Int64 in [-1, 2, .max, .min] {
            let expected = LogError.outOfRange(Offset(offset), start: .zero, end: Offset(1))
            #expect(throws: expected) { try fixture.read(from: offset) }
        }
        #expect(try fixture.read(from: 1).isEmpty)
    }

    @Test func aDamagedBatchIsRefusedAndLeavesTheLogAsItWas() throws {
        let fixture = try LogFixture()
        var bytes = try TestBatch().bytes(now: fixture.time.now.milliseconds)
        let last = bytes.writerIndex - 1
        bytes.setInteger(UInt8(7) ^ (bytes.getInteger(at: last) ?? 0), at: last)
        #expect { try fixture.log.append(bytes) } throws: { error in
            (error as? LogError)?.errorCode == .corruptMessage
        }
        #expect(fixture.log.offsets.logEnd == .zero)
    }

    @Test func whatIsAppendedIsReadBackThroughManySegments() throws {
        var config = LogConfig()
        config.segmentBytes = 700
        let fixture = try LogFixture(config: config)
        var expected: [String] = []
        for number in 0..<50 {
            let values = (0...number % 3).map { "value \(number).\($0)" }
            let result = try fixture.append(TestBatch(values: values))
            #expect(result.baseOffset.rawValue == Int64(expected.count))
            expected += values
            #expect(result.lastOffset.rawValue == Int64(expected.count - 1))
        }
        #expect(try fixture.allValues() == expected)
        try fixture.reopen(clean: true)
        #expect(fixture.log.recovery.scannedSegments == 0)
        #expect(try fixture.allValues() == expected)
        try fixture.reopen(clean: false)
        #expect(try fixture.allValues() == expected)
        #expect(fixture.log.offsets.leaderEpoch == LeaderEpoch(1))
    }
}
