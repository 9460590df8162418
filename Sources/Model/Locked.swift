import Glibc

/// A pthread mutex without a value, for types that guard several stored properties with one lock.
///
/// Neither the standard library's `Mutex` (a priority-inheritance futex on Linux, slow under contention) nor NIO's lock
/// (whose closures cannot throw typed errors) fits the log's paths.
package final class Lock: @unchecked Sendable {
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>

    package init() {
        mutex = .allocate(capacity: 1)
        pthread_mutex_init(mutex, nil)
    }

    deinit {
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    /// Runs `body` while holding the lock. Not recursive.
    @inline(__always)
    package func withLock<Result, Failure: Error>(
        _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body()
    }

    /// Runs `body` if nobody holds the lock; nil, and nothing is run, if somebody does.
    package func withLockIfFree<Result>(_ body: () -> Result) -> Result? {
        guard pthread_mutex_trylock(mutex) == 0 else { return nil }
        defer { pthread_mutex_unlock(mutex) }
        return body()
    }
}

/// A value behind a lock; ``withLock(_:)`` is the only way to it.
package final class Locked<Value>: @unchecked Sendable {
    private let lock = Lock()
    private var value: Value

    package init(_ value: Value) { self.value = value }

    /// Runs `body` on the value while holding the lock. Not recursive.
    @inline(__always)
    package func withLock<Result, Failure: Error>(
        _ body: (inout Value) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try lock.withLock { () throws(Failure) -> Result in try body(&value) }
    }

    /// Runs `body` on the value if nobody holds the lock; nil, and nothing is run, if somebody does.
    package func withLockIfFree<Result>(_ body: (inout Value) -> Result) -> Result? {
        lock.withLockIfFree { body(&value) }
    }
}
