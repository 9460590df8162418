import Foundation
import Model
import Testing

struct LockedTests {
    private struct Refused: Error, Equatable {}

    @Test func aThrownErrorReleasesTheLock() {
        let locked = Locked(1)
        #expect(throws: Refused()) { try locked.withLock { _ throws(Refused) in throw Refused() } }
        #expect(locked.withLock { $0 } == 1)
    }

    @Test func threadsTakeTurns() {
        let locked = Locked(0)
        DispatchQueue.concurrentPerform(iterations: 8) { _ in
            for _ in 0..<10_000 { locked.withLock { $0 += 1 } }
        }
        #expect(locked.withLock { $0 } == 80_000)
    }

    @Test func scheduledWorkRunsOnceUnlessCancelled() {
        let count = Locked(0)
        let work = ScheduledWork { count.withLock { $0 += 1 } }
        #expect(!work.isDone)
        work.fire()
        work.fire()
        #expect(count.withLock { $0 } == 1)
        #expect(work.isDone)
        let cancelled = ScheduledWork { count.withLock { $0 += 1 } }
        cancelled.cancel()
        cancelled.fire()
        #expect(cancelled.isDone)
        #expect(count.withLock { $0 } == 1)
    }
}
