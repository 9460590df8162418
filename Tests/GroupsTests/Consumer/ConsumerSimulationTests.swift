import Foundation
import Groups
import Testing

/// How many seeds are played; more with MARTLET_SIMULATIONS=n.
private let seeds = UInt64(ProcessInfo.processInfo.environment["MARTLET_SIMULATIONS"] ?? "") ?? 40

@Test func consumerGroupsKeepTheirPromisesUnderFaults() {
    var counts: [String: Int] = [:]
    for seed in 0..<seeds {
        var simulation = ConsumerSimulation(seed: seed)
        simulation.run()
        for problem in simulation.problems { Issue.record("\(problem)") }
        counts.merge(simulation.counts, uniquingKeysWith: +)
        if !simulation.problems.isEmpty { break }
    }
    // A simulation in which nothing happens proves nothing.
    for name in [
        "crash", "farewell", "pause", "restart of the coordinator", "failed append", "delayed append", "lost request",
        "lost answer", "new partition", "assignment", "commit", "refused commit",
    ] {
        #expect(counts[name, default: 0] > 0, "\(name) never happened")
    }
}
