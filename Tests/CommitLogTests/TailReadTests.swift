import CommitLog
import Glibc
import Model
import TestSupport
import Testing

/// Reads where the log grows, which must cost next to nothing, and how much of a file any read looks at.
@Suite struct TailReadTests {
    private func read(_ log: PartitionLog, from offset: Int64, maximumBytes: Int = 1 << 20) throws -> FetchedRange {
        let outcome = try log.read(
            from: Offset(offset),
            maximumBytes: maximumBytes,
            alwaysOneBatch: true,
            upTo: .highWatermark
        )
        guard case .data(let range) = outcome else { throw Unexpected.cold }
        return range
    }

    private enum Unexpected: Error { case cold }

    private func texts(_ range: FetchedRange) throws -> [String] {
        guard let slice = range.slice else { return [] }
        return try ReadBatch.parse(slice).flatMap(\.records).map(\.text)
    }

    @Test func aCutLogIsNotReadFromWhereItsOldBatchesEnded() throws {
        let fixture = try LogFixture()
        for text in ["a", "b", "longer than what replaces it"] { try fixture.append(TestBatch(values: [text])) }
        #expect(try texts(read(fixture.log, from: 0)).count == 3)
        #expect(try fixture.log.truncate(to: Offset(1)) == Offset(1))
        for text in ["x", "y", "z"] { try fixture.append(TestBatch(values: [text])) }
        #expect(try texts(read(fixture.log, from: 3)) == ["z"])
        #expect(try texts(read(fixture.log, from: 1)) == ["x", "y", "z"])
    }

    @Test func aReaderThatKeepsUpNeedsNoLookAtTheFile() throws {
        let fileSystem = SimulatedFileSystem()
        let fixture = try LogFixture(on: fileSystem)
        try fixture.append(TestBatch(values: ["first"]))
        _ = try read(fixture.log, from: 0)
        // Nothing may be asked of the disk either.
        fileSystem.setCold(true)
        let before = fileSystem.count(of: .read)
        var found: [FetchedRange] = []
        for number in 1...20 {
            try fixture.append(TestBatch(values: ["\(number)"]))
            try fixture.append(TestBatch(values: ["\(number) too"]))
            found.append(try read(fixture.log, from: Int64(2 * number - 1)))
        }
        #expect(fileSystem.count(of: .read) == before)
        fileSystem.setCold(false)
        for (index, range) in found.enumerated() {
            #expect(range.baseOffsetOfFirstBatch == Offset(Int64(2 * index + 1)))
            #expect(try texts(range) == ["\(index + 1)", "\(index + 1) too"])
        }
    }

    @Test func aReaderThatKeepsUpIsGivenNoMoreThanItWants() throws {
        let fixture = try LogFixture()
        try fixture.append(TestBatch(values: ["first"]))
        _ = try read(fixture.log, from: 0)
        for number in 1...5 { try fixture.append(TestBatch(values: ["\(number)"])) }
        let one = try read(fixture.log, from: 1, maximumBytes: 1)
        #expect(try texts(one) == ["1"])
        #expect(one.availableBytes > 4 * (one.slice?.length ?? 0))
        #expect(try texts(read(fixture.log, from: 1)) == ["1", "2", "3", "4", "5"])
    }

    @Test func readersGoOnFromOneSegmentToTheNext() throws {
        var config = LogConfig()
        config.segmentBytes = 250
        let fixture = try LogFixture(config: config)
        var next: Int64 = 0
        for number in 0..<12 {
            try fixture.append(TestBatch(values: ["\(number)"]))
            while next < fixture.log.offsets.logEnd.rawValue {
                let found = try texts(read(fixture.log, from: next))
                try #require(!found.isEmpty)
                #expect(found == (next..<next + Int64(found.count)).map(String.init))
                next += Int64(found.count)
            }
        }
        #expect(fixture.log.segmentCount > 3)
    }

    /// More consumers than there are places to remember where they read on.
    @Test func manyReadersAtDifferentPlacesAllReadTheirOwn() throws {
        let fixture = try LogFixture()
        for number in 0..<16 {
            try fixture.append(TestBatch(values: ["\(number)"]))
            for from in 0...number {
                #expect(try texts(read(fixture.log, from: Int64(from))) == (from...number).map(String.init))
            }
        }
    }

    @Test func aWalkOverSmallBatchesReadsManyOfThemAtOnce() throws {
        var config = LogConfig()
        config.indexIntervalBytes = 1 << 20
        let fileSystem = SimulatedFileSystem()
        let fixture = try LogFixture(config: config, on: fileSystem)
        for number in 0..<100 { try fixture.append(TestBatch(values: ["\(number)"])) }
        try fixture.reopen(clean: true)
        // Opens the file, which is cold while it is closed.
        #expect(try fixture.read(from: 0).count == 100)
        let before = fileSystem.count(of: .read)
        #expect(try texts(read(fixture.log, from: 99)) == ["99"])
        // The walk passes 7 KB of batches in windows of 4 KiB; the last read is this test's own, of what was found.
        #expect(fileSystem.count(of: .read) - before <= 5)
    }
}
