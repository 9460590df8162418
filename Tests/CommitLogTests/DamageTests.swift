import CommitLog
import Model
import TestSupport
import Testing

/// Flipped bits, cut, lost and foreign files: verification notices them, and opening survives them.
@Suite struct DamageTests {
    @Test func aSoundLogHasNoFindings() throws {
        let log = try DamagedLog()
        #expect(log.paths(".log").count > 3)
        #expect(log.paths(".snapshot").count > 0)
        #expect(try log.verify(VerificationOptions(readsRecords: true)) == [])
    }

    /// With the leader epochs' checkpoint and without compaction, the 16 bytes that the checksum leaves out are no
    /// exception.
    @Test func everyFlippedBitOfABatchIsFound() throws {
        let log = try DamagedLog()
        // A sealed segment, and the last.
        for path in [log.paths(".log")[1], log.paths(".log").last].compactMap({ $0 }) {
            let good = try #require(log.files[path])
            for bit in 0..<good.count * 8 {
                var bad = good
                bad[bit / 8] ^= 1 << UInt8(bit % 8)
                try log.fixture.overwrite(path, with: bad)
                let findings = try log.verify()
                #expect(findings.contains { $0.part == .records }, "byte \(bit / 8), bit \(bit % 8) of \(path)")
            }
            try log.fixture.overwrite(path, with: good)
        }
    }

    /// What is not in a segment can be made anew from the segments, so that no flip costs a record.
    @Test func flipsOutsideOfSegmentsCostNoRecords() throws {
        let log = try DamagedLog()
        var generator = SeededGenerator(seed: 20)
        for path in log.files.keys.sorted() where !path.hasSuffix(".log") {
            let good = try #require(log.files[path])
            guard !good.isEmpty else { continue }
            for _ in 0..<40 {
                let bit = Int.random(in: 0..<good.count * 8, using: &generator)
                var bad = good
                bad[bit / 8] ^= 1 << UInt8(bit % 8)
                for clean in [true, false] {
                    try log.restore()
                    try log.fixture.overwrite(path, with: bad)
                    _ = try log.verify()
                    let found = try log.valuesAfterOpening(clean: clean)
                    // Whose file it is and of which format cannot be guessed: the log is left alone.
                    let mayRefuse = path.hasSuffix("partition.metadata") || path.hasSuffix("checkpoint")
                    if found == nil, mayRefuse { continue }
                    #expect(found == log.values, "bit \(bit) of \(path), clean \(clean)")
                }
            }
        }
    }

    @Test func everyFlipOfASnapshotIsFound() throws {
        let log = try DamagedLog()
        for path in log.paths(".snapshot") {
            let good = try #require(log.files[path])
            for bit in 0..<good.count * 8 {
                var bad = good
                bad[bit / 8] ^= 1 << UInt8(bit % 8)
                try log.fixture.overwrite(path, with: bad)
                #expect(try log.verify().contains { $0.part == .producers }, "bit \(bit) of \(path)")
            }
            try log.fixture.overwrite(path, with: good)
        }
    }

    /// An entry that points elsewhere, or has an offset that no batch behind it ends with, is found; what remains only
    /// makes a search begin earlier than it could.
    @Test func everyFlipOfAnIndexIsFoundOrHarmless() throws {
        let log = try DamagedLog()
        for path in log.paths("index") {
            let good = try #require(log.files[path])
            for bit in 0..<good.count * 8 {
                var bad = good
                bad[bit / 8] ^= 1 << UInt8(bit % 8)
                try log.fixture.overwrite(path, with: bad)
                if try log.verify().contains(where: { $0.part == .index }) { continue }
                #expect(try log.valuesAfterOpening(clean: true) == log.values, "bit \(bit) of \(path)")
                try log.restore()
            }
            try log.fixture.overwrite(path, with: good)
        }
    }

    @Test func cutSegmentsAreFoundAndSurvived() throws {
        let log = try DamagedLog()
        let last = log.paths(".log").last
        for path in log.paths(".log") {
            let good = try #require(log.files[path])
            for length in 0..<good.count {
                try log.fixture.overwrite(path, with: Array(good.prefix(length)))
                let findings = try log.verify()
                // The end of the log at the end of a batch is an end like any other, but the indexes know more.
                #expect(!findings.isEmpty || path == last, "\(path) cut at \(length)")
                if length % 7 == 0 {
                    for clean in [true, false] {
                        let found = try log.valuesAfterOpening(clean: clean)
                        #expect(found.map { Set($0).isSubset(of: log.values) } ?? true)
                        try log.restore()
                    }
                }
            }
            try log.restore()
        }
    }

    @Test func lostIndexesAreFoundAndMadeAnew() throws {
        let log = try DamagedLog()
        for path in log.paths("index") where !path.contains("checkpoint") {
            for clean in [true, false] {
                try log.restore()
                try log.fileSystem.remove(path)
                let isSealed = log.paths(".log").last.map { !path.hasPrefix($0.dropLast(4)) }
                if isSealed == true {
                    #expect(try log.verify().contains { $0.part == .index && $0.path == path })
                }
                #expect(try log.valuesAfterOpening(clean: clean) == log.values, "\(path), clean \(clean)")
            }
        }
    }

    @Test func foreignIndexesAreFoundAndDoNotMislead() throws {
        let log = try DamagedLog()
        for suffix in [".index", ".timeindex"] {
            let paths = log.paths(suffix)
            for (number, path) in paths.enumerated() {
                let foreign = try #require(log.files[paths[(number + 1) % paths.count]])
                guard foreign != log.files[path], !foreign.isEmpty else { continue }
                for clean in [true, false] {
                    try log.restore()
                    try log.fixture.overwrite(path, with: foreign)
                    _ = try log.verify()
                    #expect(try log.valuesAfterOpening(clean: clean) == log.values, "\(path), clean \(clean)")
                }
            }
        }
    }

    @Test(arguments: 1...20)
    func noMixtureOfDamageTraps(seed: UInt64) throws {
        let log = try DamagedLog()
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<10 {
            try log.restore()
            for path in log.files.keys.sorted() where Bool.random(using: &generator) {
                var bytes = log.files[path] ?? []
                for _ in 0..<Int.random(in: 0...4, using: &generator) where !bytes.isEmpty {
                    let position = Int.random(in: 0..<bytes.count, using: &generator)
                    switch Int.random(in: 0..<4, using: &generator) {
                    case 0: bytes[position] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
                    case 1: bytes[position] = UInt8.random(in: 0...255, using: &generator)
                    case 2: bytes.removeSubrange(position...)
                    default: bytes.insert(contentsOf: [0, 0, 0, 0, 0, 0, 0], at: position)
                    }
                }
                try log.fixture.overwrite(path, with: bytes)
            }
            _ = try log.verify(VerificationOptions(readsRecords: true))
            _ = try log.valuesAfterOpening(clean: Bool.random(using: &generator))
        }
    }
}
