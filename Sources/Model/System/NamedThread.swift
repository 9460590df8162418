import CSyscalls
import Glibc

/// A thread with a name that tools show. Owned by whoever starts it, who must also join it.
package final class NamedThread: Sendable {
    private let thread: pthread_t

    private final class Body: Sendable {
        let name: String
        let niceness: CInt
        let run: @Sendable () -> Void

        init(name: String, niceness: CInt, run: @escaping @Sendable () -> Void) {
            self.name = name
            self.niceness = niceness
            self.run = run
        }
    }

    /// Starts a thread.
    ///
    /// - Parameters:
    ///   - name: At most 15 bytes are kept by the kernel.
    ///   - niceness: How far it stands back when there is more to do than processors: 0 as others, 19 farthest.
    ///   - run: What it does; the thread ends when it returns.
    package init(_ name: String, niceness: CInt = 0, _ run: @escaping @Sendable () -> Void) {
        var thread = pthread_t()
        let body = Unmanaged.passRetained(Body(name: name, niceness: niceness, run: run))
        let result = pthread_create(&thread, nil, NamedThread.main, body.toOpaque())
        invariant(result == 0, "thread \(name) cannot be started: \(systemMessage(result))")
        self.thread = thread
    }

    private static let main: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { argument in
        guard let argument else { return nil }
        let body = Unmanaged<Body>.fromOpaque(argument).takeRetainedValue()
        martlet_name_thread(body.name)
        // Refused somewhere, it is a thread like others, which is no reason not to run.
        if body.niceness > 0 { _ = martlet_set_niceness(body.niceness) }
        body.run()
        return nil
    }

    /// Waits until the thread has ended. Once only.
    package func join() { pthread_join(thread, nil) }
}
