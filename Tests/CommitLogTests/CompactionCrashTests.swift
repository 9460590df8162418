import CommitLog
import Glibc
import Model
import NIOCore
import TestSupport
import Testing

/// Compactions that are cut off after each of their file operations.
@Suite struct CompactionCrashTests {
    /// How the process ends.
    enum End: CaseIterable {
        /// What was not synced is gone.
        case powerCut
        case kill
    }

    /// A log with one group to compact, and a tail that is still written.
    private func prepare(_ fileSystem: SimulatedFileSystem) throws -> LogFixture {
        let fixture = try LogFixture(config: .compacted(segmentBytes: 2000), on: fileSystem)
        var config = fixture.config
        config.segmentBytes = 500
        fixture.log.updateConfig(config)
        for number in 0..<24 { try fixture.append([("\(number % 5)", "value \(number)")]) }
        try fixture.log.rollIfAged(always: true)
        try fixture.log.flush()
        config.segmentBytes = 1 << 20
        fixture.log.updateConfig(config)
        return fixture
    }

    @Test(arguments: End.allCases)
    func afterEveryOperationTheLogHasTheOldOrTheNewContents(end: End) throws {
        let reference = try prepare(SimulatedFileSystem())
        let old = try reference.allRecords()
        try reference.log.compact(control: CompactionProbe())
        let new = try reference.allRecords()
        #expect(new.count == 5 && old.count == 24)
        var point = 0
        var seen: Set<Bool> = []
        while true {
            let fileSystem = SimulatedFileSystem()
            let fixture = try prepare(fileSystem)
            let performed = Locked(0)
            let limit = point
            fileSystem.inject { _, _ in
                performed.withLock { count in
                    count += 1
                    return count > limit ? EIO : nil
                }
            }
            var isComplete = true
            do { try fixture.log.compact(control: CompactionProbe()) } catch { isComplete = false }
            fileSystem.inject(nil)
            fixture.log.abandon()
            if end == .powerCut { fileSystem.crash() }
            try fixture.reopenAsIs(clean: false, hints: OpeningHints(recoveryPoint: .zero))
            let found = try fixture.allRecords()
            #expect(found == old || found == new, "crash after operation \(point): \(found)")
            #expect(fixture.log.offsets.logEnd == Offset(24), "crash after operation \(point)")
            seen.insert(found == new)
            try fixture.append([("after", "value")])
            try fixture.compactAll()
            #expect(try fixture.allRecords().count == 6, "crash after operation \(point)")
            let left = try fileSystem.list(fixture.directory).filter { $0.hasSuffix(".cleaned") }
            #expect(left.isEmpty, "crash after operation \(point): \(left)")
            if isComplete { break }
            point += 1
        }
        #expect(seen == [true, false] && point > 20)
    }

    @Test func aFailedOperationIsMadeGoodByTheNextCompaction() throws {
        var point = 0
        while true {
            let fileSystem = SimulatedFileSystem()
            let fixture = try prepare(fileSystem)
            let performed = Locked(0)
            let limit = point
            fileSystem.inject { _, _ in
                performed.withLock { count in
                    count += 1
                    return count == limit + 1 ? ENOSPC : nil
                }
            }
            var hasFailed = false
            do { try fixture.log.compact(control: CompactionProbe()) } catch { hasFailed = true }
            fileSystem.inject(nil)
            let offsets = try fixture.allRecords().map(\.offset)
            #expect(offsets == Array(0..<24) || offsets == Array(19..<24), "failure of operation \(point): \(offsets)")
            do {
                try fixture.log.compact(control: CompactionProbe())
                #expect(try fixture.allRecords().map(\.offset) == Array(19..<24), "failure of operation \(point)")
            } catch {
                // A failed sync is final for the log; everything else can be repeated.
                #expect("\(error)".contains("restart"), "failure of operation \(point): \(error)")
            }
            fixture.log.abandon()
            try fixture.reopenAsIs(clean: false, hints: OpeningHints(recoveryPoint: .zero))
            #expect(try fixture.allRecords().last?.offset == 23, "failure of operation \(point)")
            if !hasFailed, performed.withLock({ $0 }) <= limit { break }
            point += 1
        }
        #expect(point > 20)
    }

    /// The gaps are known to be meant, also if the topic is not compacted any more and the manifest says nothing.
    @Test(arguments: [true, false])
    func gapsOfACompactionThatWasCutOffBetweenTwoSegmentsAreKept(manifestIsSound: Bool) throws {
        for limit in 0..<100 {
            let fixture = try LogFixture(config: .compacted(segmentBytes: 500), on: SimulatedFileSystem())
            for number in 0..<40 { try fixture.append([("\(number % 5)", "value \(number)")]) }
            try fixture.log.rollIfAged(always: true)
            let calls = Locked(0)
            let probe = CompactionProbe { _ in
                calls.withLock { count in
                    count += 1
                    return count <= limit
                }
            }
            var isComplete = true
            do { try fixture.log.compact(control: probe) } catch { isComplete = false }
            let records = try fixture.allRecords()
            try fixture.append([("last", "value")])
            fixture.config.cleanupPolicy = .delete
            let path = "\(fixture.directory)/segments.manifest"
            if !manifestIsSound, try fixture.environment.fileSystem.exists(path) {
                try fixture.overwrite(path, with: [1])
            }
            try fixture.reopen(clean: false, hints: OpeningHints(recoveryPoint: .zero))
            #expect(try fixture.allRecords().dropLast() == records[...], "cut off after \(limit) steps")
            #expect(fixture.log.offsets.logEnd == Offset(41), "cut off after \(limit) steps")
            fixture.log.abandon()
            if manifestIsSound {
                var findings: [Finding] = []
                _ = try DirectoryVerifier.verify(
                    fixture.directory,
                    fileSystem: fixture.environment.fileSystem,
                    report: { findings.append($0) }
                )
                #expect(findings.map(\.description).isEmpty, "cut off after \(limit) steps")
            }
            if isComplete { return #expect(limit > 10) }
        }
        Issue.record("the compaction never ended")
    }

    @Test func aDamagedManifestIsPutAsideAndNothingIsLost() throws {
        let fileSystem = SimulatedFileSystem()
        let fixture = try prepare(fileSystem)
        try fixture.log.compact(control: CompactionProbe())
        let records = try fixture.allRecords()
        let path = "\(fixture.directory)/segments.manifest"
        var bytes = try fixture.contents(of: path)
        bytes[bytes.count / 2] ^= 1
        try fixture.overwrite(path, with: bytes)
        try fixture.reopen(clean: false)
        #expect(fixture.log.recovery.repairedFiles == [path])
        #expect(try fixture.allRecords() == records)
        #expect(try fileSystem.exists(path + ".discarded") && fixture.log.lastCompaction == nil)
    }
}
