/// Told when a partition's log has moved on; wakes parked fetches. Called without any of the log's locks held, on
/// whichever thread moved the log: it must not block.
package protocol LogObserver: AnyObject, Sendable {
    /// The high watermark has advanced, or the durable offset: there is more to read, or to acknowledge.
    func highWatermarkAdvanced()
    /// The log was closed or deleted, or its directory has failed: there will never be more.
    func logClosed()
    /// Records were removed, or a leader epoch has begun: what was said of the log's bounds is no longer so.
    func boundsMoved()
}

extension LogObserver {
    package func boundsMoved() {}
}
