package import Model

/// What is written down of a consumer group: one aspect with its newest value, or with none, which deletes it. Immutable.
package enum ConsumerGroupRecord: Equatable, Sendable {
    case group(ConsumerGroupValue?)
    case assignmentEpoch(ConsumerAssignmentValue?)
    case member(MemberID, ConsumerMemberSubscription?)
    case target(MemberID, PartitionSet?)
    case current(MemberID, CurrentAssignment?)
    case pattern(String, ResolvedPattern?)
}

/// How often a group has changed, and of which topics that count is. Immutable.
package struct ConsumerGroupValue: Equatable, Sendable {
    package let epoch: MemberEpoch
    package let metadataHash: Int64

    package init(epoch: MemberEpoch, metadataHash: Int64) {
        self.epoch = epoch
        self.metadataHash = metadataHash
    }
}

/// Of which epoch the targets are, and when they were made. Immutable.
package struct ConsumerAssignmentValue: Equatable, Sendable {
    package let epoch: MemberEpoch
    package let assigned: Timestamp

    package init(epoch: MemberEpoch, assigned: Timestamp) {
        self.epoch = epoch
        self.assigned = assigned
    }
}

extension ConsumerGroupState {
    /// What has to be written down if the log knows what was before: what is gone first, then who wants what, then who is to
    /// have what, then who has what.
    func records(since before: ConsumerGroupPast, now: Timestamp) -> [ConsumerGroupRecord] {
        var records: [ConsumerGroupRecord] = []
        let changed = before.members.sorted { $0.key < $1.key }
        for (id, old) in changed where members[id] == nil && old.member != nil {
            records += [.current(id, nil), .target(id, nil), .member(id, nil)]
        }
        for (id, old) in changed {
            guard let member = members[id], old.member?.subscription != member.subscription else { continue }
            records.append(.member(id, member.subscription))
        }
        for (pattern, old) in before.patterns.sorted(by: { $0.key < $1.key }) where old != patterns[pattern] {
            records.append(.pattern(pattern, patterns[pattern]))
        }
        if epoch != before.epoch || metadataHash != before.metadataHash {
            records.append(.group(ConsumerGroupValue(epoch: epoch, metadataHash: metadataHash)))
        }
        for (id, old) in changed where members[id] != nil {
            let target = targets[id] ?? PartitionSet()
            if target != old.target { records.append(.target(id, target)) }
        }
        if assignmentEpoch != before.assignmentEpoch {
            records.append(.assignmentEpoch(ConsumerAssignmentValue(epoch: assignmentEpoch, assigned: now)))
        }
        for (id, old) in changed {
            guard let member = members[id], old.member?.current != member.current else { continue }
            records.append(.current(id, member.current))
        }
        return records
    }

    /// What was before if the log knows nothing of the group but of those that have gone since the last change.
    var unwrittenPast: ConsumerGroupPast {
        var all = ConsumerGroupPast()
        all.members = past.members
        all.patterns = past.patterns
        for id in members.keys {
            all.members[id] = ConsumerGroupPast.Member(member: nil, target: PartitionSet())
        }
        for pattern in patterns.keys { all.patterns[pattern] = .some(nil) }
        return all
    }

    /// What deletes all that the log says of the group.
    var tombstones: [ConsumerGroupRecord] {
        var records: [ConsumerGroupRecord] = []
        for id in members.keys.sorted() { records += [.current(id, nil), .target(id, nil), .member(id, nil)] }
        for pattern in patterns.keys.sorted() { records.append(.pattern(pattern, nil)) }
        return records + [.assignmentEpoch(nil), .group(nil)]
    }
}

/// Puts a consumer group together again from what the log says of it. A value, owned by whoever loads.
package struct ConsumerGroupReplay: Equatable, Sendable {
    private var group: ConsumerGroupValue?
    private var assignmentEpoch: MemberEpoch?
    private var subscriptions: [MemberID: ConsumerMemberSubscription] = [:]
    private var targets: [MemberID: PartitionSet] = [:]
    private var currents: [MemberID: CurrentAssignment] = [:]
    private var patterns: [String: ResolvedPattern] = [:]

    package init() {}

    /// Whether the log says that there is such a group.
    package var exists: Bool { group != nil || !subscriptions.isEmpty }

    var hasMembers: Bool { !subscriptions.isEmpty }

    package mutating func apply(_ record: ConsumerGroupRecord) {
        switch record {
        case .group(let value): group = value
        case .assignmentEpoch(let value): assignmentEpoch = value?.epoch
        case .member(let id, let value): subscriptions[id] = value
        case .target(let id, let value): targets[id] = value
        case .current(let id, let value): currents[id] = value
        case .pattern(let pattern, let value): patterns[pattern] = value
        }
    }

    /// The group as it is after all records. The log may be another's work, or lack what could not be written: of what
    /// cannot be, the newer is believed.
    var state: ConsumerGroupState {
        var state = ConsumerGroupState()
        for (id, subscription) in subscriptions.sorted(by: { $0.key < $1.key }) {
            var subscription = subscription
            if let instanceID = subscription.instanceID, state.byInstance[instanceID] != nil {
                subscription.instanceID = nil
            }
            state.subscribe(id, subscription)
            state.aim(targets[id] ?? PartitionSet(), at: id)
        }
        let order = subscriptions.keys.map { ($0, currents[$0] ?? CurrentAssignment()) }
            .sorted { ($1.1.epoch, $0.0) < ($0.1.epoch, $1.0) }
        for (id, current) in order { state.assign(state.withoutPartitionsOfOthers(current), to: id) }
        for (pattern, resolved) in patterns { state.resolve(pattern, resolved) }
        let newest = order.first?.1.epoch ?? .joining
        state.epoch = max(group?.epoch ?? .joining, newest, .joining)
        state.metadataHash = group?.metadataHash ?? 0
        state.assignmentEpoch = min(max(assignmentEpoch ?? .joining, newest, .joining), state.epoch)
        state.beginChanges()
        return state
    }
}

extension ConsumerGroupState {
    fileprivate func withoutPartitionsOfOthers(_ current: CurrentAssignment) -> CurrentAssignment {
        var current = current
        for partition in Array(current.assigned.all) where owners[partition] != nil {
            current.assigned[partition] = nil
        }
        for partition in Array(current.revoking.all) where owners[partition] != nil {
            current.revoking[partition] = nil
        }
        return current
    }
}
