/// What a seed stands for: a long random run, or, for one in fifty, a short one that is interrupted at each of its
/// operations in turn, or, for one in a hundred, at each of a compaction's.
enum Scenario {
    private static let exhaustiveEvery: UInt64 = 50
    private static let compactionEvery: UInt64 = 100
    private static let exhaustiveSteps = 30
    private static let mostOperations = 5000

    static func run(_ seed: UInt64, trace: ((String) -> Void)? = nil) -> (failure: String?, simulation: Simulation) {
        LastWords.seed = seed
        let simulation = Simulation(seed: seed, trace: trace)
        do {
            if seed % exhaustiveEvery == exhaustiveEvery - 1 {
                try runExhaustively(seed, trace)
            } else if compacts(seed) {
                try compactExhaustively(seed, trace)
            } else {
                try simulation.run()
            }
            return (nil, simulation)
        } catch {
            return ("\(error)", simulation)
        }
    }

    private static func runExhaustively(_ seed: UInt64, _ trace: ((String) -> Void)?) throws {
        for operation in 1...mostOperations {
            let simulation = Simulation(seed: seed, trace: trace)
            LastWords.seed = seed
            do {
                if try !simulation.run(steps: exhaustiveSteps, haltAt: operation) { return }
            } catch {
                throw Violation("interrupted at operation \(operation): \(error)")
            }
        }
    }

    /// Whether the seed is about one compaction.
    static func compacts(_ seed: UInt64) -> Bool { seed % compactionEvery == 24 }

    private static func compactExhaustively(_ seed: UInt64, _ trace: ((String) -> Void)?) throws {
        for end in [Simulation.End.powerCut, .kill] {
            for operation in 1...mostOperations {
                let simulation = Simulation(seed: seed, trace: trace)
                LastWords.seed = seed
                do {
                    if try !simulation.runIntoCompaction(stoppingAt: operation, end) { break }
                } catch {
                    throw Violation("compaction interrupted at operation \(operation) by \(end): \(error)")
                }
            }
        }
    }
}
