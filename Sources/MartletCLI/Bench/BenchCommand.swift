import ArgumentParser

/// `martlet bench`: how fast a broker is, with this client. Stateless.
struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measure throughput and latency.",
        subcommands: [BenchProduce.self, BenchConsume.self, BenchLatency.self]
    )
}
