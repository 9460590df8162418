import ArgumentParser
import MartletClient
import Model

/// `martlet bench produce`: how fast records are written. A value.
struct BenchProduce: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "produce",
        abstract: "Measure how fast records can be written.",
        discussion: """
            As fast as they go, or at --rate. The latency is from handing a record over to the broker's answer; above \
            10,000 records a second that of every 32nd record is taken. CPU time is this client's, not the broker's.

            Examples:
              martlet bench produce
              martlet bench produce --records 5000000 --size 100 --partitions 8 -z lz4
              martlet bench produce orders --rate 1000 --json
            """
    )

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var format: OutputOptions
    @OptionGroup var target: BenchTopicOptions
    @OptionGroup var sending: BenchSendOptions

    @Option(help: "How many records.")
    var records = 1_000_000

    @Option(help: ArgumentHelp("Send so many records a second at most.", valueName: "records"))
    var rate: Double?

    /// Up to this rate, the latency of each record is taken.
    private static let sampledRate = 10_000.0
    private static let sampleInterval = 32
    /// Records between two updates of what is shown.
    private static let countInterval = 256

    func validate() throws {
        if records < 1 { throw ValidationError("--records is \(records), but must be at least 1") }
        if let rate, !(rate > 0 && rate.isFinite) { throw ValidationError("--rate must be more than 0") }
    }

    func run() async throws {
        try await Outcome.report {
            let client = try connection.configuration()
            try await target.with(client) { topic in
                let load = BenchLoad(topic: topic, valueBytes: sending.size, keyCount: sending.keys)
                let producer = try Producer(sending.configuration(client))
                let figures = try await BenchMeter.run { meter in
                    do {
                        try await send(load, producer, meter)
                    } catch {
                        await producer.abort()
                        throw error
                    }
                }
                try format.write(figures, "produce", topic: topic)
            }
        }
    }

    private func send(_ load: BenchLoad, _ producer: Producer, _ meter: BenchMeter) async throws {
        // The first one finds the way to the broker and is not counted.
        _ = try await producer.send(load.record(0))
        meter.begin()
        var pacer = rate.map(RatePacer.init)
        let interval = rate.map { $0 <= Self.sampledRate } ?? false ? 1 : Self.sampleInterval
        let time = SystemTime()
        try await withThrowingDiscardingTaskGroup { group in
            var counted = 0
            for number in 0..<records {
                if let pause = pacer?.next(at: .now) { try await Task.sleep(for: pause) }
                if number % Self.countInterval == 0 {
                    meter.add(records: number - counted, bytes: (number - counted) * load.valueBytes)
                    counted = number
                    if meter.wasInterrupted { break }
                }
                let start = time.instant
                let delivery = try await producer.enqueue(load.record(number))
                if number % interval == 0 {
                    group.addTask {
                        _ = try await delivery.metadata()
                        meter.add("ack", since: start)
                    }
                }
                if number == records - 1 {
                    meter.add(records: records - counted, bytes: (records - counted) * load.valueBytes)
                }
            }
        }
        try await producer.close()
        meter.end()
    }
}

extension OutputOptions {
    /// Writes what was measured.
    func write(_ figures: BenchFigures, _ bench: String, topic: String) throws(OutputError) {
        let output = StandardOutput()
        if json {
            try output.line(figures.json(bench, topic: topic))
        } else {
            for line in figures.lines { try output.line(line) }
        }
        try output.flush()
    }
}
