import Model
import Testing

@testable import MartletClient

@Suite struct StickyPartitionTests {
    @Test func staysForATurnOfBytes() {
        var generator = SeededGenerator(seed: 1)
        var sticky = StickyPartition()
        let first = sticky.next(bytes: 10, available: [0, 1, 2, 3], count: 4, turn: 100, using: &generator)
        for _ in 0..<9 {
            let next = sticky.next(bytes: 10, available: [0, 1, 2, 3], count: 4, turn: 100, using: &generator)
            #expect(next == first)
        }
    }

    @Test func givesEveryPartitionItsTurn() {
        var generator = SeededGenerator(seed: 2)
        var sticky = StickyPartition()
        var seen: Set<Int32> = []
        for _ in 0..<200 {
            seen.insert(sticky.next(bytes: 100, available: [0, 1, 2, 3], count: 4, turn: 100, using: &generator))
        }
        #expect(seen == [0, 1, 2, 3])
    }

    @Test func avoidsPartitionsWithoutALeader() {
        var generator = SeededGenerator(seed: 3)
        var sticky = StickyPartition()
        for _ in 0..<50 {
            let next = sticky.next(bytes: 100, available: [2], count: 4, turn: 100, using: &generator)
            #expect(next == 2)
        }
    }

    @Test func takesAnyPartitionIfNoneHasALeader() {
        var generator = SeededGenerator(seed: 4)
        var sticky = StickyPartition()
        let chosen = sticky.next(bytes: 1, available: [], count: 3, turn: 100, using: &generator)
        #expect((0..<3).contains(chosen))
    }
}
