internal import CSyscalls

/// The rule that no event loop waits for a disk (I9). An event loop says of its thread what it is, and whatever syncs
/// asks before it does. Owned by each thread for itself.
package enum DiskWaits {
    /// The calling thread is an event loop, for good.
    package static func forbidOnThisThread() { _ = martlet_forbid_disk_waits(1) }

    /// Runs `body` as on an event loop: for tests, whose loops have no thread of their own.
    package static func forbidden<Result, Failure: Error>(
        _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let before = martlet_forbid_disk_waits(1)
        defer { _ = martlet_forbid_disk_waits(before) }
        return try body()
    }

    /// Whether the calling thread is an event loop.
    package static var areForbidden: Bool { martlet_disk_waits_are_forbidden() != 0 }

    /// What is told of an event loop that waits all the same.
    private static let report = Locked<(@Sendable (String) -> Void)?>(nil)

    /// Has a broken rule reported, with the path that is waited for, instead of ending the process: a client that waits is
    /// better off than all clients without a broker. For a broker in use; tests do without.
    package static func report(to report: @escaping @Sendable (_ path: String) -> Void) {
        self.report.withLock { $0 = report }
    }

    /// Says that the calling thread is about to wait for a disk.
    package static func begin(_ path: String) {
        guard areForbidden else { return }
        let report = report.withLock { $0 }
        invariant(report != nil, "I9: no event loop waits for a disk, as for \(path)")
        report?(path)
    }
}
