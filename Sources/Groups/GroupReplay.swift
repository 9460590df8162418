package import Model

/// Puts groups together again from what the log says of them, record by record. A value, owned by whoever loads.
///
/// One record mostly concerns the group and the topic of the record before it, so these are at hand without being looked up.
package struct GroupReplay: Sendable {
    private struct Entry: Sendable {
        var classic: ClassicGroupValue?
        var consumer: ConsumerGroupReplay?
        var offsets: [TopicPartition: CommittedOffset] = [:]
    }

    private var entries: [Entry] = []
    private var places: [GroupID: Int] = [:]
    private var last: (id: GroupID, place: Int)?
    /// Each topic's name once: a million offsets need not hold a million copies of it.
    private var topics: Set<String> = []
    private var lastTopic = ""

    package init() {}

    package mutating func apply(_ record: GroupRecord) {
        switch record {
        case .classicGroup(let id, let value): entries[place(of: id)].classic = value
        case .consumerGroup(let id, let record):
            entries[place(of: id)].consumer = entries[place(of: id)].consumer ?? ConsumerGroupReplay()
            entries[place(of: id)].consumer?.apply(record)
        case .offset(let id, let partition, let offset):
            if partition.topic != lastTopic { lastTopic = topics.insert(partition.topic).memberAfterInsert }
            entries[place(of: id)].offsets[TopicPartition(lastTopic, partition.partition)] = offset
        }
    }

    private mutating func place(of id: GroupID) -> Int {
        if let last, last.id == id { return last.place }
        let place = places[id] ?? entries.count
        if place == entries.count {
            places[id] = place
            entries.append(Entry())
        }
        last = (id, place)
        return place
    }

    /// The groups as they are after all records.
    package func groups(now: Timestamp) -> [GroupID: Group] {
        var groups: [GroupID: Group] = [:]
        for (id, place) in places {
            let entry = entries[place]
            let membership = membership(id, entry, now)
            if membership == nil, entry.offsets.isEmpty { continue }
            groups[id] = Group(id: id, membership: membership, offsets: entry.offsets, now: now)
        }
        return groups
    }

    /// What is left of a consumer group that had no members any more goes behind the classic group that took its place.
    private func membership(_ id: GroupID, _ entry: Entry, _ now: Timestamp) -> GroupMembership? {
        if let consumer = entry.consumer, consumer.exists, consumer.hasMembers || entry.classic == nil {
            return .consumer(ConsumerGroup(id: id, replay: consumer, now: now))
        }
        return entry.classic.map { .classic(ClassicGroup(id: id, value: $0)) }
    }
}
