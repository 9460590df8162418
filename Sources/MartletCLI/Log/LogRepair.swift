import ArgumentParser
import CommitLog
import Model

/// `martlet log repair`. A value.
struct LogRepair: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "repair",
        abstract: "Make consumers skip damaged records in a stopped broker's data directory, or in one partition's.",
        discussion: """
            A broker refuses to serve records that are damaged or gone (CORRUPT_MESSAGE), so that no consumer passes them \
            without noticing. Where there is no better copy to restore, this command makes their offsets a gap, which \
            consumers pass as they do in compacted topics. What is not damaged stays as it is and keeps its offsets.

            Without --execute nothing is changed, and what would be skipped is listed. With --execute the partitions are \
            opened as a broker's start does, and the damaged bytes are moved to files in the directory quarantine of the \
            partition's directory.

            Exit status: 0 if there is no damage or all of it is skipped now, 1 if there is damage or a broker uses the \
            directory.

            Examples:
              martlet log repair data/orders-0
              martlet log repair data --execute
            """
    )

    @Argument(
        help: ArgumentHelp("A data directory (log.dirs), or a partition's directory.", valueName: "directory"),
        completion: .directory
    )
    var directory: String

    @Flag(help: "Skip what is damaged.")
    var execute = false

    @Flag(help: "Only list what would be skipped; the default.")
    var dryRun = false

    @OptionGroup var format: OutputOptions

    func validate() throws {
        if execute, dryRun { throw ValidationError("--execute and --dry-run exclude each other.") }
    }

    func run() async throws {
        try await Outcome.report {
            let output = StandardOutput()
            var ranges: [(TopicPartition, SkippedRange)] = []
            do throws(LogError) {
                if execute {
                    try DirectoryRepair.repair(directory) { ranges.append(($0, $1)) }
                } else {
                    try DirectoryRepair.survey(directory) { ranges.append(($0, SkippedRange(range: $1, file: nil))) }
                }
            } catch {
                for (partition, skipped) in ranges { try show(partition, skipped, output) }
                try output.flush()
                throw InputError(error)
            }
            for (partition, skipped) in ranges { try show(partition, skipped, output) }
            try output.flush()
            if !format.json { StandardError.line(summary(ranges)) }
            if !execute, !ranges.isEmpty { throw ExitCode.failure }
        }
    }

    private func show(
        _ partition: TopicPartition,
        _ skipped: SkippedRange,
        _ output: StandardOutput
    ) throws(OutputError) {
        let range = skipped.range
        guard format.json else {
            let kept = skipped.file.map { "; its bytes are in \($0)" } ?? ""
            return try output.line("\(execute ? "skipped" : "would skip") \(partition): \(range)\(kept)")
        }
        try output.line(
            .object([
                "topic": .string(partition.topic),
                "partition": .int(partition.partition),
                "first_offset": .int(range.offsets.lowerBound.rawValue),
                "end_offset": .int(range.offsets.upperBound.rawValue),
                "segment": .int(range.segment.rawValue),
                "position": .int(range.position.bytes),
                "bytes": .int(range.length),
                "reason": .string(range.reason),
                "skipped": .bool(execute),
                "kept_in": .optional(skipped.file) { .string($0) },
            ])
        )
    }

    private func summary(_ ranges: [(TopicPartition, SkippedRange)]) -> String {
        if ranges.isEmpty { return "no damage found, nothing to skip" }
        let offsets = ranges.reduce(Int64(0)) { $0 + ($1.1.range.offsets.upperBound - $1.1.range.offsets.lowerBound) }
        let places = "\(Quantity.count(ranges.count)) places with \(Quantity.count(Int(clamping: offsets))) offsets"
        return execute
            ? "\(places) are skipped from now on" : "\(places) are damaged; --execute makes consumers skip them"
    }
}
