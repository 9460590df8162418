import CSyscalls
import Glibc
import Model

/// Calls back when the process is asked to end by SIGINT or SIGTERM; the second time it ends at once, because whoever asks
/// twice does not want to wait for what is under way. Once per process, until its end.
enum Interrupts {
    /// Shells' convention for a process that a signal ended.
    private static let statusOfInterrupted: CInt = 130

    static func watch(_ handler: @escaping @Sendable () -> Void) {
        let signals = martlet_watch_signals()
        // The thread lasts as long as the process, so nobody joins it.
        _ = NamedThread("signals") {
            guard waitForOne(signals) else { return }
            handler()
            if waitForOne(signals) { _exit(statusOfInterrupted) }
        }
    }

    private static func waitForOne(_ signals: CInt) -> Bool {
        var number: UInt8 = 0
        while true {
            let count = read(signals, &number, 1)
            if count == 1 { return true }
            guard count < 0, errno == EINTR else { return false }
        }
    }
}
