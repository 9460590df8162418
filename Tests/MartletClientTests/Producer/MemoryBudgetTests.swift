import Testing

@testable import MartletClient

@Suite struct MemoryBudgetTests {
    @Test func refusesWhatDoesNotFit() {
        var budget = MemoryBudget(limit: 100)
        let outcome1 = budget.reserve(60)
        #expect(outcome1)
        let outcome2 = budget.reserve(41)
        #expect(!outcome2)
        let outcome3 = budget.reserve(40)
        #expect(outcome3)
    }

    @Test func nobodyOvertakesWhoWaits() {
        var budget = MemoryBudget(limit: 100)
        let outcome4 = budget.reserve(90)
        #expect(outcome4)
        let waiter = budget.wait(for: 50)
        #expect(budget.isExhausted)
        let outcome5 = budget.reserve(1)
        #expect(!outcome5, "a small record would starve the large one")
        let outcome6 = budget.release(30)
        #expect(outcome6.isEmpty)
        let outcome7 = budget.release(30)
        #expect(outcome7.map(ObjectIdentifier.init) == [ObjectIdentifier(waiter.room)])
        #expect(budget.used == 80, "the granted bytes are reserved")
        #expect(!budget.isExhausted)
    }

    @Test func whoGivesUpWaitingLetsOthersPass() {
        var budget = MemoryBudget(limit: 100)
        let outcome8 = budget.reserve(90)
        #expect(outcome8)
        let large = budget.wait(for: 50)
        let small = budget.wait(for: 10)
        let outcome9 = budget.abandon(large.id, bytes: 50)
        #expect(outcome9.map(ObjectIdentifier.init) == [ObjectIdentifier(small.room)])
        #expect(budget.used == 100)
    }

    @Test func whoGivesUpAfterBeingServedGivesBack() {
        var budget = MemoryBudget(limit: 100)
        let outcome10 = budget.reserve(90)
        #expect(outcome10)
        let waiter = budget.wait(for: 50)
        let outcome11 = budget.release(90)
        #expect(outcome11.count == 1)
        let outcome12 = budget.abandon(waiter.id, bytes: 50)
        #expect(outcome12.isEmpty)
        #expect(budget.used == 0)
    }
}
