import CommitLog
import Model
import NIOCore
import TestSupport
import Testing

/// What the simulator has found about compacted logs, in small.
@Suite struct CompactionFindingsTests {
    private let fileSystem = SimulatedFileSystem()

    /// Compaction may leave gaps, but what a power cut leaves behind a hole in what was not durable is not to be kept, lest
    /// records be served whose predecessors are lost.
    @Test(arguments: [true, false])
    func aHoleInWhatWasNotDurableIsNoGapOfACompaction(isBetweenSegments: Bool) throws {
        let fixture = try LogFixture(config: .compacted(segmentBytes: 1000), on: fileSystem)
        for number in 0..<3 { try fixture.append([("\(number)", "durable")]) }
        try fixture.log.flush()
        let path = "\(fixture.directory)/00000000000000000000.log"
        let durable = try fixture.contents(of: path)
        try fixture.append([("lost", "value")])
        let end = try fixture.contents(of: path).count
        try fixture.append([("lost", "value")])
        if isBetweenSegments { try fixture.log.rollIfAged(always: true) }
        try fixture.append([("behind the hole", "value")])
        let all = try fixture.contents(of: path)
        fixture.log.abandon()
        // Of the first segment all that was not durable is gone; in one segment, a whole batch is.
        let rest = isBetweenSegments ? [] : Array(all[end...])
        try fixture.overwrite(path, with: durable + rest)
        try fixture.reopenAsIs(clean: false, hints: OpeningHints(recoveryPoint: Offset(3)))
        #expect(fixture.log.offsets.logEnd == Offset(3))
        #expect(try fixture.allRecords().map(\.offset) == [0, 1, 2])
        #expect(try fixture.append([("next", "value")]).baseOffset == Offset(3))
    }

    /// Kafka keeps no manifest: where its compaction was, nothing says, and gaps are no reason to cut anything off.
    @Test func aCompactedLogThatKafkaHasWrittenMayHaveGapsEverywhere() throws {
        let fixture = try LogFixture(config: .compacted(segmentBytes: 1000), on: fileSystem)
        let path = "\(fixture.directory)/00000000000000000000.log"
        try fixture.append([("first", "value")])
        let first = try fixture.contents(of: path).count
        try fixture.append([("compacted away", "value")])
        let second = try fixture.contents(of: path).count
        try fixture.append([("third", "value")])
        let all = try fixture.contents(of: path)
        fixture.log.abandon()
        try fixture.overwrite(path, with: Array(all[..<first] + all[second...]))
        try fixture.overwrite(
            "\(fixture.directory)/partition.metadata",
            with: Array("version: 0\ntopic_id: \(fixture.topicID)\n".utf8)
        )
        try fixture.reopenAsIs(clean: false, hints: OpeningHints(recoveryPoint: .zero))
        #expect(try fixture.allRecords().map(\.offset) == [0, 2])
        #expect(fixture.log.offsets.logEnd == Offset(3))
    }

    /// A producer's last batch may be lost with the power; then the one before is all by which its retries are known.
    @Test func aProducerIsKnownAfterAPowerCutThatTakesItsLastBatch() throws {
        let fixture = try LogFixture(config: .compacted(), on: fileSystem)
        let producer = ProducerID(7)
        let batch = try fixture.batch([("key", "first")], producer: producer, sequence: 0)
        let first = try fixture.log.append(batch)
        try fixture.append([("key", "second")])
        try fixture.append([("other", "value")])
        try fixture.log.rollIfAged(always: true)
        try fixture.log.flush()
        // Not durable when compaction begins.
        try fixture.append([("third", "value")], producer: producer, sequence: 1)
        try fixture.log.compact(control: CompactionProbe())
        #expect(try fixture.allRecords().map(\.offset) == [1, 2, 3])
        fixture.log.abandon()
        fileSystem.crash()
        // Without any snapshot, which is only in the page cache until the log is closed.
        for name in try fileSystem.list(fixture.directory) where name.hasSuffix(".snapshot") {
            try fileSystem.remove("\(fixture.directory)/\(name)")
        }
        try fixture.reopenAsIs(clean: false, hints: OpeningHints(recoveryPoint: .zero))
        let isLastLost = fixture.log.offsets.logEnd == Offset(3)
        if isLastLost {
            let again = try fixture.log.append(batch)
            #expect(again.isDuplicate && again.baseOffset == first.baseOffset)
        } else {
            // It is durable, since a compaction rests on it.
            let result = try fixture.append([("fourth", "value")], producer: producer, sequence: 2)
            #expect(result.baseOffset == Offset(4) && !result.isDuplicate)
            #expect(throws: LogError.self) { try fixture.log.append(batch) }
        }
    }
}
