import ArgumentParser
import CommitLog
import Model

/// `martlet log verify`. A value.
struct LogVerify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Check every byte of a stopped broker's data directory, or of one partition's.",
        discussion: """
            Checks every batch's checksum and structure, that offsets follow one another, that leader epochs are those of \
            the checkpoint, the size and the checksum that segments.manifest has of each closed segment, that indexes \
            point at batches and say the truth, and the producer snapshots, checkpoints and properties. What 'martlet log \
            repair' has made consumers skip is no finding. Reads everything and changes nothing. Each finding is one line; the summary goes to standard error, \
            or with --json is the last object.

            Findings are of four parts. records: records are lost or changed. index: an index leads astray; the broker \
            makes it anew. producers: knowledge for telling repeated batches. metadata: checkpoints and properties.

            Not noticed, in segments of which the manifest has no checksum: in a compacted log a batch whose offset moved \
            within its gap, and a changed leader epoch where there is no checkpoint of them.

            Exit status: 0 if nothing was found, 1 if there is damage or a broker uses the directory.

            Examples:
              martlet log verify data
              martlet log verify data/orders-0 --json
            """
    )

    @Argument(
        help: ArgumentHelp("A data directory (log.dirs), or a partition's directory.", valueName: "directory"),
        completion: .directory
    )
    var directory: String

    @Flag(help: "Also take every record out of its batch, decompressing where needed. Slower.")
    var records = false

    @Flag(
        help: "Missing offsets are no damage: for copies of compacted partitions without their directory's checkpoints."
    )
    var allowGaps = false

    @OptionGroup var format: OutputOptions

    func run() async throws {
        try await Outcome.report {
            let output = StandardOutput()
            var printer = VerificationPrinter(output: output, isJSON: format.json)
            let summary: VerificationSummary
            do throws(LogError) {
                summary = try printer.verify(
                    directory,
                    VerificationOptions(readsRecords: records, allowsGaps: allowGaps)
                )
            } catch {
                throw InputError(error)
            }
            try printer.finish(summary)
            if summary.findings > 0 { throw ExitCode.failure }
        }
    }
}

/// Shows findings as they come, progress on a terminal, and the summary. Owned by the verifying task.
struct VerificationPrinter {
    let output: StandardOutput
    let isJSON: Bool
    private var failure: OutputError?
    private let start = ContinuousClock.now

    init(output: StandardOutput, isJSON: Bool) {
        self.output = output
        self.isJSON = isJSON
    }

    mutating func verify(
        _ directory: String,
        _ options: VerificationOptions
    ) throws(LogError) -> VerificationSummary {
        let findings = FindingLines(output: output, isJSON: isJSON)
        let summary = try DirectoryVerifier.verify(
            directory,
            options: options,
            report: { findings.show($0) },
            progress: { findings.progress($0) }
        )
        findings.clear()
        failure = findings.failure
        return summary
    }

    func finish(_ summary: VerificationSummary) throws(OutputError) {
        if let failure { throw failure }
        let elapsed = start.duration(to: .now)
        if isJSON { try output.line(Self.json(summary, elapsed)) }
        try output.flush()
        if !isJSON { StandardError.line(Self.text(summary, elapsed)) }
    }

    static func text(_ summary: VerificationSummary, _ elapsed: Duration) -> String {
        let rate = Quantity.bytes(Quantity.rate(summary.bytes, over: elapsed))
        let outcome = summary.findings == 0 ? "no damage found" : "\(Quantity.count(summary.findings)) findings"
        return "\(Quantity.count(summary.partitions)) partitions, \(Quantity.count(summary.segments)) segments, "
            + "\(Quantity.count(summary.batches)) batches, \(Quantity.count(summary.records)) records, "
            + "\(Quantity.bytes(summary.bytes)) in \(Quantity.seconds(elapsed)) (\(rate)/s): \(outcome)"
    }

    static func json(_ summary: VerificationSummary, _ elapsed: Duration) -> JSON {
        .object([
            "type": .string("summary"),
            "partitions": .int(summary.partitions),
            "segments": .int(summary.segments),
            "batches": .int(summary.batches),
            "records": .int(summary.records),
            "bytes": .int(summary.bytes),
            "bytes_per_second": .int(Quantity.rate(summary.bytes, over: elapsed)),
            "findings": .int(summary.findings),
        ])
    }
}

/// What ``VerificationPrinter`` hands to the verification. Owned by the verifying task.
private final class FindingLines {
    private let output: StandardOutput
    private let isJSON: Bool
    private var progress = Progress(isTerminal: StandardError.isTerminal)
    private(set) var failure: OutputError?

    init(output: StandardOutput, isJSON: Bool) {
        self.output = output
        self.isJSON = isJSON
    }

    func show(_ finding: Finding) {
        guard failure == nil else { return }
        progress.clear()
        do throws(OutputError) {
            if isJSON {
                try output.line(Self.json(finding))
            } else {
                try output.line("\(finding.part.rawValue): \(finding)")
            }
            // Whoever watches wants to see it before the end.
            try output.flush()
        } catch {
            failure = error
        }
    }

    func progress(_ summary: VerificationSummary) {
        progress.update(records: summary.records, bytes: summary.bytes)
    }

    func clear() { progress.clear() }

    private static func json(_ finding: Finding) -> JSON {
        .object([
            "type": .string("finding"),
            "part": .string(finding.part.rawValue),
            "path": .string(finding.path),
            "position": .optional(finding.position.map { Int64($0.bytes) }, JSON.int),
            "first_offset": .optional(finding.offsets?.lowerBound.rawValue, JSON.int),
            "last_offset": .optional(finding.offsets.map { $0.upperBound.rawValue - 1 }, JSON.int),
            "reason": .string(finding.reason),
        ])
    }
}
