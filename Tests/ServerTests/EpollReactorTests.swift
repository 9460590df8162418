import Glibc
import Model
import Testing

@testable import Server

/// The real event loop, with the real clock: what it promises about order and timers.
struct EpollReactorTests {
    private func withReactor(_ body: (EpollReactor) throws -> Void) throws {
        let reactor = try EpollReactor(name: "test", time: SystemTime())
        defer { reactor.stop() }
        try body(reactor)
    }

    @Test func workRunsOnTheLoopsThreadInOrder() throws {
        try withReactor { reactor in
            let done = Semaphore()
            let seen = Locked<[Int]>([])
            for number in 0..<1000 {
                reactor.execute {
                    invariant(reactor.isCurrent, "work runs on the loop's own thread")
                    seen.withLock { $0.append(number) }
                }
            }
            reactor.execute { done.signal() }
            done.wait()
            #expect(seen.withLock { $0 } == Array(0..<1000))
            #expect(!reactor.isCurrent)
        }
    }

    @Test func timersFireInTheOrderOfTheirDeadlines() throws {
        try withReactor { reactor in
            let done = Semaphore()
            let seen = Locked<[Int]>([])
            reactor.execute {
                for (delay, number) in [(30, 3), (10, 1), (20, 2), (10, 11)] {
                    reactor.schedule(after: .milliseconds(delay)) { seen.withLock { $0.append(number) } }
                }
                reactor.schedule(after: .milliseconds(40)) { done.signal() }
            }
            done.wait()
            #expect(seen.withLock { $0 } == [1, 11, 2, 3])
        }
    }

    @Test func cancelledTimersDoNothing() throws {
        try withReactor { reactor in
            let done = Semaphore()
            let fired = Locked(false)
            let timer = reactor.schedule(after: .milliseconds(5)) { fired.withLock { $0 = true } }
            timer.cancel()
            reactor.schedule(after: .milliseconds(20)) { done.signal() }
            done.wait()
            #expect(!fired.withLock { $0 })
            #expect(timer.isDone)
        }
    }

    @Test func workHandedOverBeforeStoppingIsStillDone() throws {
        let reactor = try EpollReactor(name: "test", time: SystemTime())
        let count = Locked(0)
        for _ in 0..<100 { reactor.execute { count.withLock { $0 += 1 } } }
        reactor.stop()
        #expect(count.withLock { $0 } == 100)
    }
}
