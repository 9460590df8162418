import Model
import TestSupport
import Testing

@testable import CommitLog

/// A queue whose changes can stand in an expectation. Owned by one test.
private final class TestedQueue {
    private var queue = CommitQueue()

    var hasDue: Bool { queue.hasDue }
    var nextDeadline: Instant? { queue.nextDeadline }

    func add(_ log: PartitionLog, _ request: FlushRequest, now: Instant) -> Bool {
        queue.add(log, request, now: now)
    }

    func take(now: Instant, isLast: Bool = false) -> PartitionLog? { queue.take(now: now, isLast: isLast) }
    func finish(_ log: PartitionLog) { queue.finish(log) }
    func removeAll() { queue.removeAll() }
}

@Suite struct CommitQueueTests {
    private let fixtures: [LogFixture]
    private let interval = CommitQueue.relaxedInterval

    init() throws {
        fixtures = try (0..<3).map { _ in try LogFixture(on: SimulatedFileSystem()) }
    }

    private func log(_ number: Int) -> PartitionLog { fixtures[number].log }

    private func instant(_ milliseconds: Int64) -> Instant { Instant(nanoseconds: milliseconds * 1_000_000) }

    private func urgent() -> FlushRequest { FlushRequest(urgency: .urgent) }

    private func relaxed() -> FlushRequest { FlushRequest(urgency: .relaxed) }

    @Test func aLogIsTakenByOneThreadAtATime() throws {
        let queue = TestedQueue()
        #expect(queue.add(log(0), urgent(), now: instant(0)))
        let taken = try #require(queue.take(now: instant(0)))
        #expect(taken === log(0))
        // No thread need be woken: the one that has it will look again.
        #expect(!queue.add(log(0), urgent(), now: instant(0)))
        #expect(queue.take(now: instant(0)) == nil)
        queue.finish(log(0))
        #expect(queue.take(now: instant(0)) === log(0))
        queue.finish(log(0))
        #expect(queue.take(now: instant(0)) == nil)
    }

    @Test func whoIsFirstInTheQueueIsServedFirst() {
        let queue = TestedQueue()
        for number in [2, 0, 1] { _ = queue.add(log(number), urgent(), now: instant(0)) }
        for number in [2, 0, 1] { #expect(queue.take(now: instant(0)) === log(number)) }
        #expect(!queue.hasDue)
    }

    @Test func whatNobodyWaitsForIsSyncedAtOnceAndThenNowAndAgain() {
        let queue = TestedQueue()
        #expect(queue.add(log(0), relaxed(), now: instant(0)))
        #expect(queue.take(now: instant(0)) === log(0))
        queue.finish(log(0))
        #expect(queue.add(log(0), relaxed(), now: instant(1)))
        #expect(!queue.add(log(1), relaxed(), now: instant(2)))
        #expect(queue.take(now: instant(4)) == nil)
        #expect(queue.nextDeadline == instant(0).advanced(by: interval))
        #expect(queue.take(now: instant(5)) === log(0))
        #expect(queue.take(now: instant(5)) === log(1))
        #expect(queue.nextDeadline == nil)
    }

    @Test func somebodyWhoWaitsDoesNotWaitForTheInterval() {
        let queue = TestedQueue()
        _ = queue.add(log(0), relaxed(), now: instant(0))
        _ = queue.take(now: instant(0))
        queue.finish(log(0))
        _ = queue.add(log(0), relaxed(), now: instant(1))
        #expect(queue.add(log(0), urgent(), now: instant(1)))
        #expect(queue.take(now: instant(1)) === log(0))
    }

    @Test func timedRequestsComeWhenTheyAreDueTheEarliestOnce() {
        let queue = TestedQueue()
        func timed(_ milliseconds: Int) -> FlushRequest {
            FlushRequest(urgency: .timed, delay: .milliseconds(milliseconds))
        }
        #expect(queue.add(log(0), timed(100), now: instant(0)))
        #expect(!queue.add(log(1), timed(200), now: instant(0)))
        #expect(!queue.add(log(0), timed(150), now: instant(0)))
        #expect(queue.add(log(1), timed(50), now: instant(0)))
        #expect(queue.nextDeadline == instant(50))
        #expect(queue.take(now: instant(49)) == nil)
        #expect(queue.take(now: instant(50)) === log(1))
        #expect(queue.take(now: instant(100)) === log(0))
        #expect(queue.nextDeadline == nil)
    }

    @Test func inTheEndNothingWaitsForAnInterval() {
        let queue = TestedQueue()
        _ = queue.add(log(0), relaxed(), now: instant(0))
        _ = queue.take(now: instant(0))
        _ = queue.add(log(1), relaxed(), now: instant(0))
        #expect(queue.take(now: instant(0), isLast: true) === log(1))
    }

    @Test func whatIsForgottenDoesNotComeBack() {
        let queue = TestedQueue()
        for number in 0..<3 { _ = queue.add(log(number), urgent(), now: instant(0)) }
        _ = queue.take(now: instant(0))
        _ = queue.add(log(0), urgent(), now: instant(0))
        queue.removeAll()
        queue.finish(log(0))
        #expect(queue.take(now: instant(1000), isLast: true) == nil)
        #expect(queue.nextDeadline == nil)
    }

    @Test func aLongQueueGivesItsPlacesBack() {
        let queue = TestedQueue()
        for round in 0..<1000 {
            for number in 0..<3 { _ = queue.add(log(number), urgent(), now: instant(0)) }
            for number in 0..<3 {
                #expect(queue.take(now: instant(0)) === log(number), "round \(round)")
                queue.finish(log(number))
            }
        }
        #expect(!queue.hasDue)
    }
}
