import ArgumentParser
import MartletClient
import Model
import NIOCore

/// `martlet bench latency`: how long a record takes to its readers. A value.
struct BenchLatency: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "latency",
        abstract: "Measure how long records take, to the broker's answer and to a consumer.",
        discussion: """
            Sends records at an even rate and reads them at the same time, in one process, so that one clock measures. \
            'ack' is from the moment a record was due to the broker's answer, 'end to end' to the moment a consumer has \
            it. A record that could not be sent in time counts from when it was due. Records do not wait for others \
            unless --linger says so.

            Examples:
              martlet bench latency
              martlet bench latency --rate 5000 --duration 30 --acks 1
              martlet bench latency orders --size 1000 --json | jq .latency_ms
            """
    )

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var format: OutputOptions
    @OptionGroup var target: BenchTopicOptions
    @OptionGroup var sending: BenchSendOptions

    @Option(help: ArgumentHelp("How many records to send a second.", valueName: "records"))
    var rate = 1000.0

    @Option(help: ArgumentHelp("How long to send.", valueName: "seconds"))
    var duration = 10.0

    private static let highestRate = 100_000.0
    private static let longestDuration = 86_400.0
    /// How long the last records may take to come back.
    private static let patience = Duration.seconds(10)

    func validate() throws {
        guard rate > 0, rate <= Self.highestRate else {
            throw ValidationError("--rate is \(rate), but must be above 0 and at most \(Int(Self.highestRate))")
        }
        guard duration > 0, duration <= Self.longestDuration else {
            throw ValidationError(
                "--duration is \(duration), but must be above 0 and at most \(Int(Self.longestDuration))"
            )
        }
    }

    func run() async throws {
        try await Outcome.report {
            let client = try connection.configuration()
            try await target.with(client) { topic in
                let load = BenchLoad(topic: topic, valueBytes: sending.size, keyCount: sending.keys)
                let producer = try Producer(sending.configuration(client, linger: .zero))
                let consumer = Consumer(
                    ConsumerConfiguration(client: client, assignments: [Assignment(topic: topic, start: .end)])
                )
                let figures = try await BenchMeter.run { meter in
                    try await consumer.start()
                    do {
                        try await measure(load, producer, consumer, meter)
                    } catch {
                        await producer.abort()
                        await consumer.close()
                        throw error
                    }
                    await consumer.close()
                }
                try format.write(figures, "latency", topic: topic)
            }
        }
    }

    private func measure(
        _ load: BenchLoad,
        _ producer: Producer,
        _ consumer: Consumer,
        _ meter: BenchMeter
    ) async throws {
        let run = UInt64.random(in: .min ... .max)
        // Learns the way to the broker.
        _ = try await producer.send(load.record(0))
        meter.begin()
        let reading = Task { try await Self.read(consumer, run, meter) }
        let sent = try await send(load, producer, run, meter)
        try await producer.close()
        let giveUp = SystemTime().instant.advanced(by: Self.patience)
        while meter.figures.records < sent, SystemTime().instant < giveUp, !meter.wasInterrupted {
            try await Task.sleep(for: .milliseconds(5))
        }
        meter.end()
        await consumer.close()
        try await reading.value
        let missing = sent - meter.figures.records
        if missing > 0, !meter.wasInterrupted {
            throw InputError(description: "\(missing) of \(sent) records did not come back within \(Self.patience)")
        }
    }

    private func send(_ load: BenchLoad, _ producer: Producer, _ run: UInt64, _ meter: BenchMeter) async throws -> Int {
        let time = SystemTime()
        let begin = time.instant
        let total = max(1, Int(rate * duration))
        var sent = 0
        try await withThrowingDiscardingTaskGroup { group in
            while sent < total, !meter.wasInterrupted {
                let due = begin.advanced(by: .seconds(Double(sent) / rate))
                let early = time.instant.duration(to: due)
                if early > RatePacer.shortestPause { try await Task.sleep(for: early) }
                let start = min(due, time.instant)
                let mark = BenchMark(run: run, sent: start.nanoseconds)
                let delivery = try await producer.enqueue(load.record(sent, mark: mark))
                group.addTask {
                    _ = try await delivery.metadata()
                    meter.add("ack", since: start)
                }
                sent += 1
            }
        }
        return sent
    }

    private static func read(_ consumer: Consumer, _ run: UInt64, _ meter: BenchMeter) async throws {
        var batches = consumer.makeAsyncIterator()
        while let batch = try await batches.nextBatch() {
            for record in batch {
                guard let mark = BenchMark(record.value), mark.run == run else { continue }
                meter.add("end to end", since: Instant(nanoseconds: mark.sent))
                meter.add(records: 1, bytes: record.value?.readableBytes ?? 0)
            }
        }
    }
}
