import Glibc
import Model
import TestSupport

/// The program behind scripts/simulate.
@main
enum Simulate {
    static func main() {
        let arguments = Array(CommandLine.arguments.dropFirst())
        makeHashingRepeatable()
        LastWords.install()
        switch (arguments.first, arguments.count) {
        case ("--seed", 2):
            guard let seed = UInt64(arguments[1]) else { usage() }
            exit(runTraced(seed) ? 0 : 1)
        case (let count?, 1...2):
            guard let count = UInt64(count), let first = UInt64(arguments.count > 1 ? arguments[1] : "0") else {
                usage()
            }
            exit(run(first..<first + count) ? 0 : 1)
        default: usage()
        }
    }

    private static func usage() -> Never {
        print("usage: simulate COUNT [FIRST] | simulate --seed SEED")
        exit(2)
    }

    /// Dictionaries have an order of their own in every process, unless this is set before it starts.
    private static func makeHashingRepeatable() {
        guard getenv("SWIFT_DETERMINISTIC_HASHING") == nil else { return }
        setenv("SWIFT_DETERMINISTIC_HASHING", "1", 1)
        execv("/proc/self/exe", CommandLine.unsafeArgv)
    }

    private static func run(_ seeds: Range<UInt64>) -> Bool {
        let begin = SystemTime().instant
        var crashes = 0
        var operations = 0
        for seed in seeds {
            let (failure, simulation) = Scenario.run(seed)
            crashes += simulation.crashes
            operations += simulation.fileSystem.operationCount
            guard let failure else { continue }
            print("seed \(seed) fails: \(failure)\nAgain, step by step: scripts/simulate --seed \(seed)")
            return false
        }
        let seconds = Double(begin.duration(to: SystemTime().instant).wholeNanoseconds) / 1e9
        let rate = Int(Double(seeds.count) / max(seconds, 0.001))
        print("\(seeds.count) seeds with \(crashes) crashes and \(operations) operations of the disk: all is well.")
        print("\(Int(seconds.rounded())) s, \(rate) seeds a second")
        return true
    }

    private static func runTraced(_ seed: UInt64) -> Bool {
        let (failure, _) = Scenario.run(seed) { print($0) }
        print(failure.map { "seed \(seed) fails: \($0)" } ?? "seed \(seed): all is well")
        return failure == nil
    }
}
