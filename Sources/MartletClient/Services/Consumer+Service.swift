public import ServiceLifecycle

/// A consumer as a service: it lives until the program is asked to stop, and then leaves its group.
///
/// Whoever iterates over the consumer sees its end then. Put the consumer behind the service that iterates in the
/// `ServiceGroup`: groups stop their services in the opposite order, so that the iteration ends by itself.
extension Consumer: Service {
    /// Waits for a graceful shutdown, or for the task's being cancelled, then closes.
    public func run() async throws {
        do {
            try await gracefulShutdown()
        } catch {
            await close()
            throw error
        }
        await close()
    }
}
