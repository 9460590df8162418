import CSyscalls
import Glibc
import Model

/// Calls back when the process is asked to end by SIGINT or SIGTERM; the second time it ends at once. Owned by the
/// command that waits, for the rest of the process's life: there is one per process.
final class Interrupts: Sendable {
    /// The exit status of a process that was interrupted, as shells count it.
    private static let interrupted: CInt = 130

    private let watcher: NamedThread

    /// - Parameter handler: Called once, on a thread of its own.
    init(_ handler: @escaping @Sendable () -> Void) {
        let signals = martlet_watch_signals()
        watcher = NamedThread("signals") {
            Self.waitForSignal(signals)
            handler()
            // Whoever asks twice does not want to wait for what is under way.
            Self.waitForSignal(signals)
            _exit(Self.interrupted)
        }
    }

    private static func waitForSignal(_ descriptor: CInt) {
        var byte: UInt8 = 0
        while read(descriptor, &byte, 1) < 0 && errno == EINTR {}
    }
}
