import CommitLog
import Model
import NIOCore
import Records
import TestSupport

/// A partition of several closed segments and a written one, and copies of it that tests let rot. Knows which records
/// are where.
final class RottenLog {
    struct Batch {
        let path: String
        let bytes: Range<Int>
        let offsets: Range<Int64>
    }

    let fixture: LogFixture
    let fileSystem = SimulatedFileSystem()
    let batches: [Batch]
    /// By offset.
    let values: [Int64: String]
    /// By path: everything in the partition's directory.
    let files: [String: [UInt8]]

    /// `isSummed`: whether the manifest has the checksums of the closed segments. `resumes`: whether recovery begins at the
    /// checkpoint, also in short segments.
    init(isSummed: Bool = true, resumes: Bool = false) throws {
        var config = LogConfig()
        config.segmentBytes = 300
        config.indexIntervalBytes = 100
        fixture = try LogFixture(config: config, on: fileSystem)
        if resumes { fixture.environment.fullScanBytes = 0 }
        var values: [Int64: String] = [:]
        for number in 0..<14 {
            if number == 6 { try fixture.reopen(clean: false) }
            let batch = TestBatch(
                values: (0...number % 3).map { "\(number)-\($0)" },
                compression: number % 4 == 3 ? .lz4 : .none,
                producer: ProducerID(7),
                epoch: 0,
                sequence: [0, 1, 3][number % 3] + Int32(number / 3 * 6)
            )
            fixture.time.advance(milliseconds: 10)
            let result = try fixture.append(batch)
            for (index, value) in batch.values.enumerated() {
                values[result.baseOffset.rawValue + Int64(index)] = value
            }
        }
        self.values = values
        try fixture.log.flush()
        if isSummed {
            for base in try fixture.log.segmentsToScrub(onlyNew: true) { try fixture.log.scrub(segment: base) }
            try fixture.log.noteScrubbed()
        }
        try fixture.log.close()
        var files: [String: [UInt8]] = [:]
        for name in try fileSystem.list(fixture.directory) {
            files["\(fixture.directory)/\(name)"] = try fixture.contents(of: "\(fixture.directory)/\(name)")
        }
        self.files = files
        batches = try files.keys.filter { $0.hasSuffix(".log") }.sorted().flatMap { path in
            try Self.batches(in: files[path] ?? [], path)
        }
    }

    private static func batches(in bytes: [UInt8], _ path: String) throws -> [Batch] {
        var batches: [Batch] = []
        var sequence = BatchSequence(ByteBuffer(bytes: bytes))
        var position = 0
        while let element = try sequence.next() {
            let end = position + element.header.totalLength
            let offsets = element.header.baseOffset.rawValue..<element.header.nextOffset.rawValue
            batches.append(Batch(path: path, bytes: position..<end, offsets: offsets))
            position = end
        }
        return batches
    }

    var end: Int64 { batches.last?.offsets.upperBound ?? 0 }

    var paths: [String] { files.keys.sorted() }

    /// The `.log` files, oldest first.
    var segments: [String] { paths.filter { $0.hasSuffix(".log") } }

    /// What is durable, as the checkpoint has it after a stop.
    var hints: OpeningHints { OpeningHints(recoveryPoint: Offset(end)) }

    /// Brings every file back to what it was.
    func restore() throws {
        fixture.log.abandon()
        for name in try fileSystem.list(fixture.directory) where files["\(fixture.directory)/\(name)"] == nil {
            try fileSystem.removeTree("\(fixture.directory)/\(name)")
        }
        for (path, bytes) in files { try fixture.overwrite(path, with: bytes) }
    }

    /// Flips one bit.
    func flip(_ bit: Int, of path: String) throws {
        var bytes = files[path] ?? []
        bytes[bit / 8] ^= 1 << UInt8(bit % 8)
        try fixture.overwrite(path, with: bytes)
    }

    func open(clean: Bool) throws { try fixture.reopenAsIs(clean: clean, hints: hints) }

    func scrub() throws {
        for base in try fixture.log.segmentsToScrub(onlyNew: false) { try fixture.log.scrub(segment: base) }
    }

    /// What a client that compares checksums gets for each offset; nil where it is refused.
    func readAll() throws -> [Int64: String?] {
        var found: [Int64: String?] = [:]
        for offset in 0..<end {
            do {
                let records = try fixture.read(from: offset, maximumBytes: 1).first?.records ?? []
                found[offset] = .some(records.first { $0.offset.rawValue == offset }?.text)
            } catch let error as LogError where error.errorCode == .corruptMessage {
                found[offset] = .some(nil)
            } catch is BatchError {
                // The client's own comparison has failed.
                found[offset] = .some(nil)
            }
        }
        return found
    }

    /// The offsets that are not served as they were written, and whether something else is served in their place.
    func lost() throws -> (offsets: [Int64], isWrong: Bool) {
        let found = try readAll()
        var lost: [Int64] = []
        var isWrong = false
        for offset in 0..<end {
            guard let value = found[offset] ?? nil else {
                lost.append(offset)
                continue
            }
            if value != values[offset] { isWrong = true }
        }
        return (lost, isWrong)
    }

    /// The ranges that are refused, merged where they touch.
    var refused: [Range<Int64>] {
        var merged: [Range<Int64>] = []
        for range in fixture.log.quarantined where !range.offsets.isEmpty {
            let offsets = range.offsets.lowerBound.rawValue..<range.offsets.upperBound.rawValue
            if let last = merged.last, last.upperBound == offsets.lowerBound {
                merged[merged.count - 1] = last.lowerBound..<offsets.upperBound
            } else {
                merged.append(offsets)
            }
        }
        return merged
    }
}
