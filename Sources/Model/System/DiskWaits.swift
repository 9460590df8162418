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

    /// Says that the calling thread is about to wait for a disk.
    package static func begin(_ path: String) {
        invariant(!areForbidden, "I9: no event loop waits for a disk, as for \(path)")
    }
}
