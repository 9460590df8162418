import CommitLog
import Model
import TestSupport
import Testing

/// `martlet log verify` and `martlet log repair` on what has rotted.
@Suite struct RepairTests {
    private func environment(_ log: RottenLog) -> LogEnvironment { log.fixture.environment }

    /// Whose directory it is, which a broker's start leaves.
    private func identify(_ log: RottenLog) throws {
        let directory = try LogDirectory.open(log.fixture.root, nodeID: 1, environment: environment(log))
        try directory.close()
        try log.fixture.overwrite(
            "\(log.fixture.root)/recovery-point-offset-checkpoint",
            with: Array("0\n1\nevents 0 \(log.end)\n".utf8)
        )
    }

    private func survey(_ log: RottenLog) throws -> [Range<Int64>] {
        var found: [Range<Int64>] = []
        try DirectoryRepair.survey(log.fixture.root, environment: environment(log)) { _, range in
            found.append(range.offsets.lowerBound.rawValue..<range.offsets.upperBound.rawValue)
        }
        return found
    }

    private func verify(_ log: RottenLog) throws -> [Finding] {
        let findings = Locked<[Finding]>([])
        _ = try DirectoryVerifier.verify(log.fixture.root, fileSystem: log.fileSystem) { finding in
            findings.withLock { $0.append(finding) }
        }
        return findings.withLock { $0 }
    }

    @Test func ofASoundDirectoryNothingIsSkipped() throws {
        let log = try RottenLog()
        try identify(log)
        #expect(try survey(log) == [])
        #expect(try verify(log) == [])
        try DirectoryRepair.repair(log.fixture.root, environment: environment(log)) { _, _ in
            Issue.record("something was skipped")
        }
        #expect(try verify(log) == [])
        try log.open(clean: true)
        #expect(try log.lost().offsets == [])
    }

    @Test func aDirectoryInUseIsRefused() throws {
        let log = try RottenLog()
        let directory = try LogDirectory.open(log.fixture.root, nodeID: 1, environment: environment(log))
        #expect(throws: LogError.self) { try survey(log) }
        #expect(throws: LogError.self) {
            try DirectoryRepair.repair(log.fixture.root, environment: environment(log)) { _, _ in }
        }
        try directory.close()
    }

    /// Of every batch of the log in turn, a closed segment's or the last one's.
    @Test func consumersGoOnBehindWhatWasSkipped() throws {
        let log = try RottenLog()
        for (number, batch) in log.batches.enumerated() {
            try log.restore()
            try log.fileSystem.remove("\(log.fixture.root)/recovery-point-offset-checkpoint")
            try identify(log)
            let byte = number % 2 == 0 ? batch.bytes.upperBound - 3 : batch.bytes.lowerBound + 13
            try log.flip(byte * 8, of: batch.path)
            #expect(try verify(log).contains { $0.part == .records && $0.path == batch.path }, "\(batch)")
            #expect(try survey(log) == [batch.offsets], "\(batch)")
            #expect(try survey(log) == [batch.offsets], "a survey changes nothing")
            var skipped: [SkippedRange] = []
            try DirectoryRepair.repair(log.fixture.root, environment: environment(log)) { skipped.append($1) }
            #expect(skipped.map(\.range.offsets.lowerBound.rawValue) == [batch.offsets.lowerBound], "\(batch)")
            // The bytes are kept as they were found.
            let file = try #require(skipped.first?.file)
            var bytes = Array((log.files[batch.path] ?? [])[batch.bytes])
            bytes[byte - batch.bytes.lowerBound] ^= 1
            #expect(try log.fixture.contents(of: file) == bytes, "\(batch)")
            #expect(try verify(log).filter { $0.part == .records } == [], "\(batch)")
            #expect(try survey(log) == [], "\(batch)")
            for clean in [true, false] {
                try log.open(clean: clean)
                #expect(log.fixture.log.recovery.quarantined.isEmpty)
                try log.scrub()
                let found = try log.fixture.allValues()
                let expected = (0..<log.end).filter { !batch.offsets.contains($0) }.compactMap { log.values[$0] }
                #expect(found == expected, "\(batch)")
                #expect(log.fixture.log.offsets.logEnd.rawValue == log.end, "\(batch)")
                try log.fixture.log.close()
            }
        }
    }

    @Test func whatIsMissingAltogetherIsSkippedAsWell() throws {
        let log = try RottenLog()
        try identify(log)
        let path = log.segments[1]
        let gone = log.batches.filter { $0.path == path }.dropFirst()
        let first = try #require(gone.first)
        let last = try #require(gone.last)
        try log.fixture.overwrite(path, with: Array((log.files[path] ?? []).prefix(first.bytes.lowerBound)))
        #expect(try survey(log) == [first.offsets.lowerBound..<last.offsets.upperBound])
        try DirectoryRepair.repair(log.fixture.root, environment: environment(log)) { _, skipped in
            #expect(skipped.file == nil)
        }
        #expect(try survey(log) == [])
        try log.open(clean: true)
        let lost = first.offsets.lowerBound..<last.offsets.upperBound
        let expected = (0..<log.end).filter { !lost.contains($0) }.compactMap { log.values[$0] }
        #expect(try log.fixture.allValues() == expected)
    }

    /// The kill comes at every operation of the repair in turn; then it is done again.
    @Test func aRepairThatIsKilledLosesNothing() throws {
        let log = try RottenLog()
        try identify(log)
        let batch = try #require(log.batches.first { $0.bytes.lowerBound > 0 })
        try log.flip((batch.bytes.upperBound - 3) * 8, of: batch.path)
        let expected = (0..<log.end).filter { !batch.offsets.contains($0) }.compactMap { log.values[$0] }
        for point in 0..<400 {
            let disk = log.fileSystem.copy()
            let count = Locked(0)
            disk.inject { operation, _ in
                if operation == .open || operation == .read || operation == .list { return nil }
                return count.withLock { count in
                    count += 1
                    return count > point ? 5 : nil
                }
            }
            let environment = LogEnvironment(fileSystem: disk, time: log.fixture.time)
            var isDone = true
            do {
                try DirectoryRepair.repair(log.fixture.root, environment: environment) { _, _ in }
            } catch {
                isDone = false
            }
            disk.inject(nil)
            let killed = disk.copy()
            let again = LogEnvironment(fileSystem: killed, time: log.fixture.time)
            try DirectoryRepair.repair(log.fixture.root, environment: again) { _, _ in }
            let fixture = try LogFixture(config: log.fixture.config, on: killed)
            #expect(try fixture.allValues() == expected, "killed at operation \(point)")
            fixture.log.abandon()
            if isDone { return }
        }
        Issue.record("the repair has more operations than were tried")
    }
}
