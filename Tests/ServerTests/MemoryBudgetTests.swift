import Testing

@testable import Server

/// The memory for requests that are being received: what has begun can always be finished.
@Suite struct MemoryBudgetTests {
    @Test func nothingMoreIsGivenOnceItIsUsedUp() {
        let budget = MemoryBudget(limit: 10)
        #expect(budget.reserve(4))
        // Who comes while something is left gets all it asks for.
        #expect(budget.reserve(20))
        #expect(!budget.reserve(1))
        budget.release(20)
        #expect(budget.reserve(1))
    }

    @Test func ofThoseWhoHaveBegunOneAtATimeGetsWhatItNeeds() {
        let budget = MemoryBudget(limit: 10)
        for _ in 0..<3 { #expect(budget.reserve(4)) }
        #expect(budget.reserve(50, more: 1))
        #expect(!budget.reserve(1, more: 2))
        #expect(!budget.reserve(1, more: 3))
        #expect(budget.reserve(50, more: 1), "it may need more than once")
        budget.release(100)
        budget.finish(1)
        #expect(budget.reserve(50, more: 3))
        #expect(!budget.reserve(1, more: 2))
        budget.finish(2)
        #expect(!budget.reserve(1, more: 2), "only who is favoured makes room for another")
        budget.finish(3)
        #expect(budget.reserve(1, more: 2))
    }

    @Test func nobodyIsFavouredWhileThereIsEnough() {
        let budget = MemoryBudget(limit: 10)
        #expect(budget.reserve(4))
        #expect(budget.reserve(4, more: 1))
        #expect(budget.reserve(4, more: 2))
        #expect(budget.reserve(4, more: 2))
        #expect(!budget.reserve(4, more: 1))
    }
}
