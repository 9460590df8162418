import Model
import Testing

@testable import Broker

private func at(_ seconds: Int64) -> Instant { Instant(nanoseconds: seconds * 1_000_000_000) }

@Test func timersComeInTheOrderInWhichTheyAreDue() {
    var queue = TimerQueue<String>()
    queue.set("late", due: at(3))
    queue.set("early", due: at(1))
    #expect(queue.pop(now: at(0)) == nil)
    #expect(queue.next == at(1))
    #expect(queue.pop(now: at(3)) == "early")
    #expect(queue.pop(now: at(3)) == "late")
    #expect(queue.pop(now: at(9)) == nil)
    #expect(queue.next == nil)
}

@Test func aTimerThatIsPutOffComesOnceAndLater() {
    var queue = TimerQueue<String>()
    queue.set("a", due: at(1))
    queue.set("a", due: at(5))
    #expect(queue.pop(now: at(4)) == nil)
    #expect(queue.next == at(5))
    #expect(queue.pop(now: at(5)) == "a")
    #expect(queue.pop(now: at(9)) == nil)
}

@Test func aTimerThatIsBroughtForwardComesOnceAndEarlier() {
    var queue = TimerQueue<String>()
    queue.set("a", due: at(5))
    queue.set("a", due: at(1))
    #expect(queue.pop(now: at(1)) == "a")
    #expect(queue.pop(now: at(9)) == nil)
}

@Test func aCancelledTimerDoesNotCome() {
    var queue = TimerQueue<String>()
    queue.set("a", due: at(1))
    queue.cancel("a")
    #expect(queue.isEmpty)
    #expect(queue.pop(now: at(9)) == nil)
    queue.set("a", due: at(2))
    #expect(queue.pop(now: at(9)) == "a")
}

@Test func timersAgreeWithAListThatIsSearched() {
    var random = SeededGenerator(seed: 7)
    var queue = TimerQueue<Int>()
    var expected: [Int: Instant] = [:]
    for now in Int64(0)..<3000 {
        for _ in 0..<3 {
            let name = Int.random(in: 0..<2000, using: &random)
            if Int.random(in: 0..<4, using: &random) == 0 {
                queue.cancel(name)
                expected[name] = nil
            } else {
                let due = at(now + Int64.random(in: 1..<300, using: &random))
                queue.set(name, due: due)
                expected[name] = due
            }
        }
        var fired: Set<Int> = []
        while let name = queue.pop(now: at(now)) { fired.insert(name) }
        let due = Set(expected.filter { $0.value <= at(now) }.keys)
        #expect(fired == due)
        for name in due { expected[name] = nil }
    }
}
