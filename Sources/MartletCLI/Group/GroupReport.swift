import MartletClient

/// What `group describe` says about one group at one moment. A value.
struct GroupReport {
    let group: GroupDescription
    let lags: [PartitionLag]
    /// In milliseconds since 1970-01-01T00:00Z.
    let now: Int64

    /// The sum over the partitions in which something is committed.
    var lag: Int64 { lags.reduce(0) { $0 + ($1.records ?? 0) } }

    /// The age of the oldest record that waits, in milliseconds; nil if no partition tells.
    var age: Int64? { lags.compactMap { $0.age(at: now) }.max() }

    var lines: [String] {
        let assignor = group.assignor.map { ", assignor \($0)" } ?? ""
        let waiting = age.map { $0 > 0 ? ", the oldest waits for \(Quantity.age(milliseconds: $0))" : "" } ?? ""
        let head = [
            "Group:        \(group.id)",
            "State:        \(group.state.name) (\(group.type.name)\(assignor))",
            "Coordinator:  broker \(group.coordinator)",
            "Members:      \(group.members.count)",
            "Lag:          \(Quantity.count(lag)) records\(waiting)",
        ]
        if lags.isEmpty { return head + ["", "It has committed nothing."] }
        var table = Table([
            ("TOPIC", .left), ("PARTITION", .right), ("COMMITTED", .right), ("NEXT", .right), ("END", .right),
            ("LAG", .right), ("AGE", .right), ("OWNER", .left), ("CLIENT", .left), ("HOST", .left), ("NOTE", .left),
        ])
        for lag in lags {
            let owner = group.owner(of: lag.partition)
            let next: Int64? = if case .record(let offset, _) = lag.next { offset } else { nil }
            table.add([
                lag.partition.topic, String(lag.partition.index), lag.committed.map { String($0.offset) } ?? "-",
                next.map(String.init) ?? "-", lag.end.map(String.init) ?? "-", lag.records.map(String.init) ?? "-",
                lag.age(at: now).map { Quantity.age(milliseconds: $0) } ?? "-", owner?.id ?? "-",
                owner?.clientID ?? "-", owner?.host ?? "-", Self.note(lag) ?? "",
            ])
        }
        return head + [""] + table.lines
    }

    var json: JSON {
        let fields: [JSON.Field] = [
            JSON.Field("members", .int(group.members.count)),
            JSON.Field("lag", .int(lag)),
            JSON.Field("lag_seconds", JSON.optional(age) { Self.seconds($0) }),
            JSON.Field("partitions", .array(lags.map { object($0) })),
        ]
        return .object(group.jsonFields + fields)
    }

    private func object(_ lag: PartitionLag) -> JSON {
        var nextOffset = JSON.null
        var nextTimestamp = JSON.null
        if case .record(let offset, let timestamp) = lag.next {
            (nextOffset, nextTimestamp) = (.int(offset), .int(timestamp))
        }
        let position: [JSON.Field] = [
            JSON.Field("topic", .string(lag.partition.topic)),
            JSON.Field("partition", .int(lag.partition.index)),
            JSON.Field("committed_offset", JSON.optional(lag.committed) { .int($0.offset) }),
            JSON.Field("committed_leader_epoch", JSON.optional(lag.committed?.leaderEpoch) { .int($0) }),
            JSON.Field("metadata", JSON.optional(lag.committed) { .string($0.metadata) }),
            JSON.Field("start_offset", JSON.optional(lag.start) { .int($0) }),
            JSON.Field("end_offset", JSON.optional(lag.end) { .int($0) }),
            JSON.Field("lag", JSON.optional(lag.records) { .int($0) }),
            JSON.Field("next_offset", nextOffset),
            JSON.Field("next_timestamp", nextTimestamp),
            JSON.Field("lag_seconds", JSON.optional(lag.age(at: now)) { Self.seconds($0) }),
            JSON.Field("note", JSON.optional(Self.note(lag)) { .string($0) }),
        ]
        let owner = group.owner(of: lag.partition)
        let reader: [JSON.Field] = [
            JSON.Field("member_id", JSON.optional(owner) { .string($0.id) }),
            JSON.Field("instance_id", JSON.optional(owner?.instanceID) { .string($0) }),
            JSON.Field("client_id", JSON.optional(owner) { .string($0.clientID) }),
            JSON.Field("host", JSON.optional(owner) { .string($0.host) }),
        ]
        return .object(position + reader)
    }

    private static func seconds(_ milliseconds: Int64) -> JSON { .double(Double(milliseconds) / 1000) }

    /// Why the next record is not the one at the committed offset, or why it is not known.
    static func note(_ lag: PartitionLag) -> String? {
        if case .unknown(let reason) = lag.next { return reason }
        guard let committed = lag.committed?.offset, let start = lag.start, let end = lag.end else { return nil }
        if committed > end { return "committed behind the end: the topic was made anew, or lost records" }
        guard case .record(let next, _) = lag.next else {
            return committed < end ? "all records from \(committed) on are gone" : nil
        }
        if committed < start { return "offsets \(committed) to \(start - 1) are expired, the group goes on at \(next)" }
        return next > committed ? "offset \(committed) is compacted away, the next record is \(next)" : nil
    }
}
