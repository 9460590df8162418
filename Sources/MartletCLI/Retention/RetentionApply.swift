import ArgumentParser
import MartletClient

/// `martlet retention apply`. A value.
struct RetentionApply: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apply",
        abstract: "Delete what is past retention.ms or above retention.bytes now, and say what it was.",
        discussion: """
            The broker does this by itself every log.retention.check.interval.ms. 'martlet topic explain' says what stays \
            and why.

            Examples:
              martlet retention apply orders --dry-run
              martlet retention apply orders payments --json
            """
    )

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var format: OutputOptions

    @Argument(help: "The topics.", completion: .topics)
    var names: [String]

    @Flag(help: "Only say what would be deleted.")
    var dryRun = false

    func run() async throws {
        try await Topic.withAdmin(connection) { admin, output in
            var topics: [JSON] = []
            for name in names {
                let results = try await admin.applyRetention(to: name, dryRun: dryRun)
                topics.append(Self.json(name, results, dryRun: dryRun))
                guard !format.json else { continue }
                for line in Self.lines(name, results, dryRun: dryRun) { try output.line(line) }
            }
            if format.json { try output.line(JSON.array(topics)) }
        }
    }

    static func lines(_ name: String, _ results: [RetentionResult], dryRun: Bool) -> [String] {
        let (removed, begins) = dryRun ? ("would remove", "would begin") : ("removed", "begins")
        var lines: [String] = []
        for result in results {
            for segment in result.segments {
                lines.append(
                    "topic \(name) partition \(result.index): \(removed) offsets \(segment.baseOffset) to "
                        + "\(segment.endOffset - 1), \(Quantity.bytes(Int(clamping: segment.sizeInBytes))): "
                        + segment.explanation
                )
            }
            if !result.segments.isEmpty {
                lines.append("topic \(name) partition \(result.index) \(begins) at offset \(result.logStart)")
            }
        }
        let segments = results.flatMap(\.segments)
        let bytes = segments.reduce(Int64(0)) { $0 + $1.sizeInBytes }
        return lines + [
            segments.isEmpty
                ? "topic \(name): nothing to remove"
                : "topic \(name): \(removed) \(segments.count) segments, \(Quantity.bytes(Int(clamping: bytes)))"
        ]
    }

    private static func json(_ name: String, _ results: [RetentionResult], dryRun: Bool) -> JSON {
        .object([
            "name": .string(name),
            "dry_run": .bool(dryRun),
            "partitions": .array(
                results.map { result in
                    .object([
                        "partition": .int(result.index),
                        "start_offset": .int(result.logStart),
                        "removed": .array(result.segments.map(json)),
                    ])
                }
            ),
        ])
    }

    private static func json(_ segment: RetentionResult.Segment) -> JSON {
        .object([
            "base_offset": .int(segment.baseOffset),
            "end_offset": .int(segment.endOffset),
            "bytes": .int(segment.sizeInBytes),
            "reason": .string(segment.reason),
            "explanation": .string(segment.explanation),
        ])
    }
}
