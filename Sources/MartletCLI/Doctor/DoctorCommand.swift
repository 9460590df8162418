import ArgumentParser
import MartletClient

/// `martlet doctor`. A value.
struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Check the way to a broker and what it says of itself, from a client's side.",
        discussion: """
            Looks at, one after the other: each address given (name, connection, protocol), the versions of the APIs, the \
            addresses that the broker tells clients to connect to (and connects to them), the clock, the disks, its \
            health, and the limits of this machine if the broker runs here. Says what a client elsewhere would see.

            For the clock, and to see a record go through, a topic is made, used once and deleted; --read-only leaves \
            that out.

            Exit status: 0 if nothing failed, even if there are warnings; 69 if no broker could be reached; else 1.

            Examples:
              martlet doctor
              martlet doctor -b broker.example.com:9092 --read-only
              martlet doctor --json | jq '.checks[] | select(.status != "ok")'
            """
    )

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var format: OutputOptions

    @Flag(help: "Make no topic, so that the clock cannot be compared.")
    var readOnly = false

    func run() async throws {
        try await Outcome.report {
            let output = StandardOutput()
            let isColoured = Diagnosis.usesColours
            var findings: [Diagnosis] = []
            let isJSON = format.json
            let run = DoctorRun(client: try connection.configuration(), writes: !readOnly)
            let isReachable = try await run.check { finding in
                findings.append(finding)
                guard !isJSON else { return }
                for line in finding.lines(isColoured: isColoured) { try output.line(line) }
                try output.flush()
            }
            let failed = findings.count { $0.status == .failure }
            let warned = findings.count { $0.status == .warning }
            if isJSON {
                try output.line(
                    JSON.object([
                        "status": .string(failed > 0 ? "failure" : warned > 0 ? "warning" : "ok"),
                        "checks": .array(findings.map(\.json)),
                    ])
                )
            } else {
                try output.line("\(findings.count) checks: \(failed) failed, \(warned) warnings")
            }
            try output.flush()
            if !isReachable { throw ExitStatus.unreachable.exit }
            if failed > 0 { throw ExitStatus.failure.exit }
        }
    }
}
