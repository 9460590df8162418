import MartletClient
import Model
import NIOCore

/// One run of `martlet produce`: reads, hands over, counts. Owned by the command's task.
final class ProduceSession {
    /// How the input is read. Immutable.
    struct Reading {
        let topic: String
        let parser: RecordParser
        let delimiter: Delimiter
        let maximumRecordBytes: Int
        /// Whether the first piece of input that is no record ends it all.
        let isStrict: Bool
        /// Records a second; nil for as fast as they go.
        let rate: Double?

        /// What a piece of the input is called.
        var unit: String { delimiter == .newline ? "line" : "record" }
    }

    private let producer: Producer
    private let reading: Reading
    private var progress: Progress
    private var pacer: RatePacer?
    private var report: DeliveryReport
    private var badInput: BadInputReport
    private var records = 0
    private var bytes = 0
    private var bytesRead = 0
    /// What reading ended with, if it did not come to its end.
    private var breakage: ExitStatus?
    /// The input that is being read, to be ended by a signal.
    private let current = Locked<InputSource?>(nil)
    private let isInterrupted = Locked(false)

    /// How many records to hand over between two looks at what was delivered.
    private static let reportInterval = 1024
    /// How long to sleep without looking whether a signal came.
    private static let longestPause = Duration.milliseconds(50)

    init(producer: Producer, reading: Reading, totalBytes: Int?) {
        self.producer = producer
        self.reading = reading
        progress = Progress(isTerminal: StandardError.isTerminal, total: totalBytes)
        pacer = reading.rate.map(RatePacer.init)
        report = DeliveryReport(unit: reading.unit) { StandardError.line("martlet: \($0)") }
        badInput = BadInputReport(unit: reading.unit) { StandardError.line("martlet: \($0)") }
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
            breakage = (error as? ClientError).map { ExitStatus($0) } ?? (error as? InputError)?.status ?? .failure
        }
        current.withLock { $0 = nil }
    }

    private func read(_ source: InputSource) async throws {
        var splitter = RecordSplitter(delimiter: reading.delimiter, maximumLength: reading.maximumRecordBytes)
        while let chunk = try await source.next() {
            bytesRead += chunk.readableBytes
            splitter.append(chunk)
            while let line = try next(&splitter, source) { try await produce(line, source, splitter.count) }
            report.collect()
            progress.update(records: records, bytes: bytes, read: bytesRead)
        }
        let line: ByteBuffer?
        do throws(RecordSplitter.TooLong) { line = try splitter.rest() } catch {
            try leaveOut(tooLong(error), source, error.number)
            return
        }
        if let line { try await produce(line, source, splitter.count) }
    }

    /// The next record whose end is there, without those that are too long.
    private func next(_ splitter: inout RecordSplitter, _ source: InputSource) throws -> ByteBuffer? {
        while true {
            do throws(RecordSplitter.TooLong) { return try splitter.next() } catch {
                try leaveOut(tooLong(error), source, error.number)
                splitter.skip()
            }
        }
    }

    private func tooLong(_ error: RecordSplitter.TooLong) -> String {
        "longer than \(error.limit) bytes (raise --maximum-record-bytes, or check the delimiter)"
    }

    private func produce(_ line: ByteBuffer, _ source: InputSource, _ number: Int) async throws {
        let record: ProducerRecord
        do throws(BadRecord) { record = try reading.parser.record(line) } catch {
            return try leaveOut(error.description, source, number)
        }
        try await pause()
        if pacer != nil, isInterrupted.withLock({ $0 }) { return }
        switch await enqueue(record) {
        case .success(let delivery): report.add(delivery, source: source.name, number: number)
        case .failure(let error) where error.kind == .invalidArgument:
            return try leaveOut(error.message, source, number)
        case .failure(let error): throw error
        }
        records += 1
        bytes += line.readableBytes
        if records % Self.reportInterval == 0 {
            report.collect()
            progress.update(records: records, bytes: bytes, read: bytesRead)
        }
    }

    private func enqueue(_ record: ProducerRecord) async -> Result<Delivery, ClientError> {
        do throws(ClientError) { return .success(try await producer.enqueue(record)) } catch { return .failure(error) }
    }

    /// Takes note of a piece of input that is no record. Throws if that ends it all.
    private func leaveOut(_ reason: String, _ source: InputSource, _ number: Int) throws(InputError) {
        guard reading.isStrict else {
            progress.clear()
            return badInput.add(reason, source: source.name, number: number)
        }
        throw InputError(description: "\(source.name), \(reading.unit) \(number): \(reason)", status: .badInput)
    }

    /// Waits until the next record's turn has come.
    private func pause() async throws {
        guard var left = pacer?.next(at: .now) else { return }
        report.collect()
        progress.update(records: records, bytes: bytes, read: bytesRead)
        while left > .zero, !isInterrupted.withLock({ $0 }) {
            try await Task.sleep(for: min(left, Self.longestPause))
            left -= Self.longestPause
        }
    }

    /// Waits for all deliveries and says how it went.
    ///
    /// - Returns: What the command ends with.
    func finish() async -> ExitStatus {
        do throws(ClientError) { try await producer.close() } catch {
            // Each record's own outcome is reported below.
        }
        progress.clear()
        await report.finish()
        badInput.finish()
        // Before the first record, the error says it all.
        if let breakage, records == 0 { return breakage }
        let wasInterrupted = isInterrupted.withLock { $0 }
        let elapsed = progress.elapsed
        let rate = Quantity.count(Quantity.rate(report.delivered, over: elapsed))
        var summary = "\(Quantity.count(report.delivered)) \(report.delivered == 1 ? "record" : "records") delivered"
        if report.failed > 0 { summary += ", \(Quantity.count(report.failed)) failed" }
        if badInput.count > 0 { summary += ", \(Quantity.count(badInput.count)) left out" }
        if wasInterrupted { summary += ", then interrupted" }
        StandardError.line("\(summary) (\(Quantity.bytes(bytes)) in \(Quantity.seconds(elapsed)), \(rate) records/s)")
        if let breakage { return breakage }
        if report.failed > 0 || wasInterrupted { return .failure }
        return badInput.count > 0 ? .badInput : .success
    }

    /// Writes how it went as JSON on standard output.
    func writeSummary() throws(OutputError) {
        let (seconds, attoseconds) = progress.elapsed.components
        let output = StandardOutput()
        try output.line(
            JSON.object([
                "topic": .string(reading.topic),
                "records": .int(report.delivered),
                "failed": .int(report.failed),
                "left_out": .int(badInput.count),
                "bytes": .int(bytes),
                "seconds": .double(Double(seconds) + Double(attoseconds / 1_000_000_000_000_000) / 1000),
            ])
        )
        try output.flush()
    }
}
