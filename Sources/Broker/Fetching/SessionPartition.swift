import CommitLog
import Synchronization

/// One partition of a fetch session, which tells the session when its log has changed. It is told of one event at a time:
/// a session that nobody uses any more costs its logs one call each, and no more.
///
/// Owned by the session's lock but for what is said below.
final class SessionPartition: LogObserver, @unchecked Sendable {
    // Safe: each property has a lock or is atomic, see there.

    private let news: FetchNews
    /// Owned by the session's lock.
    var target: FetchTarget
    /// What it is among the topics of the moment; nil if that is not known. Owned by the session's lock.
    var place: FetchedPartition?
    /// Owned by the lock of the session's news.
    var isListed = false
    /// The log that is, or was, observed. Owned by the session's lock.
    private var log: PartitionLog?
    /// Set while the log is to tell of its next event.
    private let isObserving = Atomic<Bool>(false)

    init(_ target: FetchTarget, _ news: FetchNews) {
        self.target = target
        self.news = news
    }

    /// Sees to it that whatever happens from now on is noted. With the session's lock held.
    func observe(_ current: PartitionLog) {
        if let log, log !== current { stopObserving() }
        log = current
        // Said before it is so: the event may come at once.
        guard !isObserving.exchange(true, ordering: .acquiringAndReleasing) else { return }
        current.observeNextEvent(self)
    }

    /// With the session's lock held.
    func stopObserving() {
        log?.removeObserver(self)
        log = nil
        isObserving.store(false, ordering: .releasing)
    }

    func highWatermarkAdvanced() { note() }

    func logClosed() { note() }

    func boundsMoved() { note() }

    private func note() {
        isObserving.store(false, ordering: .releasing)
        news.note(self)
    }
}
