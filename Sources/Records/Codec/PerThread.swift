import Glibc
import Model

/// A C object for each thread that asks for one: made at the first time, freed when the thread ends.
///
/// For contexts of compression libraries, which are expensive to make and can be used by one thread at a time. That
/// the calls are synchronous is what makes it safe: nobody else runs on the thread between taking and leaving.
final class PerThread: Sendable {
    private let key: pthread_key_t
    private let make: @Sendable () -> OpaquePointer?
    private let free: @Sendable (OpaquePointer) -> Void

    /// - Parameter destroy: Called with the object when its thread ends. Does what `free` does.
    init(
        make: @escaping @Sendable () -> OpaquePointer?,
        free: @escaping @Sendable (OpaquePointer) -> Void,
        destroy: @escaping @convention(c) (UnsafeMutableRawPointer?) -> Void
    ) {
        var key = pthread_key_t()
        let status = pthread_key_create(&key, destroy)
        invariant(status == 0, "a process has 1,024 thread-specific keys, and we make two")
        self.key = key
        self.make = make
        self.free = free
    }

    /// The calling thread's object, or nil if there is no memory for it.
    func current() -> OpaquePointer? {
        if let object = pthread_getspecific(key) { return OpaquePointer(object) }
        guard let object = make() else { return nil }
        let status = pthread_setspecific(key, UnsafeRawPointer(object))
        guard status == 0 else {
            free(object)
            return nil
        }
        return object
    }

    /// Frees the calling thread's object. The next call to ``current()`` makes another.
    func discard() {
        guard let object = pthread_getspecific(key) else { return }
        pthread_setspecific(key, nil)
        free(OpaquePointer(object))
    }
}
