import MartletClient
import Model
import NIOCore

/// One run of `martlet produce`: reads, hands over, counts. Owned by the command's task.
final class ProduceSession {
    private let producer: Producer
    private let parser: LineParser
    private let delimiter: Delimiter
    private let maximumRecordBytes: Int
    private var progress = Progress(isTerminal: StandardError.isTerminal)
    private var report = DeliveryReport { StandardError.line("martlet: \($0)") }
    private var records = 0
    private var bytes = 0
    /// Whether reading ended with an error.
    private var isBroken = false
    /// The input that is being read, to be ended by a signal.
    private let current = Locked<InputSource?>(nil)
    private let isInterrupted = Locked(false)

    /// How many records to hand over between two looks at what was delivered.
    private static let reportInterval = 1024

    init(producer: Producer, parser: LineParser, delimiter: Delimiter, maximumRecordBytes: Int) {
        self.producer = producer
        self.parser = parser
        self.delimiter = delimiter
        self.maximumRecordBytes = maximumRecordBytes
    }

    /// Reads all files, up to the first one that cannot be read or delivered.
    func run(files: [String]) async {
        let (current, isInterrupted) = (current, isInterrupted)
        Interrupts.watch {
            isInterrupted.withLock { $0 = true }
            current.withLock { $0 }?.stop()
        }
        do {
            for file in files {
                let source = try InputSource(path: file)
                current.withLock { $0 = source }
                // The signal may have come before there was anything to stop.
                if isInterrupted.withLock({ $0 }) { break }
                try await read(source)
            }
        } catch {
            progress.clear()
            StandardError.line("martlet: \(error)")
            isBroken = true
        }
        current.withLock { $0 = nil }
    }

    private func read(_ source: InputSource) async throws {
        var splitter = RecordSplitter(delimiter: delimiter, maximumLength: maximumRecordBytes)
        do {
            while let chunk = try await source.next() {
                splitter.append(chunk)
                while let line = try splitter.next() { try await produce(line, source, splitter.count) }
                report.collect()
                progress.update(records: records, bytes: bytes)
            }
            if let line = try splitter.rest() { try await produce(line, source, splitter.count) }
        } catch let error as RecordSplitter.TooLong {
            throw InputError(
                description: "\(source.name), record \(error.number): longer than \(error.limit) bytes "
                    + "(raise --maximum-record-bytes, or check the delimiter)"
            )
        } catch let error as ClientError where error.kind == .invalidArgument {
            throw error.adding(context: "\(source.name), record \(splitter.count)")
        }
    }

    private func produce(_ line: ByteBuffer, _ source: InputSource, _ number: Int) async throws(ClientError) {
        report.add(try await producer.enqueue(parser.record(line)), source: source.name, number: number)
        records += 1
        bytes += line.readableBytes
        if records % Self.reportInterval == 0 {
            report.collect()
            progress.update(records: records, bytes: bytes)
        }
    }

    /// Waits for all deliveries and says how it went.
    ///
    /// - Returns: Whether everything there was to produce was delivered.
    func finish() async -> Bool {
        do throws(ClientError) { try await producer.close() } catch {
            // Each record's own outcome is reported below.
        }
        progress.clear()
        await report.finish()
        // Before the first record, the error says it all.
        if isBroken, records == 0 { return false }
        let wasInterrupted = isInterrupted.withLock { $0 }
        let elapsed = progress.elapsed
        let rate = Quantity.count(Quantity.rate(report.delivered, over: elapsed))
        var summary = "\(Quantity.count(report.delivered)) \(report.delivered == 1 ? "record" : "records") delivered"
        if report.failed > 0 { summary += ", \(Quantity.count(report.failed)) failed" }
        if wasInterrupted { summary += ", then interrupted" }
        StandardError.line("\(summary) (\(Quantity.bytes(bytes)) in \(Quantity.seconds(elapsed)), \(rate) records/s)")
        return report.failed == 0 && !wasInterrupted && !isBroken
    }

    /// Writes how it went as JSON on standard output.
    func writeSummary() throws(OutputError) {
        let (seconds, attoseconds) = progress.elapsed.components
        let output = StandardOutput()
        try output.line(
            JSON.object([
                "topic": .string(parser.topic),
                "records": .int(report.delivered),
                "failed": .int(report.failed),
                "bytes": .int(bytes),
                "seconds": .double(Double(seconds) + Double(attoseconds / 1_000_000_000_000_000) / 1000),
            ])
        )
        try output.flush()
    }
}
