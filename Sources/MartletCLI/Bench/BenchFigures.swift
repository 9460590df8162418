import Model

/// What a benchmark has measured. Immutable.
struct BenchFigures: Sendable {
    let records: Int
    let bytes: Int
    let duration: Duration
    /// Of this process, not of the broker.
    let cpuSeconds: Double
    let latencies: [(name: String, histogram: LatencyHistogram)]

    private static let percentiles: [(title: String, name: String, percent: Double)] = [
        ("P50", "p50", 50), ("P90", "p90", 90), ("P99", "p99", 99), ("P99.9", "p99_9", 99.9),
    ]

    private var seconds: Double { Double(duration.wholeMicroseconds) / 1e6 }

    private func rate(_ amount: Int) -> Int { Quantity.rate(amount, over: duration) }

    /// For people.
    var lines: [String] {
        var lines = [
            "\(Quantity.count(records)) records, \(Quantity.bytes(bytes)) in \(Quantity.seconds(duration))",
            "\(Quantity.count(rate(records))) records/s, \(Quantity.bytes(rate(bytes)))/s",
            "\(decimal(cpuSeconds, digits: 2)) s of CPU time in this client"
                + (cpuSeconds > 0
                    ? ", \(Quantity.count(Int(Double(records) / cpuSeconds))) records per CPU second" : ""),
        ]
        guard !latencies.isEmpty else { return lines }
        var table = Table(
            [("MILLISECONDS", .left), ("COUNT", .right), ("MIN", .right), ("MEAN", .right)]
                + Self.percentiles.map { ($0.title, .right) } + [("MAX", .right)]
        )
        for (name, histogram) in latencies where histogram.count > 0 {
            table.add(
                [
                    name, String(histogram.count), milliseconds(histogram.minimum),
                    decimal(histogram.mean / 1e6, digits: 3),
                ]
                    + Self.percentiles.map { milliseconds(histogram.percentile($0.percent)) }
                    + [milliseconds(histogram.maximum)]
            )
        }
        lines += [""] + table.lines
        return lines
    }

    /// For programs; latencies in milliseconds.
    func json(_ bench: String, topic: String) -> JSON {
        .object([
            "bench": .string(bench),
            "topic": .string(topic),
            "records": .int(records),
            "bytes": .int(bytes),
            "seconds": .double(seconds),
            "records_per_second": .int(rate(records)),
            "bytes_per_second": .int(rate(bytes)),
            "client_cpu_seconds": .double(cpuSeconds),
            "latency_ms": .object(
                latencies.map { JSON.Field($0.name.replacing(" ", with: "_"), Self.json($0.histogram)) }
            ),
        ])
    }

    private static func json(_ histogram: LatencyHistogram) -> JSON {
        let fields = percentiles.map { JSON.Field($0.name, .double(Double(histogram.percentile($0.percent)) / 1e6)) }
        return .object(
            [JSON.Field("count", .int(histogram.count)), JSON.Field("min", .double(Double(histogram.minimum) / 1e6))]
                + [JSON.Field("mean", .double(histogram.mean / 1e6))] + fields
                + [JSON.Field("max", .double(Double(histogram.maximum) / 1e6))]
        )
    }

    /// One line for a terminal: the rate of late, and the latencies of all so far.
    func liveLine(since before: BenchFigures) -> String {
        let span = duration - before.duration
        var line =
            "\(Quantity.seconds(duration)): \(Quantity.count(records)) records, "
            + "\(Quantity.count(Quantity.rate(records - before.records, over: span))) records/s, "
            + "\(Quantity.bytes(Quantity.rate(bytes - before.bytes, over: span)))/s"
        for (name, histogram) in latencies {
            line +=
                ", \(name) p50 \(milliseconds(histogram.percentile(50))) p99 \(milliseconds(histogram.percentile(99))) ms"
        }
        return line
    }

    private func milliseconds(_ nanoseconds: Int64) -> String { decimal(Double(nanoseconds) / 1e6, digits: 3) }
}

extension Duration {
    fileprivate var wholeMicroseconds: Int64 { wholeNanoseconds / 1000 }
}
