/// The seam for an event loop: one thread that runs what is handed to it, in order, and timers.
///
/// What a reactor owns is touched on its thread only. Nothing that runs on it may block.
package protocol Reactor: AnyObject, Sendable {
    /// Whether the calling thread is this reactor's.
    var isCurrent: Bool { get }

    /// Runs `work` on the reactor's thread, after what was handed over before. Callable from any thread.
    func execute(_ work: @escaping @Sendable () -> Void)

    /// Runs `work` on the reactor's thread no sooner than `delay` from now. Callable from any thread.
    @discardableResult
    func schedule(after delay: Duration, _ work: @escaping @Sendable () -> Void) -> ScheduledWork
}

/// A timer that can be cancelled from any thread. Owned by its reactor.
package final class ScheduledWork: Sendable {
    private let work: Locked<(@Sendable () -> Void)?>

    package init(_ work: @escaping @Sendable () -> Void) { self.work = Locked(work) }

    /// Makes the timer do nothing when it is due, and lets go of what it holds.
    package func cancel() { work.withLock { $0 = nil } }

    /// Whether ``cancel()`` was called or the work has run.
    package var isDone: Bool { work.withLock { $0 == nil } }

    /// Runs the work once, unless cancelled.
    package func fire() {
        let due = work.withLock { held in
            defer { held = nil }
            return held
        }
        due?()
    }
}
