import Model
import NIOCore
import Testing

@testable import MartletCLI

@Suite struct RecordSplitterTests {
    func split(
        _ pieces: [String],
        delimiter: String = "\n",
        maximumLength: Int = 100
    ) throws(RecordSplitter.TooLong) -> [String] {
        var splitter = RecordSplitter(delimiter: Delimiter(bytes: Array(delimiter.utf8)), maximumLength: maximumLength)
        var records: [String] = []
        for piece in pieces {
            splitter.append(ByteBuffer(string: piece))
            while let record = try splitter.next() { records.append(String(buffer: record)) }
        }
        if let record = try splitter.rest() { records.append(String(buffer: record)) }
        return records
    }

    @Test func recordWithoutEndIsRefusedByNumber() {
        #expect(throws: RecordSplitter.TooLong(number: 3, limit: 5)) {
            try split(["a\nb\nccc", "ccc"], maximumLength: 5)
        }
        #expect(throws: RecordSplitter.TooLong(number: 2, limit: 5)) { try split(["a\ncccccc\n"], maximumLength: 5) }
    }

    @Test(arguments: [["a;bbbbbbbb;c;"], ["a;bbb", "bbb", "bb", ";", "c;"], ["a;bbbbbbb", "b;c"]])
    func whatIsTooLongCanBeLeftOut(pieces: [String]) throws {
        var splitter = RecordSplitter(delimiter: Delimiter(bytes: Array(";".utf8)), maximumLength: 5)
        var records: [String] = []
        for piece in pieces {
            splitter.append(ByteBuffer(string: piece))
            while true {
                do throws(RecordSplitter.TooLong) {
                    guard let record = try splitter.next() else { break }
                    records.append("\(splitter.count) \(String(buffer: record))")
                } catch {
                    #expect(error.number == 2)
                    splitter.skip()
                }
            }
        }
        if let record = try splitter.rest() { records.append("\(splitter.count) \(String(buffer: record))") }
        #expect(records == ["1 a", "3 c"])
    }

    @Test func lastRecordNeedsNoDelimiter() throws {
        #expect(try split(["a\nb"]) == ["a", "b"])
        #expect(try split(["a\nb\n"]) == ["a", "b"])
        #expect(try split([]).isEmpty)
    }

    @Test func emptyRecordsAreRecords() throws {
        #expect(try split(["\n\na\n"]) == ["", "", "a"])
    }

    @Test func delimiterMayBeCutInTwo() throws {
        #expect(try split(["a-", "-b-c-", "-", "-d"], delimiter: "--") == ["a", "b-c", "-d"])
    }

    /// Random bytes of a small alphabet, cut into random pieces, split as a plain search does.
    @Test(arguments: 0..<50 as Range<UInt64>)
    func piecesDoNotMatter(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let delimiter = [";", "ab", "aab"].randomElement(using: &generator) ?? ";"
        var text = (0..<200).map { _ in ["a", "b", ";"].randomElement(using: &generator) ?? "a" }.joined()
        let whole = try split([text], delimiter: delimiter, maximumLength: 1000)
        var pieces: [String] = []
        while !text.isEmpty {
            let count = Int.random(in: 1...7, using: &generator)
            pieces.append(String(text.prefix(count)))
            text.removeFirst(min(count, text.count))
        }
        #expect(try split(pieces, delimiter: delimiter, maximumLength: 1000) == whole, "seed \(seed)")
    }
}
