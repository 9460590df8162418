import MartletClient
import Model
import NIOCore
import Testing

@testable import MartletCLI

@Suite struct LatencyHistogramTests {
    @Test func ofNothingEverythingIsZero() {
        let histogram = LatencyHistogram()
        #expect(histogram.percentile(99) == 0)
        #expect(histogram.mean == 0)
    }

    @Test(arguments: [0, 1, 127, 128, 129, 255, 256, 257, 1000, 123_456_789, Int64.max / 2, Int64.max])
    func bucketsHoldWhatFallsIntoThem(value: Int64) {
        let bucket = LatencyHistogram.bucket(of: value)
        let largest = LatencyHistogram.largest(in: bucket)
        #expect(largest >= value)
        #expect(Double(largest - value) <= Double(value) / 128)
        #expect(LatencyHistogram.bucket(of: largest) == bucket)
        if largest < .max { #expect(LatencyHistogram.bucket(of: largest + 1) == bucket + 1) }
    }

    @Test func extremesAreCounted() {
        var histogram = LatencyHistogram()
        for value in [-5, 0, .max] as [Int64] { histogram.add(value) }
        #expect(histogram.count == 3)
        #expect(histogram.minimum == 0)
        #expect(histogram.maximum == .max)
        #expect(histogram.percentile(100) == .max)
    }

    @Test(arguments: 0..<20 as Range<UInt64>)
    func percentilesAreThoseOfTheSortedValues(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let values = (0..<1000).map { _ in
            Int64.random(in: 0...(1 << Int64.random(in: 0...40, using: &generator)), using: &generator)
        }.sorted()
        var histogram = LatencyHistogram()
        for value in values { histogram.add(value) }
        for percent in [0.0, 1, 50, 90, 99, 99.9, 100] {
            let exact = values[max(1, Int((percent * 10).rounded(.up))) - 1]
            let found = histogram.percentile(percent)
            #expect(found >= exact && Double(found - exact) <= Double(exact) / 128, "seed \(seed), \(percent) %")
        }
    }
}

@Suite struct BenchMarkTests {
    @Test func whatCarriesNoMarkHasNone() {
        #expect(BenchMark(nil) == nil)
        #expect(BenchMark(BenchLoad(topic: "t", valueBytes: 15, keyCount: 0).record(0).value) == nil)
    }

    @Test func marksComeBack() {
        let load = BenchLoad(topic: "t", valueBytes: 100, keyCount: 3)
        let mark = BenchMark(run: .max, sent: 42)
        let record = load.record(7, mark: mark)
        #expect(BenchMark(record.value) == mark)
        #expect(record.value?.readableBytes == 100)
        #expect(record.key == load.record(1).key)
        #expect(load.record(999_999).value?.readableBytes == 100)
    }
}
