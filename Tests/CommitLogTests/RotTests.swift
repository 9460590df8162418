import CommitLog
import Model
import Records
import TestSupport
import Testing

/// Bits that flip and files that shrink or go while nobody looks: what is hit is refused, everything else is served.
@Suite struct RotTests {
    /// Also in the header's first 17 bytes, which no batch's checksum covers.
    @Test(arguments: [true, false])
    func everyFlippedBitOfASegmentIsFoundAndCostsItsBatchOnly(clean: Bool) throws {
        let log = try RottenLog(resumes: true)
        #expect(log.segments.count > 4)
        var generator = SeededGenerator(seed: clean ? 1 : 2)
        for _ in 0..<600 {
            let batch = try #require(log.batches.randomElement(using: &generator))
            // Half of them where only the segment's checksum or the neighbours can tell.
            let isHeader = Bool.random(using: &generator)
            let end = isHeader ? batch.bytes.lowerBound + 17 : batch.bytes.upperBound
            let bit = Int.random(in: batch.bytes.lowerBound * 8..<end * 8, using: &generator)
            try log.restore()
            try log.flip(bit, of: batch.path)
            try log.open(clean: clean)
            try log.scrub()
            let place = "bit \(bit) of \(batch.path), batch \(batch.bytes), offsets \(batch.offsets)"
            let lost = try log.lost()
            #expect(lost.offsets == Array(batch.offsets), "\(place)")
            #expect(!lost.isWrong, "\(place)")
            #expect(log.refused == [batch.offsets], "\(place)")
            #expect(log.fixture.log.offsets.logEnd.rawValue == log.end, "\(place)")
        }
    }

    /// A batch that seems to reach the checkpoint by a flipped bit is not taken for the last one: those behind it are kept.
    @Test func aFlippedOffsetDoesNotHideTheBatchesUpToTheCheckpoint() throws {
        let log = try RottenLog(resumes: true)
        let last = log.batches.filter { $0.path == log.segments.last }
        #expect(last.count > 1)
        for batch in last {
            let lastOffsetDelta = 23..<27
            for byte in Array(0..<8) + Array(lastOffsetDelta) {
                for bit in 0..<8 {
                    try log.restore()
                    try log.flip((batch.bytes.lowerBound + byte) * 8 + bit, of: batch.path)
                    try log.open(clean: false)
                    try log.scrub()
                    let place = "bit \(bit) of byte \(byte), offsets \(batch.offsets)"
                    #expect(log.refused == [batch.offsets], "\(place)")
                    let lost = try log.lost()
                    #expect(lost.offsets == Array(batch.offsets) && !lost.isWrong, "\(place)")
                }
            }
        }
    }

    /// Before the search has been there, nothing that fails the client's comparison is hidden, and nothing traps.
    @Test func aFlippedBitThatNobodyHasFoundIsNeverMadeToLookRight() throws {
        let log = try RottenLog(isSummed: false)
        var generator = SeededGenerator(seed: 3)
        for _ in 0..<300 {
            let batch = try #require(log.batches.randomElement(using: &generator))
            let start = batch.bytes.lowerBound + 17
            let bit = Int.random(in: start * 8..<batch.bytes.upperBound * 8, using: &generator)
            try log.restore()
            try log.flip(bit, of: batch.path)
            try log.open(clean: Bool.random(using: &generator))
            let lost = try log.lost()
            #expect(!lost.isWrong, "bit \(bit) of \(batch.path)")
            // A header whose number of offsets has changed hides what follows, until the search has been there.
            guard bit / 8 >= batch.bytes.lowerBound + BatchHeader.length else { continue }
            #expect(Set(lost.offsets).isSubset(of: Set(batch.offsets)), "bit \(bit) of \(batch.path)")
        }
    }

    /// Whatever else rots, no record is lost; who a partition belongs to, and in which format, is not guessed.
    @Test func flipsInOtherFilesCostNoRecords() throws {
        let log = try RottenLog()
        var generator = SeededGenerator(seed: 4)
        for path in log.paths where !path.hasSuffix(".log") {
            let size = log.files[path]?.count ?? 0
            guard size > 0 else { continue }
            for _ in 0..<60 {
                let bit = Int.random(in: 0..<size * 8, using: &generator)
                let clean = Bool.random(using: &generator)
                try log.restore()
                try log.flip(bit, of: path)
                do {
                    try log.open(clean: clean)
                } catch let error as LogError {
                    let mayRefuse = path.hasSuffix("partition.metadata") || path.hasSuffix("checkpoint")
                    #expect(mayRefuse, "bit \(bit) of \(path): \(error)")
                    continue
                }
                try log.scrub()
                let lost = try log.lost()
                #expect(lost.offsets.isEmpty && !lost.isWrong, "bit \(bit) of \(path), clean \(clean): \(lost.offsets)")
            }
        }
    }

    @Test func everySubsetOfLostIndexesIsMadeAnew() throws {
        let log = try RottenLog()
        let indexes = Array(log.paths.filter { $0.hasSuffix("index") }.prefix(8))
        for subset in 1..<(1 << indexes.count) {
            try log.restore()
            for (number, path) in indexes.enumerated() where subset & 1 << number != 0 {
                try log.fileSystem.remove(path)
            }
            try log.open(clean: subset % 2 == 0)
            let lost = try log.lost()
            #expect(lost.offsets.isEmpty && !lost.isWrong, "subset \(subset)")
            let found = try log.fixture.log.offset(forTimestamp: log.fixture.time.now)
            #expect(found?.offset.rawValue == log.batches.last?.offsets.lowerBound, "subset \(subset)")
        }
    }

    /// Of another segment, or of random bytes.
    @Test func foreignIndexesLeadNobodyAstray() throws {
        let log = try RottenLog()
        let indexes = log.paths.filter { $0.hasSuffix("index") }
        var generator = SeededGenerator(seed: 5)
        for path in indexes {
            for _ in 0..<12 {
                let other = indexes.randomElement(using: &generator).flatMap { log.files[$0] } ?? []
                let garbage = (0..<Int.random(in: 0..<100, using: &generator)).map { _ in
                    UInt8.random(in: 0...255, using: &generator)
                }
                try log.restore()
                try log.fixture.overwrite(path, with: Bool.random(using: &generator) ? other : garbage)
                try log.open(clean: Bool.random(using: &generator))
                let lost = try log.lost()
                #expect(lost.offsets.isEmpty && !lost.isWrong, "\(path): \(lost.offsets)")
            }
        }
    }

    /// The missing offsets are those of the batches that are not whole any more, and no others.
    @Test(arguments: [true, false], [true, false])
    func ofAShortenedSegmentTheRestIsServed(clean: Bool, resumes: Bool) throws {
        let log = try RottenLog(resumes: resumes)
        for path in log.segments {
            let good = try #require(log.files[path])
            for size in stride(from: 0, to: good.count, by: 3) {
                let cut = log.batches.filter { $0.path == path && $0.bytes.upperBound > size }
                let first = try #require(cut.first?.offsets.lowerBound)
                let last = try #require(cut.last?.offsets.upperBound)
                try log.restore()
                try log.fixture.overwrite(path, with: Array(good.prefix(size)))
                try log.open(clean: clean)
                let place = "\(path) cut at \(size)"
                #expect(log.refused == [first..<last], "\(place)")
                #expect(log.fixture.log.recovery.quarantined.count == 1, "\(place)")
                let lost = try log.lost()
                #expect(lost.offsets == Array(first..<last) && !lost.isWrong, "\(place)")
                // The log goes on, and no offset is given out twice.
                #expect(try log.fixture.append().baseOffset.rawValue == log.end, "\(place)")
            }
        }
    }

    @Test func aSegmentThatIsGoneIsMissed() throws {
        let log = try RottenLog()
        for path in log.segments.dropFirst() {
            let cut = log.batches.filter { $0.path == path }
            let first = try #require(cut.first?.offsets.lowerBound)
            let last = try #require(cut.last?.offsets.upperBound)
            for clean in [true, false] {
                try log.restore()
                try log.fileSystem.remove(path)
                try log.open(clean: clean)
                #expect(log.refused == [first..<last], "\(path), clean \(clean)")
                let lost = try log.lost()
                #expect(lost.offsets == Array(first..<last) && !lost.isWrong, "\(path), clean \(clean)")
            }
        }
    }

    @Test func formatsOfTheFutureAreRefusedInClearWords() throws {
        let log = try RottenLog()
        let newer: [(name: String, bytes: [UInt8], words: String)] = [
            ("partition.metadata", Array("version: 7\ntopic_id: \(log.fixture.topicID)\n".utf8), "version is '7'"),
            ("leader-epoch-checkpoint", Array("9\n1\n0 0\n".utf8), "version is '9'"),
        ]
        for (name, bytes, words) in newer {
            for clean in [true, false] {
                try log.restore()
                try log.fixture.overwrite("\(log.fixture.directory)/\(name)", with: bytes)
                do {
                    try log.open(clean: clean)
                    Issue.record("\(name) was accepted")
                } catch let error as LogError {
                    #expect(error.description.contains(name) && error.description.contains(words), "\(error)")
                }
                #expect(try log.fixture.contents(of: "\(log.fixture.directory)/\(name)") == bytes)
            }
        }
    }

    /// The index still says where the third batch began. What it leads to looks like a batch, and ends inside what is known
    /// to be damaged: a reader would get its first bytes and never come past them.
    @Test func anIndexThatLeadsBesideABatchIsNotBelieved() throws {
        var config = LogConfig()
        config.indexIntervalBytes = 0
        let fixture = try LogFixture(config: config, on: SimulatedFileSystem())
        for number in 0..<4 { try fixture.append(TestBatch(values: ["\(number)"])) }
        try fixture.log.rollIfAged(always: true)
        try fixture.log.flush()
        let path = "\(fixture.directory)/00000000000000000000.log"
        var bytes = try fixture.contents(of: path)
        let size = bytes.count / 4
        // The second batch takes the first bytes of the third, with a checksum that is right.
        bytes[size + 11] += 4
        let checksum = bytes[size + 21..<2 * size + 4].withUnsafeBytes { CRC32C.checksum($0) }
        withUnsafeBytes(of: checksum.bigEndian) { bytes.replaceSubrange(size + 17..<size + 21, with: $0) }
        fixture.log.abandon()
        try fixture.overwrite(path, with: bytes)
        try fixture.reopenAsIs(clean: false, hints: OpeningHints(recoveryPoint: Offset(4)))
        try fixture.log.scrub(segment: .zero)
        #expect(fixture.log.quarantined.map(\.offsets) == [Offset(2)..<Offset(3)])
        #expect {
            _ = try fixture.log.read(
                from: Offset(2),
                maximumBytes: 1000,
                alwaysOneBatch: true,
                upTo: .logEnd,
                acceptCold: true
            )
        } throws: { error in
            if case .damaged = error as? LogError { true } else { false }
        }
    }
}
