import ArgumentParser
import MartletClient

/// `martlet compact`. A value.
struct Compact: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Compact topics now: keep only the last record of each key.",
        discussion: """
            The broker does this by itself when enough of a topic is new ('martlet topic explain' says when). Records \
            younger than min.compaction.lag.ms stay in any case.

            Once asked, the broker goes on even if this command is interrupted; the same command with --wait then waits \
            for what is under way.

            Examples:
              martlet compact users --dry-run
              martlet compact users --wait
              martlet compact users --purge-tombstones --wait --json
            """
    )

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var format: OutputOptions

    @Argument(help: "The topics, with cleanup.policy=compact.", completion: .topics)
    var names: [String]

    @Flag(help: "Wait for the end and say what it has come to.")
    var wait = false

    @Flag(
        help: "Drop the marks of deleted keys now, not only after delete.retention.ms. Consumers behind may miss them."
    )
    var purgeTombstones = false

    @Flag(help: "Read everything, change nothing, and say what would be left.")
    var dryRun = false

    func run() async throws {
        var hasFailed = false
        try await Topic.withAdmin(connection) { admin, output in
            var watch = CompactionWatch()
            for name in names {
                let started = try await admin.compact(name, purgeTombstones: purgeTombstones, dryRun: dryRun)
                watch.add(name, started)
            }
            if wait || dryRun { try await watch.untilEnd(admin) }
            let report = CompactionReport(topics: watch.topics, dryRun: dryRun)
            hasFailed = report.hasFailed
            if format.json {
                try output.line(report.json)
            } else {
                for line in report.lines { try output.line(line) }
            }
        }
        if hasFailed { throw ExitCode.failure }
    }
}
