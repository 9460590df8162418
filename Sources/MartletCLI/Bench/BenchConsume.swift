import ArgumentParser
import MartletClient
import NIOCore

/// `martlet bench consume`: how fast records are read. A value.
struct BenchConsume: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "consume",
        abstract: "Measure how fast a topic's records can be read.",
        discussion: """
            Reads from the beginning to the end of the start, or so many records. Bytes are those of keys and values. \
            CPU time is this client's, not the broker's.

            Examples:
              martlet bench consume orders
              martlet bench consume orders --records 1000000 --json
            """
    )

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var format: OutputOptions

    @Argument(help: "The topic.", completion: .topics)
    var topic: String

    @Option(help: "How many records at most (default: all).")
    var records: Int?

    @Flag(help: "Take the records as they come, without comparing their checksums.")
    var noChecksums = false

    func validate() throws {
        if let records, records < 1 { throw ValidationError("--records is \(records), but must be at least 1") }
    }

    func run() async throws {
        try await Outcome.report {
            var configuration = ConsumerConfiguration(
                client: try connection.configuration(),
                assignments: [Assignment(topic: topic, start: .beginning)]
            )
            configuration.stopsAtEnd = true
            configuration.outOfRange = .beginning
            configuration.verifiesChecksums = !noChecksums
            let consumer = Consumer(configuration)
            let figures = try await BenchMeter.run { meter in
                do {
                    try await read(consumer, meter)
                } catch {
                    await consumer.close()
                    throw error
                }
            }
            await consumer.close()
            try format.write(figures, "consume", topic: topic)
        }
    }

    private func read(_ consumer: Consumer, _ meter: BenchMeter) async throws {
        try await consumer.start()
        meter.begin()
        var remaining = records ?? .max
        var batches = consumer.makeAsyncIterator()
        while remaining > 0, !meter.wasInterrupted, let batch = try await batches.nextBatch() {
            let taken = batch.prefix(remaining)
            let bytes = taken.reduce(0) { $0 + ($1.key?.readableBytes ?? 0) + ($1.value?.readableBytes ?? 0) }
            meter.add(records: taken.count, bytes: bytes)
            remaining -= taken.count
        }
        meter.end()
    }
}
