import ArgumentParser
import MartletClient

/// `martlet group history`. A value.
struct GroupHistoryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "history",
        abstract: "Show the last rebalances of a group: who, why, how long, and what moved.",
        discussion: """
            A broker remembers them since its start. MOVED counts the partitions that got an owner they did not have \
            before. A group that rebalances again and again hardly gets to read: that is called a storm, and warned about \
            in the broker's log too.

            Examples:
              martlet group history billing
              martlet group history billing --json | jq '.[0].rebalances[-1].cause'
            """
    )

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var format: OutputOptions

    @Argument(help: "The groups.", completion: .groups)
    var names: [String]

    func run() async throws {
        try await Topic.withAdmin(connection) { admin, output in
            let histories = try await admin.groupHistory(of: names)
            if format.json {
                try output.line(JSON.array(histories.map { $0.json }))
                return
            }
            for (index, history) in histories.enumerated() {
                if index > 0 { try output.line("") }
                for line in history.lines { try output.line(line) }
            }
        }
    }
}

extension GroupHistory {
    /// For people.
    var lines: [String] {
        let storm = isInStorm ? ", rebalancing again and again" : isRebalancing ? ", rebalancing now" : ""
        let head = "Group \(id): the last \(rebalances.count) rebalances\(storm)"
        if rebalances.isEmpty { return ["Group \(id): no rebalance since the broker's start"] }
        var table = Table([
            ("BEGAN", .left), ("GENERATION", .right), ("TOOK", .right), ("MEMBERS", .right), ("MOVED", .right),
            ("WHO", .left), ("CLIENT", .left), ("HOST", .left), ("WHY", .left),
        ])
        for one in rebalances {
            let before = one.membersBefore.map { String($0) } ?? "?"
            let after = one.membersAfter.map { String($0) } ?? "?"
            table.add([
                Moment.text(one.began), one.generation.map { String($0) } ?? "-",
                one.durationMicroseconds.map { Quantity.seconds(.microseconds($0)) } ?? "under way",
                "\(before) to \(after)", one.partitionsMoved.map { String($0) } ?? "-",
                one.memberID.isEmpty ? "-" : one.memberID, one.clientID ?? "-", one.host ?? "-",
                one.cause + (one.clientReason.map { ": \($0)" } ?? ""),
            ])
        }
        return [head, ""] + table.lines
    }

    var json: JSON {
        .object([
            "group": .string(id),
            "in_storm": .bool(isInStorm),
            "rebalancing": .bool(isRebalancing),
            "rebalances": .array(rebalances.map { $0.json }),
        ])
    }
}

extension GroupHistory.Rebalance {
    var json: JSON {
        let fields: [JSON.Field] = [
            JSON.Field("began", .int(began)),
            JSON.Field("generation", JSON.optional(generation) { .int($0) }),
            JSON.Field("seconds", JSON.optional(durationMicroseconds) { .double(Double($0) / 1_000_000) }),
            JSON.Field("members_before", JSON.optional(membersBefore) { .int($0) }),
            JSON.Field("members_after", JSON.optional(membersAfter) { .int($0) }),
            JSON.Field("partitions_moved", JSON.optional(partitionsMoved) { .int($0) }),
            JSON.Field("member_id", .string(memberID)),
            JSON.Field("client_id", JSON.optional(clientID) { .string($0) }),
            JSON.Field("host", JSON.optional(host) { .string($0) }),
            JSON.Field("cause", .string(cause)),
            JSON.Field("client_reason", JSON.optional(clientReason) { .string($0) }),
        ]
        return .object(fields)
    }
}
