public import ServiceLifecycle

/// A producer as a service: it lives until the program is asked to stop, and then delivers what it has taken.
///
/// Put it in front of the services that use it in their `ServiceGroup`: groups stop their services in the opposite order, so
/// that the producer outlives whoever produces.
extension Producer: Service {
    /// Waits for a graceful shutdown, then delivers everything and closes; when the task is cancelled, ends at once.
    ///
    /// Throws what ``close()`` throws.
    public func run() async throws {
        do {
            try await gracefulShutdown()
        } catch {
            await abort()
            throw error
        }
        try await close()
    }
}
