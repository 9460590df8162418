import Glibc
import MartletClient
import NIOCore

/// Does with MartletClient what Tests/Benchmarks/librdkafka.c does with librdkafka, so that both can be compared; see there
/// for the arguments. Prints one JSON line.
@main
enum ClientLoad {
    static func main() async throws {
        let arguments = CommandLine.arguments.dropFirst().map { $0 }
        guard let mode = arguments.first, arguments.count >= 4 else { usage() }
        let numbers = arguments.dropFirst(3).compactMap { Int($0) }
        let client = try ClientConfiguration(bootstrap: arguments[1])
        switch (mode, numbers.count) {
        case ("produce", 2...3):
            let batchBytes = numbers.count > 2 ? numbers[2] : nil
            try await produce(client, arguments[2], records: numbers[0], bytes: numbers[1], batchBytes)
        case ("consume", 1): try await consume(client, arguments[2], records: numbers[0])
        case ("consume-each", 1): try await consumeEach(client, arguments[2], records: numbers[0])
        case ("latency", 3):
            try await latency(client, arguments[2], records: numbers[0], bytes: numbers[1], rate: numbers[2])
        default: usage()
        }
    }

    private static func usage() -> Never {
        print("usage: client-load produce|consume|consume-each|latency HOST:PORT TOPIC RECORDS [BYTES [RATE]]")
        exit(2)
    }

    // MARK: Producing

    private static func producer(
        _ client: ClientConfiguration,
        _ linger: Duration,
        _ batchBytes: Int? = nil
    ) throws -> Producer {
        var configuration = ProducerConfiguration(client: client)
        configuration.linger = linger
        if let batchBytes { configuration.batchBytes = batchBytes }
        return try Producer(configuration)
    }

    private static func produce(
        _ client: ClientConfiguration,
        _ topic: String,
        records: Int,
        bytes: Int,
        _ batchBytes: Int?
    ) async throws {
        let producer = try producer(client, .milliseconds(5), batchBytes)
        let record = ProducerRecord(topic: topic, value: ByteBuffer(repeating: UInt8(ascii: "x"), count: bytes))
        // The first record connects, learns of the topic and gets the producer's id: that is not what is measured.
        _ = try await producer.send(record)
        let watch = Stopwatch()
        for _ in 0..<records { try await producer.enqueue(record) }
        try await producer.flush()
        print("{\(watch.report(records: records))}")
        try await producer.close()
    }

    private static func latency(
        _ client: ClientConfiguration,
        _ topic: String,
        records: Int,
        bytes: Int,
        rate: Int
    ) async throws {
        let producer = try producer(client, .zero)
        let record = ProducerRecord(topic: topic, value: ByteBuffer(repeating: UInt8(ascii: "x"), count: bytes))
        _ = try await producer.send(record)
        let watch = Stopwatch()
        let start = ContinuousClock.now
        let latencies = try await withThrowingTaskGroup(of: Duration.self) { group in
            for number in 0..<records {
                try await Task.sleep(until: start + .nanoseconds(number * 1_000_000_000 / rate), clock: .continuous)
                group.addTask {
                    let sent = ContinuousClock.now
                    _ = try await producer.send(record)
                    return sent.duration(to: .now)
                }
            }
            var latencies: [Duration] = []
            for try await latency in group { latencies.append(latency) }
            return latencies.sorted()
        }
        let (median, late) = (
            latencies[records / 2] / .milliseconds(1), latencies[records * 99 / 100] / .milliseconds(1)
        )
        print("{\(watch.report(records: records)), \"p50\": \(median), \"p99\": \(late)}")
        try await producer.close()
    }

    // MARK: Consuming

    private static func consumer(_ client: ClientConfiguration, _ topic: String) -> Consumer {
        Consumer(ConsumerConfiguration(client: client, assignments: [Assignment(topic: topic, start: .beginning)]))
    }

    private static func consume(_ client: ClientConfiguration, _ topic: String, records: Int) async throws {
        let consumer = consumer(client, topic)
        let watch = Stopwatch()
        var batches = consumer.makeAsyncIterator()
        var (count, bytes) = (0, 0)
        while count < records, let batch = try await batches.nextBatch() {
            count += batch.count
            for record in batch { bytes += record.value?.readableBytes ?? 0 }
        }
        print("{\(watch.report(records: count)), \"bytes\": \(bytes)}")
        await consumer.close()
    }

    private static func consumeEach(_ client: ClientConfiguration, _ topic: String, records: Int) async throws {
        let consumer = consumer(client, topic)
        let watch = Stopwatch()
        var (count, bytes) = (0, 0)
        for try await record in consumer {
            count += 1
            bytes += record.value?.readableBytes ?? 0
            if count == records { break }
        }
        print("{\(watch.report(records: count)), \"bytes\": \(bytes)}")
        await consumer.close()
    }
}

/// Wall-clock and CPU time since its beginning. Immutable.
private struct Stopwatch {
    private let start = ContinuousClock.now
    private let cpu = Stopwatch.cpuSeconds

    private static var cpuSeconds: Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    func report(records: Int) -> String {
        let (seconds, cpu) = (start.duration(to: .now) / .seconds(1), Self.cpuSeconds - cpu)
        return "\"records\": \(records), \"seconds\": \(seconds), \"cpu\": \(cpu)"
    }
}
