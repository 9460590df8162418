import Testing

@testable import MartletClient

@Suite struct PartitionLagTests {
    private func lag(committed: Int64?, end: Int64?, next: PartitionLag.Next) -> PartitionLag {
        PartitionLag(
            partition: Partition(topic: "t", index: 0),
            committed: committed.map { CommittedOffset(offset: $0) },
            start: 0,
            end: end,
            next: next
        )
    }

    @Test func isUnknownWithoutCommitOrEnd() {
        #expect(lag(committed: nil, end: 5, next: .unknown(reason: "-")).records == nil)
        #expect(lag(committed: 5, end: nil, next: .unknown(reason: "-")).records == nil)
        #expect(lag(committed: 5, end: nil, next: .unknown(reason: "-")).age(at: 9) == nil)
    }

    @Test func isNeverNegative() {
        #expect(lag(committed: 9, end: 5, next: .nothing).records == 0)
        #expect(lag(committed: 0, end: 5, next: .record(offset: 0, timestamp: 1000)).age(at: 900) == 0)
        #expect(lag(committed: .max, end: .max, next: .nothing).records == 0)
    }

    @Test func countsOffsetsAndMilliseconds() {
        let behind = lag(committed: 2, end: 5, next: .record(offset: 2, timestamp: 1000))
        #expect(behind.records == 3)
        #expect(behind.age(at: 4500) == 3500)
        #expect(lag(committed: 5, end: 5, next: .nothing).age(at: 4500) == 0)
        #expect(lag(committed: 2, end: 5, next: .record(offset: 2, timestamp: -1)).age(at: 4500) == nil)
    }
}
