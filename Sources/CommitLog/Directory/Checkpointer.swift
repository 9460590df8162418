import Model
import Synchronization

/// Writes a log directory's checkpoints on a thread of its own, so that recovery has to look at little: soon after
/// something changed, and once a second at most. Thread-safe.
///
/// Between changes the thread sleeps; now and then it wakes all the same, to forget idempotent producers that have been
/// silent for long.
package final class Checkpointer: Sendable {
    /// The time between the beginnings of two checkpoints.
    package static let interval = Duration.seconds(1)
    /// Kafka looks for expired producers as often (`producer.id.expiration.check.interval.ms`).
    private static let expirationInterval = Duration.seconds(600)

    private let directory: LogDirectory
    private let report: @Sendable (LogError?) -> Void
    private let wakeUp = Semaphore()
    private let isDue = Atomic<Bool>(false)
    private let isStopping = Atomic<Bool>(false)
    private let thread = Locked<NamedThread?>(nil)

    /// Starts the thread. `report` is told, on that thread, after each checkpoint why it could not be written, or nil; one
    /// that could not is tried again by itself.
    package init(_ directory: LogDirectory, report: @escaping @Sendable (LogError?) -> Void) {
        self.directory = directory
        self.report = report
        thread.withLock { $0 = NamedThread("checkpoint") { [self] in run() } }
        directory.setChangeHandler { [weak self] in self?.noteChange() }
    }

    /// Ends the thread; blocks until it has. What is not noted by then, closing the directory notes.
    package func stop() {
        isStopping.store(true, ordering: .releasing)
        wakeUp.signal()
        let running = thread.withLock { thread in
            defer { thread = nil }
            return thread
        }
        running?.join()
    }

    /// Says that there is something to note. Never blocks.
    private func noteChange() {
        guard !isDue.exchange(true, ordering: .acquiringAndReleasing) else { return }
        wakeUp.signal()
    }

    private func run() {
        let time = SystemTime()
        var nextExpiration = time.instant.advanced(by: Self.expirationInterval)
        // Looked at before each wait: the pause below may have used up the signal that came with it.
        while !isStopping.load(ordering: .acquiring) {
            wakeUp.wait(atMost: time.instant.duration(to: nextExpiration))
            let begin = time.instant
            if begin >= nextExpiration {
                for log in directory.logs { log.removeExpiredProducers() }
                nextExpiration = begin.advanced(by: Self.expirationInterval)
            }
            if isStopping.load(ordering: .acquiring) { return }
            guard isDue.exchange(false, ordering: .acquiringAndReleasing) else { continue }
            do throws(LogError) {
                try directory.checkpoint()
                report(nil)
            } catch {
                report(error)
                // Unless there is no hope: then nothing becomes durable any more.
                if directory.failure == nil { isDue.store(true, ordering: .releasing) }
            }
            pause(until: begin.advanced(by: Self.interval), time)
        }
    }

    private func pause(until end: Instant, _ time: SystemTime) {
        while time.instant < end, !isStopping.load(ordering: .acquiring) {
            // A change that comes meanwhile has left its mark, so that its signal may be used up here.
            wakeUp.wait(atMost: time.instant.duration(to: end))
        }
        if isDue.load(ordering: .acquiring) { wakeUp.signal() }
    }
}
