import Model
import TestSupport
import Testing

@testable import CommitLog

/// What was loaded for consumers far behind leaves the page cache behind them, and stays for those who follow.
@Suite struct ColdReadersTests {
    private static let mebibyte = 1 << 20
    private let segment = Offset(0)
    private let file: any File
    private let start = Instant(nanoseconds: 0)

    init() throws { file = try SimulatedFileSystem().open("/file", .createIfMissing) }

    private func at(_ seconds: Int64) -> Instant { start.advanced(by: .seconds(seconds)) }

    private func mebibytes(_ first: Int, _ count: Int = 1) -> Range<Int> {
        first * Self.mebibyte..<(first + count) * Self.mebibyte
    }

    /// Loads these mebibytes one after the other, as one consumer does.
    private func load(_ range: Range<Int>, into readers: inout ColdReaders, at now: Instant) {
        for number in range { readers.loaded(mebibytes(number), of: segment, in: file, now: now) }
    }

    private func unwanted(_ readers: inout ColdReaders) -> [Int] {
        readers.takeUnwanted().map { $0.start / Self.mebibyte }
    }

    @Test func nothingIsUnwantedAtFirst() {
        var readers = ColdReaders()
        #expect(readers.takeUnwanted().isEmpty)
        load(0..<8, into: &readers, at: start)
        #expect(readers.takeUnwanted().isEmpty, "it may still be on its way")
    }

    @Test func whatIsFarBehindTheOnlyReaderIsUnwantedOnce() {
        var readers = ColdReaders()
        load(0..<20, into: &readers, at: start)
        #expect(unwanted(&readers) == Array(0..<12))
        #expect(readers.takeUnwanted().isEmpty)
        load(20..<22, into: &readers, at: start)
        #expect(unwanted(&readers) == [12, 13])
    }

    @Test func whatASecondReaderIsAboutToReadStays() {
        var readers = ColdReaders()
        load(0..<2, into: &readers, at: start)
        // The second one finds in memory what the first has loaded.
        readers.passed(mebibytes(0), of: segment, now: start)
        load(2..<40, into: &readers, at: start)
        #expect(unwanted(&readers).isEmpty)
        readers.passed(mebibytes(1, 29), of: segment, now: start)
        #expect(unwanted(&readers) == Array(0..<22))
    }

    @Test func aSecondReaderThatIsTooFarBehindIsNotWaitedFor() {
        var readers = ColdReaders()
        readers.passed(mebibytes(0), of: segment, now: start)
        load(100..<130, into: &readers, at: start)
        #expect(unwanted(&readers) == Array(100..<122))
    }

    @Test func aReaderThatReadsNothingAnyMoreIsNotWaitedFor() {
        var readers = ColdReaders()
        load(0..<30, into: &readers, at: start)
        readers.passed(mebibytes(0), of: segment, now: start)
        #expect(unwanted(&readers).isEmpty)
        readers.passed(mebibytes(30), of: segment, now: at(61))
        #expect(unwanted(&readers) == Array(0..<23))
    }

    @Test func aReaderThatGoesOnToTheNextSegmentLeavesTheLastOneBehind() {
        var readers = ColdReaders()
        load(0..<4, into: &readers, at: start)
        let next = Offset(1_000)
        readers.loaded(mebibytes(0), of: next, in: file, now: start)
        #expect(unwanted(&readers).isEmpty, "it may still be on its way")
        for number in 1..<10 { readers.loaded(mebibytes(number), of: next, in: file, now: start) }
        #expect(readers.takeUnwanted().map(\.segment) == [segment, segment, segment, segment, next, next])
    }

    @Test func whoIsInAnEarlierSegmentIsAboutToReadTheStartOfALaterOne() {
        var readers = ColdReaders()
        readers.passed(mebibytes(7), of: segment, now: start)
        let next = Offset(1_000)
        for number in 1..<100 { readers.loaded(mebibytes(number), of: next, in: file, now: start) }
        #expect(unwanted(&readers) == Array(64..<92))
    }

    @Test func smallRangesNextToEachOtherAreOne() {
        var readers = ColdReaders()
        let step = Self.mebibyte / 4
        for number in 0..<80 {
            readers.loaded(number * step..<(number + 1) * step, of: segment, in: file, now: start)
        }
        let unwanted = readers.takeUnwanted()
        #expect(unwanted.map { $0.end - $0.start } == Array(repeating: Self.mebibyte, count: 12))
    }

    @Test func aFileThatNobodyElseNeedsIsNotKeptOpen() throws {
        var readers = ColdReaders()
        do {
            let gone = try SimulatedFileSystem().open("/gone", .createIfMissing)
            readers.loaded(mebibytes(0), of: segment, in: gone, now: start)
        }
        load(20..<40, into: &readers, at: start)
        #expect(readers.takeUnwanted().first?.file == nil)
    }

    @Test func noMoreIsRememberedThanTheLimitsSay() {
        var readers = ColdReaders()
        for number in 0..<2 * ColdReaders.mostReaders {
            readers.loaded(mebibytes(1_000 * number), of: segment, in: file, now: start)
        }
        for number in 0..<2 * ColdReaders.mostRanges {
            readers.loaded(mebibytes(100_000 + 2 * number), of: segment, in: file, now: start)
        }
        #expect(readers.takeUnwanted().count <= ColdReaders.mostRanges)
    }

    // MARK: In a log

    private func fixture(_ fileSystem: SimulatedFileSystem) throws -> LogFixture {
        let fixture = try LogFixture(on: fileSystem)
        fixture.environment.recentTailBytes = 0
        let value = String(repeating: "x", count: 900_000)
        for _ in 0..<24 { try fixture.append(TestBatch(values: [value])) }
        try fixture.reopen(clean: true)
        fileSystem.setCold(true)
        return fixture
    }

    @Test func aBackfillLeavesNothingBehindInAFullPageCache() throws {
        let fileSystem = SimulatedFileSystem()
        let fixture = try fixture(fileSystem)
        fileSystem.setPageCacheFull(true)
        for offset: Int64 in 0..<24 { _ = try fixture.read(from: offset, maximumBytes: 1_000_000) }
        let dropped = fileSystem.dropped(suffix: ".log")
        let total = dropped.map(\.count).reduce(0, +)
        #expect(total > 24 * 900_000 - ColdReaders.unsentBytes - 2_000_000)
        #expect(zip(dropped, dropped.dropFirst()).allSatisfy { $0.upperBound == $1.lowerBound })
    }

    @Test func aBackfillLeavesThePageCacheAloneWhereThereIsRoom() throws {
        let fileSystem = SimulatedFileSystem()
        let fixture = try fixture(fileSystem)
        for offset: Int64 in 0..<24 { _ = try fixture.read(from: offset, maximumBytes: 1_000_000) }
        #expect(fileSystem.dropped(suffix: ".log").isEmpty)
    }

    @Test func whoFollowsABackfillFindsItInMemory() throws {
        let fileSystem = SimulatedFileSystem()
        let fixture = try fixture(fileSystem)
        fileSystem.setPageCacheFull(true)
        _ = try fixture.read(from: 0, maximumBytes: 1_000_000)
        fileSystem.setCold(false)
        _ = try fixture.read(from: 0, maximumBytes: 1_000_000)
        fileSystem.setCold(true)
        for offset: Int64 in 1..<24 { _ = try fixture.read(from: offset, maximumBytes: 1_000_000) }
        #expect(fileSystem.dropped(suffix: ".log").isEmpty)
    }
}
