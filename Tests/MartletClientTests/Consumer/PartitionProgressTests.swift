import Testing

@testable import MartletClient

@Suite struct PartitionProgressTests {
    @Test func whereReadingBeginsNothingIsToBeCommitted() {
        var progress = PartitionProgress(position: 7, followsBatches: true)
        #expect(progress.finished() == 7)
        #expect(progress.committed == 7)
    }

    @Test func onlyWhatIsFinishedWithoutAGapCounts() {
        var progress = PartitionProgress(position: 0, followsBatches: true)
        let marks = [BatchMark(start: 0, end: 10), BatchMark(start: 10, end: 20), BatchMark(start: 25, end: 30)]
        for mark in marks { progress.handOut(mark) }
        #expect(progress.position == 30)
        #expect(progress.finished() == 0)
        marks[1].finish(upTo: 20)
        #expect(progress.finished() == 0)
        marks[0].finish(upTo: 4)
        #expect(progress.finished() == 4)
        marks[0].finish(upTo: 10)
        // The third batch begins behind a gap that compaction left.
        #expect(progress.finished() == 25)
        marks[2].finish(upTo: 30)
        #expect(progress.finished() == 30)
    }

    @Test func offsetsWithoutRecordsArePassedOnceAllBeforeThemIsFinished() {
        var progress = PartitionProgress(position: 0, followsBatches: true)
        let mark = BatchMark(start: 0, end: 3)
        progress.handOut(mark)
        progress.pass(upTo: 5)
        #expect(progress.position == 5)
        #expect(progress.finished() == 0)
        mark.finish(upTo: 3)
        #expect(progress.finished() == 5)
        progress.pass(upTo: 4)
        #expect(progress.position == 5)
    }

    @Test func theLeaderEpochIsThatOfTheLastRecordBeforeTheOffset() {
        var progress = PartitionProgress(position: 0, followsBatches: false)
        #expect(progress.leaderEpoch(before: 0) == nil)
        progress.handOut(BatchMark(start: 0, end: 10), leaderEpoch: 4)
        progress.handOut(BatchMark(start: 10, end: 20), leaderEpoch: 4)
        progress.handOut(BatchMark(start: 20, end: 30), leaderEpoch: 6)
        progress.pass(upTo: 35)
        #expect(progress.leaderEpoch(before: 0) == nil)
        #expect(progress.leaderEpoch(before: 1) == 4)
        #expect(progress.leaderEpoch(before: 20) == 4)
        #expect(progress.leaderEpoch(before: 21) == 6)
        #expect(progress.leaderEpoch(before: 35) == 6)
    }

    @Test func anUnknownLeaderEpochIsNotThatOfTheRecordsBefore() {
        var progress = PartitionProgress(position: 0, followsBatches: false)
        progress.handOut(BatchMark(start: 0, end: 10), leaderEpoch: 4)
        progress.handOut(BatchMark(start: 10, end: 20))
        #expect(progress.leaderEpoch(before: 20) == nil)
    }

    @Test func theApplicationsWordCountsWhereBatchesDoNot() {
        var progress = PartitionProgress(position: 0, followsBatches: false)
        progress.handOut(BatchMark(start: 0, end: 10))
        #expect(progress.finished() == 0)
        progress.finish(upTo: 6)
        #expect(progress.finished() == 6)
    }
}
