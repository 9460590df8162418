import Model
import Testing

@testable import MartletClient

@Suite struct FetchPlanTests {
    let metadata = ClusterMetadata.fixture(["t": [1, 1, 2, nil]])

    func plan(prefetch: Int = 1000, end: Int64? = nil) -> FetchPlan {
        var plan = FetchPlan(prefetchBytes: prefetch)
        for index: Int32 in 0...3 { plan.add(TopicPartition("t", index), position: 10, end: end) }
        return plan
    }

    func items(_ next: FetchPlan.Next) -> [FetchPlan.Item] {
        guard case .fetch(let items, _) = next else { return [] }
        return items
    }

    func next(_ node: Int32?, at milliseconds: Int64 = 0, _ plan: inout FetchPlan) -> FetchPlan.Next {
        plan.next(for: node, metadata: metadata, now: .at(milliseconds: milliseconds))
    }

    @Test func eachLeaderIsAskedForItsPartitions() {
        var plan = plan()
        let first = next(1, &plan)
        #expect(
            first
                == .fetch(
                    [
                        FetchPlan.Item(partition: TopicPartition("t", 0), offset: 10),
                        FetchPlan.Item(partition: TopicPartition("t", 1), offset: 10),
                    ],
                    isComplete: true
                )
        )
        let leaderless = next(nil, &plan)
        #expect(items(leaderless).map(\.partition.partition) == [3])
        #expect(plan.nodes(metadata) == [1, 2, nil])
    }

    @Test func partitionOnItsWayIsNotAskedForAgain() {
        var plan = plan()
        _ = next(1, &plan)
        let again = next(1, &plan)
        #expect(again == .wait(until: nil))
    }

    @Test func partitionThatIsFarAheadWaitsForTheReader() throws {
        var plan = plan(prefetch: 400)
        let asked = items(next(1, &plan))
        plan.received(asked[0], bytes: 100, nextOffset: 20)
        plan.received(asked[1], bytes: 0, nextOffset: nil)
        let second = next(1, &plan)
        #expect(second == .fetch([asked[1]], isComplete: false), "so the broker must not wait long")
        plan.received(asked[1], bytes: 0, nextOffset: nil)
        plan.consumed(asked[0].partition, bytes: 100)
        let third = next(1, &plan)
        #expect(items(third).map(\.offset) == [20, 10])
    }

    @Test func failedPartitionPausesAlone() {
        var plan = plan()
        let asked = items(next(1, &plan))
        plan.received(asked[1], bytes: 0, nextOffset: nil)
        let failures = plan.failed(asked[0]) { .at(milliseconds: Int64($0) * 100) }
        #expect(failures == 1)
        let second = next(1, at: 99, &plan)
        #expect(items(second) == [asked[1]])
        let third = next(1, at: 99, &plan)
        #expect(third == .wait(until: .at(milliseconds: 100)))
        let fourth = next(1, at: 100, &plan)
        #expect(items(fourth) == [asked[0]])
    }

    @Test func endsWhereThePartitionsEnded() {
        var plan = plan(end: 20)
        #expect(!plan.isFinished)
        for node: Int32? in [1, 2, nil] {
            for item in items(next(node, &plan)) { plan.received(item, bytes: 10, nextOffset: 20) }
        }
        #expect(plan.isFinished)
        #expect(plan.nodes(metadata).isEmpty)
    }

    @Test func emptyPartitionIsAtItsEnd() {
        var plan = FetchPlan(prefetchBytes: 100)
        plan.add(TopicPartition("t", 0), position: 7, end: 7)
        #expect(plan.isFinished)
    }

    @Test func positionBehindTheEndIsLeftToTheBroker() {
        var plan = FetchPlan(prefetchBytes: 100)
        plan.add(TopicPartition("t", 0), position: 100, end: 7)
        #expect(!plan.isFinished, "the consumer's policy decides, once the broker has refused")
        let asked = items(next(1, &plan))
        #expect(asked.map(\.offset) == [100])
        plan.reset(asked[0], to: 7)
        #expect(plan.isFinished)
    }
}

/// Partitions that come, go and move while requests are on their way.
@Suite struct FetchPlanChangesTests {
    private static let partition = TopicPartition("t", 0)
    private static let now = Instant(nanoseconds: 0)

    private func plan() -> FetchPlan {
        var plan = FetchPlan(prefetchBytes: 100)
        plan.add(Self.partition, position: 5, end: nil)
        return plan
    }

    private func items(_ plan: inout FetchPlan) -> [FetchPlan.Item] {
        guard case .fetch(let items, _) = plan.next(for: nil, metadata: ClusterMetadata(), now: Self.now) else {
            return []
        }
        return items
    }

    @Test func anAnswerForAPartitionThatMovedMeanwhileChangesNothing() throws {
        var plan = plan()
        let old = try #require(items(&plan).first)
        plan.seek(Self.partition, to: 50)
        #expect(!plan.isCurrent(old.partition, old.epoch))
        plan.received(old, bytes: 10, nextOffset: 15)
        plan.failed(old) { _ in Self.now }
        let new = try #require(items(&plan).first)
        #expect(new.offset == 50)
        #expect(plan.isCurrent(new.partition, new.epoch))
    }

    @Test func anAnswerForAPartitionThatCameBackMeanwhileChangesNothing() throws {
        var plan = plan()
        let old = try #require(items(&plan).first)
        plan.remove(Self.partition)
        #expect(plan.all.isEmpty)
        plan.add(Self.partition, position: 8, end: nil)
        plan.received(old, bytes: 1000, nextOffset: 15)
        plan.consumed(Self.partition, bytes: 1000, epoch: old.epoch)
        #expect(items(&plan).map(\.offset) == [8])
    }

    @Test func pausedPartitionsAreNotFetched() {
        var plan = plan()
        plan.setPaused(Self.partition, true)
        #expect(items(&plan).isEmpty)
        plan.seek(Self.partition, to: 7)
        #expect(plan.isPaused(Self.partition))
        plan.setPaused(Self.partition, false)
        #expect(items(&plan).map(\.offset) == [7])
    }
}
