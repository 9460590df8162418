package import Model

/// Puts groups together again from what the log says of them, record by record. A value, owned by whoever loads.
package struct GroupReplay: Sendable {
    private var memberships: [GroupID: ClassicGroupValue] = [:]
    private var consumers: [GroupID: ConsumerGroupReplay] = [:]
    private var offsets: [GroupID: [TopicPartition: CommittedOffset]] = [:]

    package init() {}

    package mutating func apply(_ record: GroupRecord) {
        switch record {
        case .classicGroup(let id, let value): memberships[id] = value
        case .consumerGroup(let id, let record): consumers[id, default: ConsumerGroupReplay()].apply(record)
        case .offset(let id, let partition, let offset?): offsets[id, default: [:]][partition] = offset
        case .offset(let id, let partition, nil):
            offsets[id]?[partition] = nil
            if offsets[id]?.isEmpty == true { offsets[id] = nil }
        }
    }

    /// The groups as they are after all records.
    package func groups(now: Timestamp) -> [GroupID: Group] {
        var groups: [GroupID: Group] = [:]
        let written = consumers.filter(\.value.exists)
        for id in Set(memberships.keys).union(offsets.keys).union(written.keys) {
            groups[id] = Group(
                id: id,
                membership: membership(id, written[id], now),
                offsets: offsets[id] ?? [:],
                now: now
            )
        }
        return groups
    }

    /// What is left of a consumer group that had no members any more goes behind the classic group that took its place.
    private func membership(_ id: GroupID, _ consumer: ConsumerGroupReplay?, _ now: Timestamp) -> GroupMembership? {
        if let consumer, consumer.hasMembers || memberships[id] == nil {
            return .consumer(ConsumerGroup(id: id, replay: consumer, now: now))
        }
        return memberships[id].map { .classic(ClassicGroup(id: id, value: $0)) }
    }
}
