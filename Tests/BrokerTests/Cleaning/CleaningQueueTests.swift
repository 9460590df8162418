import Model
import Testing

@testable import Broker

@Suite struct CleaningQueueTests {
    private let now = Instant(nanoseconds: 1_000_000_000)
    private let first = TopicPartition("a", 0)
    private let second = TopicPartition("b", 0)

    private func candidates(_ ratios: [(TopicPartition, Double)]) -> [CleaningQueue.Candidate] {
        ratios.map { CleaningQueue.Candidate(partition: $0.0, dirtyRatio: $0.1) }
    }

    @Test func aFailedPartitionWaitsLongerEachTimeWhileOthersGoOn() {
        var queue = CleaningQueue(backoff: .seconds(1))
        let dirty = candidates([(first, 0.9), (second, 0.6)])
        #expect(queue.take(from: dirty, now: now)?.partition == first)
        queue.failed(first, "the disk is odd", at: Timestamp(milliseconds: 5), now: now)
        #expect(queue.failures[first]?.reason == "the disk is odd")
        #expect(queue.take(from: dirty, now: now)?.partition == second)
        #expect(queue.take(from: dirty, now: now) == nil)
        #expect(queue.take(from: dirty, now: now.advanced(by: .seconds(1)))?.partition == first)
        queue.failed(first, "again", at: Timestamp(milliseconds: 6), now: now)
        #expect(queue.failures[first]?.attempts == 2)
        #expect(!queue.admits(first, now: now.advanced(by: .seconds(1))))
        #expect(queue.admits(first, now: now.advanced(by: .seconds(2))))
        queue.succeeded(first, at: Timestamp(milliseconds: 7))
        #expect(queue.failures.isEmpty)
    }

    @Test func theLongestWaitHasALimit() {
        var queue = CleaningQueue(backoff: .seconds(15))
        for _ in 0..<100 { queue.failed(first, "reason", at: Timestamp(milliseconds: 5), now: now) }
        #expect(queue.admits(first, now: now.advanced(by: .seconds(600))))
    }

    @Test func theDirtiestGoesFirst() {
        var queue = CleaningQueue(backoff: .seconds(1))
        #expect(queue.take(from: candidates([(first, 0.5), (second, 0.6)]), now: now)?.partition == second)
        #expect(queue.take(from: candidates([(first, 0.5), (second, 0.6)]), now: now)?.partition == first)
    }

    @Test func bytesFlowAtTheRate() {
        var pace = TransferPace(bytesPerSecond: 1000)
        #expect(pace.wait(after: 500, now: now) == .milliseconds(500))
        #expect(pace.wait(after: 500, now: now.advanced(by: .milliseconds(500))) == .milliseconds(500))
        #expect(pace.wait(after: 1000, now: now.advanced(by: .seconds(60))) == .milliseconds(900))
    }

    @Test func withoutALimitNothingWaits() {
        var pace = TransferPace(bytesPerSecond: .greatestFiniteMagnitude)
        for _ in 0..<100 { #expect(pace.wait(after: 1 << 30, now: now) == .zero) }
    }
}
