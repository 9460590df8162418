import Glibc

/// What a process still says when a seed traps or hangs: which it was.
enum LastWords {
    /// Only ever written by the one thread that simulates, and read by a handler that interrupts it.
    nonisolated(unsafe) static var seed: UInt64 = 0 {
        didSet { alarm(hangsAfterSeconds) }
    }

    private static let hangsAfterSeconds: UInt32 = 60

    static func install() {
        for number in [SIGILL, SIGTRAP, SIGABRT, SIGSEGV, SIGBUS, SIGALRM] {
            signal(number) { number in
                print(number == SIGALRM ? "seed \(LastWords.seed) hangs" : "seed \(LastWords.seed) traps")
                print("Again, step by step: scripts/simulate --seed \(LastWords.seed)")
                fflush(nil)
                _exit(3)
            }
        }
    }
}
