import ArgumentParser
import MartletClient
import Model

/// `martlet group describe`. A value.
struct GroupDescribe: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "describe",
        abstract: "Show how far groups are behind, and who reads what.",
        discussion: """
            LAG counts the offsets between what is committed and the end. AGE is how long ago the next record to read was \
            written: how late the group is. NEXT is that record's offset; where it is not the committed one, NOTE says why.

            Examples:
              martlet group describe billing
              martlet group describe billing --watch
              martlet group describe --all --json | jq '.[] | {group, lag, lag_seconds}'

            With --watch, SIGINT and SIGTERM end it with status 0.
            """
    )

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var format: OutputOptions

    @Argument(help: "The groups.")
    var names: [String] = []

    @Flag(help: "All groups.")
    var all = false

    @Flag(name: .shortAndLong, help: "Show it again and again.")
    var watch = false

    @Option(help: ArgumentHelp("Seconds between two looks with --watch.", valueName: "seconds"))
    var interval = 2.0

    /// A shorter pause would only load the broker.
    private static let shortestInterval = 0.1

    func validate() throws {
        if names.isEmpty != all {
            throw ValidationError(all ? "--all leaves no choice of groups" : "name groups, or --all")
        }
        if !(interval >= Self.shortestInterval) {
            throw ValidationError("--interval is \(interval), but must be at least \(Self.shortestInterval)")
        }
    }

    func run() async throws {
        try await Topic.withAdmin(connection) { admin, output in
            guard watch else { return try await show(admin, output) }
            let watching = Task { try await showRepeatedly(admin) }
            Interrupts.watch { watching.cancel() }
            try await watching.value
        }
    }

    private func showRepeatedly(_ admin: Admin) async throws {
        let output = StandardOutput()
        let screen = StandardOutput.isTerminal && !format.json ? Screen() : nil
        do {
            while true {
                let lines = try await lines(admin)
                if let screen {
                    try output.write(screen.frame(lines, rows: StandardOutput.rows))
                } else {
                    for line in lines { try output.line(line) }
                }
                try output.flush()
                try await Task.sleep(for: .seconds(interval))
                if screen == nil, !format.json { try output.line("") }
            }
        } catch let error as ClientError where error.kind == .cancelled {
            try end(screen, output)
        } catch is CancellationError {
            try end(screen, output)
        }
    }

    private func end(_ screen: Screen?, _ output: StandardOutput) throws {
        guard let screen else { return }
        try output.write(screen.end)
        try output.flush()
    }

    private func show(_ admin: Admin, _ output: StandardOutput) async throws {
        for line in try await lines(admin) { try output.line(line) }
    }

    private func lines(_ admin: Admin) async throws -> [String] {
        let wanted = all ? try await admin.listGroups().map(\.id) : names
        var reports: [GroupReport] = []
        for group in try await admin.describeGroups(wanted) {
            let lags = try await admin.lag(of: group)
            reports.append(GroupReport(group: group, lags: lags, now: SystemTime().now.milliseconds))
        }
        if format.json { return [JSON.array(reports.map(\.json)).text] }
        return Array(reports.map(\.lines).joined(separator: [""]))
    }
}
