import ArgumentParser
import MartletClient

/// `martlet health`. A value.
struct HealthCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "health",
        abstract: "Say what is wrong with a broker, and what to do about it.",
        discussion: """
            Exit status: 0 if all is served, even if something needs a look; 1 if something is not served, or the broker \
            cannot be asked. Fit for a container's health check.

            Examples:
              martlet health
              martlet health --json | jq '.problems'
            """
    )

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var format: OutputOptions

    func run() async throws {
        var isServing = true
        do {
            try await Topic.withAdmin(connection) { admin, output in
                let report = try await admin.describeHealth()
                isServing = report.status != .failing
                if format.json {
                    try output.line(report.json)
                } else {
                    for line in report.lines { try output.line(line) }
                }
            }
        } catch is ExitCode {
            // Those who check health know 0 and 1 only.
            throw ExitCode.failure
        }
        if !isServing { throw ExitCode.failure }
    }
}

extension HealthReport {
    /// For people.
    var lines: [String] {
        let offline = offlinePartitions == 0 ? "" : ", \(offlinePartitions) of them offline"
        return ["\(status.rawValue): \(topics) topics with \(partitions) partitions\(offline)"]
            + problems.flatMap(\.lines)
    }

    var json: JSON {
        .object([
            "status": .string(status.rawValue),
            "topics": .int(topics),
            "partitions": .int(partitions),
            "offline_partitions": .int(offlinePartitions),
            "problems": .array(problems.map(\.json)),
        ])
    }
}

extension HealthProblem {
    /// For people: what, since when, why, and what to do.
    var lines: [String] {
        let retry = nextTry.map { "; tried again at \(Moment.text($0))" } ?? ""
        let often = occurrences > 1 ? ", \(occurrences) times, last at \(Moment.text(lastSeen))" : ""
        return [
            "  \(kind) (\(status.rawValue)): \(subject), since \(Moment.text(since))\(often)\(retry)",
            "    \(reason)",
            "    To do: \(remedy)",
        ]
    }

    var json: JSON {
        .object([
            "kind": .string(kind),
            "status": .string(status.rawValue),
            "subject": .string(subject),
            "topic": .optional(partition) { .string($0.topic) },
            "partition": .optional(partition) { .int($0.index) },
            "reason": .string(reason),
            "remedy": .string(remedy),
            "since": .int(since),
            "last_seen": .int(lastSeen),
            "occurrences": .int(occurrences),
            "next_try": .optional(nextTry) { .int($0) },
        ])
    }
}
