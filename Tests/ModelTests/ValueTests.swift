import Model
import Testing

/// The small value types: offsets, sequence numbers, compressions, partitions, durations.
struct ValueTests {
    @Test func sequenceNumbersWrapToZero() {
        #expect(SequenceNumber(.max).advanced(by: 1) == SequenceNumber(0))
        #expect(SequenceNumber(.max - 1).advanced(by: 3) == SequenceNumber(1))
        #expect(SequenceNumber(.max).advanced(by: .max) == SequenceNumber(.max - 1))
        #expect(SequenceNumber(0).advanced(by: .max) == SequenceNumber(.max))
        #expect(SequenceNumber(5).advanced(by: 0) == SequenceNumber(5))
    }

    @Test func compressionsAreNumberedAsInBatches() {
        #expect(Compression.allCases.map(\.rawValue) == [0, 1, 2, 3, 4])
        #expect(Compression(rawValue: 5) == nil)
        #expect(Compression(name: "LZ4") == nil)
        for compression in Compression.allCases { #expect(Compression(name: compression.name) == compression) }
    }

    @Test func offsetsAreOrderedAndCounted() {
        #expect(Offset(3) < Offset(4))
        #expect(Offset(3) + 2 == Offset(5))
        #expect(Offset(5) - Offset(3) == 2)
        #expect(FilePosition(3) + 2 == FilePosition(5))
        #expect(LeaderEpoch.none < LeaderEpoch(0))
        #expect(Timestamp(milliseconds: 7).milliseconds == 7)
    }

    @Test func partitionsAreOrderedByTopicThenNumber() {
        #expect(TopicPartition("a", 10) < TopicPartition("b", 2))
        #expect(TopicPartition("a", 2) < TopicPartition("a", 10))
        #expect(TopicPartition("a-b", 7).description == "a-b-7")
    }

    @Test func durationsBeyondTheRangeAreClamped() {
        #expect(Duration.seconds(Int64.max).wholeNanoseconds == .max)
        #expect(Duration.seconds(Int64.min).wholeNanoseconds == .min)
        #expect(Duration.milliseconds(-3).wholeNanoseconds == -3_000_000)
        #expect(Duration(secondsComponent: 1, attosecondsComponent: 5_000_000_000).wholeNanoseconds == 1_000_000_005)
    }

    @Test func instantsAdvance() {
        let start = Instant(nanoseconds: 5)
        let later = start.advanced(by: .microseconds(2))
        #expect(start < later)
        #expect(start.duration(to: later) == .microseconds(2))
    }

    @Test func theMonotonicClockNeverGoesBack() {
        let time = SystemTime()
        let first = time.instant
        for _ in 0..<1_000 { #expect(first <= time.instant) }
        // After 2020 and before 2200: seconds, milliseconds and nanoseconds are not mixed up.
        #expect((1_577_836_800_000..<7_258_118_400_000).contains(time.now.milliseconds))
    }

    @Test func theSameSeedYieldsTheSameNumbers() {
        var first = SeededGenerator(seed: 7)
        var second = SeededGenerator(seed: 7)
        var other = SeededGenerator(seed: 8)
        let numbers = (0..<100).map { _ in first.next() }
        #expect(numbers == (0..<100).map { _ in second.next() })
        #expect(numbers != (0..<100).map { _ in other.next() })
        #expect(Set(numbers).count == 100)
    }
}
