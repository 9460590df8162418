import ArgumentParser
import MartletClient
import Model

/// `martlet group reset`. A value.
struct GroupReset: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reset",
        abstract: "Move a group's committed offsets, so that it reads again or leaves out.",
        discussion: """
            Shows what would change; --execute does it. Refused while the group has members. Offsets outside of what a \
            partition holds become its beginning or end. A group that does not exist comes to be.

            TIME is in milliseconds since 1970 or ISO 8601, as for 'martlet consume'. A duration is 90s, 15m, 2h, 7d or \
            ISO 8601 such as P1DT12H. A file is what 'martlet group export' writes: topic,partition,offset lines, as \
            kafka-consumer-groups has them too, or JSON.

            Examples:
              martlet group reset billing --to-beginning --all-topics
              martlet group reset billing --to-time 2026-01-31T08:00Z --topic orders --execute
              martlet group reset billing --by-duration 2h --topic orders:0-3,7 --execute
              martlet group reset billing --shift-by -100 --topic orders
              martlet group export billing > before.csv; martlet group reset billing --from-file before.csv --execute
            """
    )

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var format: OutputOptions

    @Argument(help: "The group.", completion: .groups)
    var name: String

    @Flag(help: "To the oldest records.")
    var toBeginning = false

    @Flag(help: "Behind the newest records.")
    var toEnd = false

    @Flag(help: "Stay, but inside of what the partitions hold.")
    var toCurrent = false

    @Option(help: ArgumentHelp("To this offset.", valueName: "offset"))
    var toOffset: Int64?

    @Option(parsing: .unconditional, help: ArgumentHelp("Forward so many offsets, or backward: -N.", valueName: "±N"))
    var shiftBy: Int64?

    @Option(help: ArgumentHelp("To the first records of this time or later.", valueName: "time"))
    var toTime: String?

    @Option(help: ArgumentHelp("To the first records that are at most so old.", valueName: "duration"))
    var byDuration: String?

    @Option(help: ArgumentHelp("To what a file says; - for standard input.", valueName: "file"), completion: .file())
    var fromFile: String?

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp("A topic, or some of its partitions; may be repeated.", valueName: "topic[:0,2-5]")
    )
    var topic: [PartitionSelection] = []

    @Flag(help: "All topics in which the group has committed anything.")
    var allTopics = false

    @Flag(help: "Do it, rather than show it.")
    var execute = false

    func validate() throws {
        let chosen = [
            toBeginning, toEnd, toCurrent, toOffset != nil, shiftBy != nil, toTime != nil, byDuration != nil,
            fromFile != nil,
        ]
        guard chosen.count(where: { $0 }) == 1 else {
            throw ValidationError(
                "say where to, once: --to-beginning, --to-end, --to-current, --to-offset, --shift-by, --to-time, "
                    + "--by-duration or --from-file"
            )
        }
        if let toOffset, toOffset < 0 { throw ValidationError("--to-offset is \(toOffset), but must be at least 0") }
        if let toTime, TimeParser.milliseconds(toTime) == nil {
            throw ValidationError("--to-time '\(toTime)' is neither milliseconds nor a time such as 2026-01-31T12:00Z")
        }
        if let byDuration, PeriodParser.milliseconds(byDuration) == nil {
            throw ValidationError("--by-duration '\(byDuration)' is no duration such as 90s, 2h, 7d or P1DT12H")
        }
        if allTopics, !topic.isEmpty { throw ValidationError("--all-topics and --topic exclude each other") }
        if !allTopics, topic.isEmpty, fromFile == nil {
            throw ValidationError("say which topics: --topic NAME, --topic NAME:0,2-5 or --all-topics")
        }
    }

    func run() async throws {
        try await Topic.withAdmin(connection) { admin, output in
            let target = try await target()
            let committed = try await admin.groupOffsets(of: name)
            let partitions = try await partitions(target, committed, admin)
            let plan = try await ResetPlan.make(name, target, partitions, committed: committed, admin)
            try await ResetRun.run([plan], execute: execute, json: format.json, admin, output)
        }
    }

    private func target() async throws -> ResetTarget {
        if toBeginning { return .beginning }
        if toEnd { return .end }
        if let toOffset { return .offset(toOffset) }
        if let shiftBy { return .shift(shiftBy) }
        if let time = toTime.flatMap(TimeParser.milliseconds) { return .time(time) }
        if let length = byDuration.flatMap(PeriodParser.milliseconds) {
            return .time(max(0, SystemTime().now.milliseconds - length))
        }
        guard let fromFile else { return .current }
        var offsets: [Partition: CommittedOffset] = [:]
        for entry in try await OffsetFile.read(fromFile) where entry.group == nil || entry.group == name {
            offsets[entry.partition] = entry.committed
        }
        if offsets.isEmpty { throw InputError(description: "\(fromFile) has no offsets of group '\(name)'") }
        return .file(offsets)
    }

    private func partitions(
        _ target: ResetTarget,
        _ committed: [Partition: CommittedOffset],
        _ admin: Admin
    ) async throws -> [Partition] {
        if case .file(let offsets) = target {
            if topic.isEmpty { return Array(offsets.keys) }
            return offsets.keys.filter { partition in topic.contains { $0.contains(partition) } }
        }
        guard allTopics else {
            var partitions: Set<Partition> = []
            for selection in topic { partitions.formUnion(try await selection.resolve(admin)) }
            return Array(partitions)
        }
        guard !committed.isEmpty else {
            throw InputError(description: "group '\(name)' has committed nothing: name the topics with --topic")
        }
        return Array(committed.keys)
    }
}
