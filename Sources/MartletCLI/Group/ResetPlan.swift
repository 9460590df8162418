import ArgumentParser
import MartletClient

/// What moving a group's offsets comes to, partition by partition: made first, shown always, applied only on demand.
/// A value.
struct ResetPlan {
    let group: String
    /// By partition.
    let steps: [ResetStep]

    /// What is to be committed.
    var offsets: [Partition: CommittedOffset] {
        var offsets: [Partition: CommittedOffset] = [:]
        for step in steps { offsets[step.partition] = step.after }
        return offsets
    }

    /// Looks at the partitions, without changing anything.
    static func make(
        _ group: String,
        _ target: ResetTarget,
        _ partitions: [Partition],
        committed: [Partition: CommittedOffset],
        _ admin: Admin
    ) async throws -> ResetPlan {
        var reachable: [Partition] = []
        var steps: [ResetStep] = []
        for (topic, part) in Dictionary(grouping: partitions, by: \.topic).sorted(by: { $0.key < $1.key }) {
            let known = try await existing(topic, admin)
            for partition in part {
                if known?.contains(partition.index) == true {
                    reachable.append(partition)
                } else {
                    let note = known == nil ? "the topic does not exist" : "the partition does not exist"
                    steps.append(ResetStep(unreachable: partition, before: committed[partition], note: note))
                }
            }
        }
        let starts = try await admin.listOffsets(Dictionary(uniqueKeysWithValues: reachable.map { ($0, .beginning) }))
        let ends = try await admin.listOffsets(Dictionary(uniqueKeysWithValues: reachable.map { ($0, .end) }))
        var found: [Partition: Int64] = [:]
        if case .time(let time) = target {
            found = try await admin.listOffsets(Dictionary(uniqueKeysWithValues: reachable.map { ($0, .time(time)) }))
        }
        for partition in reachable {
            let facts = ResetFacts(
                partition: partition,
                committed: committed[partition],
                start: starts[partition] ?? 0,
                end: ends[partition] ?? 0,
                found: found[partition]
            )
            steps.append(ResetStep(target, facts))
        }
        return ResetPlan(group: group, steps: steps.sorted { $0.partition < $1.partition })
    }

    /// The partitions of a topic; nil if there is none of that name.
    private static func existing(_ topic: String, _ admin: Admin) async throws -> Set<Int32>? {
        do throws(ClientError) {
            return Set(try await admin.describeTopic(topic).partitions.map(\.index))
        } catch {
            guard error.kafkaName == "UNKNOWN_TOPIC_OR_PARTITION" else { throw error }
            return nil
        }
    }

    /// Commits what the plan says. Throws ``InputError`` that names the members if the group has become active.
    ///
    /// - Returns: The partitions that were refused, and why.
    func apply(_ admin: Admin) async throws -> [Partition: ClientError] {
        do throws(ClientError) {
            return try await admin.alterGroupOffsets(of: group, offsets)
        } catch {
            guard error.kafkaName == "UNKNOWN_MEMBER_ID", let now = try await admin.describeGroup(group), now.isActive
            else {
                throw error
            }
            throw GroupActivity.refusal(now)
        }
    }

    var lines: [String] {
        var table = Table([
            ("TOPIC", .left), ("PARTITION", .right), ("BEFORE", .right), ("AFTER", .right), ("CHANGE", .right),
            ("NOTE", .left),
        ])
        for step in steps {
            table.add([
                step.partition.topic, String(step.partition.index), step.before.map { String($0.offset) } ?? "-",
                step.after.map { String($0.offset) } ?? "-",
                step.change.map { $0 > 0 ? "+\($0)" : String($0) } ?? "-", step.note ?? "",
            ])
        }
        return table.lines
    }

    func json(isExecuted: Bool, refused: [Partition: ClientError]) -> JSON {
        .object([
            "group": .string(group),
            "executed": .bool(isExecuted),
            "partitions": .array(
                steps.map { step in
                    .object([
                        "topic": .string(step.partition.topic),
                        "partition": .int(step.partition.index),
                        "before": .optional(step.before) { .int($0.offset) },
                        "after": .optional(step.after) { .int($0.offset) },
                        "note": .optional(step.note) { .string($0) },
                        "error": .optional(refused[step.partition]) { .string($0.message) },
                    ])
                }
            ),
        ])
    }
}

/// Shows plans, and applies them if that is wanted: what `group reset` and `group import` have in common. Stateless.
enum ResetRun {
    /// Throws ``InputError`` if a group is active and is to be changed, before any is.
    static func run(_ plans: [ResetPlan], execute: Bool, json: Bool, _ admin: Admin, _ output: StandardOutput)
        async throws
    {
        var active: [GroupDescription] = []
        for plan in plans {
            if let group = try await admin.describeGroup(plan.group), group.isActive { active.append(group) }
        }
        if execute, let first = active.first { throw GroupActivity.refusal(first) }
        var documents: [JSON] = []
        var hasFailed = false
        for (index, plan) in plans.enumerated() {
            let refused = execute ? try await plan.apply(admin) : [:]
            hasFailed = hasFailed || !refused.isEmpty
            for (_, error) in refused.sorted(by: { $0.key < $1.key }) {
                StandardError.line("martlet: \(error.description)")
            }
            documents.append(plan.json(isExecuted: execute, refused: refused))
            if json { continue }
            if index > 0 { try output.line("") }
            if plans.count > 1 { try output.line("Group: \(plan.group)") }
            for line in plan.lines { try output.line(line) }
            let count = plan.offsets.count - refused.count
            try output.line(
                execute
                    ? "committed \(count) \(count == 1 ? "offset" : "offsets") of group \(plan.group)"
                    : "dry run, nothing is changed: --execute commits \(Self.these(count))"
            )
        }
        if json { try output.line(documents.count == 1 ? documents[0] : .array(documents)) }
        for group in active {
            StandardError.line("martlet: --execute would be refused now: \(GroupActivity.refusal(group).description)")
        }
        if hasFailed { throw ExitCode.failure }
    }

    private static func these(_ count: Int) -> String {
        switch count {
        case 0: "nothing"
        case 1: "this offset"
        default: "these \(count) offsets"
        }
    }
}
