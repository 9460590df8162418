package import Model

/// Puts groups together again from what the log says of them, record by record. A value, owned by whoever loads.
package struct GroupReplay: Sendable {
    private var memberships: [GroupID: ClassicGroupValue] = [:]
    private var offsets: [GroupID: [TopicPartition: CommittedOffset]] = [:]

    package init() {}

    package mutating func apply(_ record: GroupRecord) {
        switch record {
        case .classicGroup(let id, let value): memberships[id] = value
        case .consumerGroup: break
        case .offset(let id, let partition, let offset?): offsets[id, default: [:]][partition] = offset
        case .offset(let id, let partition, nil):
            offsets[id]?[partition] = nil
            if offsets[id]?.isEmpty == true { offsets[id] = nil }
        }
    }

    /// The groups as they are after all records.
    package func groups(now: Timestamp) -> [GroupID: Group] {
        var groups: [GroupID: Group] = [:]
        for id in Set(memberships.keys).union(offsets.keys) {
            groups[id] = Group(id: id, membership: memberships[id], offsets: offsets[id] ?? [:], now: now)
        }
        return groups
    }
}
