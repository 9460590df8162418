public import Glibc

/// A pthread mutex and what it guards in one piece of memory: a partition has a dozen of them, and a request takes as many.
///
/// Neither the standard library's `Mutex` (a priority-inheritance futex on Linux, slow under contention) nor NIO's lock
/// (whose closures cannot throw typed errors) fits the log's paths. All of it can be inlined into other modules: through a
/// generic function that is not specialised, a lock costs several times as much.
@usableFromInline
final class LockStorage<Value>: ManagedBuffer<Value, pthread_mutex_t> {
    @inlinable
    static func make(_ value: Value) -> LockStorage<Value> {
        let storage = unsafeDowncast(create(minimumCapacity: 1) { _ in value }, to: LockStorage<Value>.self)
        storage.withUnsafeMutablePointerToElements { mutex in
            mutex.initialize(to: pthread_mutex_t())
            pthread_mutex_init(mutex, nil)
        }
        return storage
    }

    @inlinable
    deinit {
        withUnsafeMutablePointerToElements { mutex in
            pthread_mutex_destroy(mutex)
            mutex.deinitialize(count: 1)
        }
    }

    @inlinable
    @inline(__always)
    func withLock<Result, Failure: Error>(
        _ body: (inout Value) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try withUnsafeMutablePointers { (value, mutex) throws(Failure) -> Result in
            pthread_mutex_lock(mutex)
            defer { pthread_mutex_unlock(mutex) }
            return try body(&value.pointee)
        }
    }

    @inlinable
    func withLockIfFree<Result>(_ body: (inout Value) -> Result) -> Result? {
        withUnsafeMutablePointers { value, mutex in
            guard pthread_mutex_trylock(mutex) == 0 else { return nil }
            defer { pthread_mutex_unlock(mutex) }
            return body(&value.pointee)
        }
    }
}

/// A mutex without a value, for types that guard several stored properties with one lock.
package struct Lock: @unchecked Sendable {
    // Safe: it is a lock.
    @usableFromInline let storage: LockStorage<Void>

    @inlinable
    package init() { storage = .make(()) }

    /// Runs `body` while holding the lock. Not recursive.
    @inlinable
    @inline(__always)
    package func withLock<Result, Failure: Error>(
        _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try storage.withLock { (_: inout Void) throws(Failure) -> Result in try body() }
    }

    /// Runs `body` if nobody holds the lock; nil, and nothing is run, if somebody does.
    @inlinable
    package func withLockIfFree<Result>(_ body: () -> Result) -> Result? {
        storage.withLockIfFree { (_: inout Void) in body() }
    }
}

/// A value behind a lock; ``withLock(_:)`` is the only way to it. Copies share the value.
package struct Locked<Value>: @unchecked Sendable {
    // Safe: the lock guards the value.
    @usableFromInline let storage: LockStorage<Value>

    @inlinable
    package init(_ value: Value) { storage = .make(value) }

    /// Runs `body` on the value while holding the lock. Not recursive.
    @inlinable
    @inline(__always)
    package func withLock<Result, Failure: Error>(
        _ body: (inout Value) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try storage.withLock(body)
    }

    /// Runs `body` on the value if nobody holds the lock; nil, and nothing is run, if somebody does.
    @inlinable
    package func withLockIfFree<Result>(_ body: (inout Value) -> Result) -> Result? {
        storage.withLockIfFree(body)
    }
}
