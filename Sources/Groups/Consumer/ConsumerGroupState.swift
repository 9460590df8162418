package import Model

/// What the log says of a consumer group, or is about to say. A value, owned by its group.
struct ConsumerGroupState: Equatable, Sendable {
    /// Counts what has changed: members, subscriptions, topics.
    var epoch = MemberEpoch.joining
    /// Stands for the topics that the members read, as they were in this epoch.
    var metadataHash: Int64 = 0
    /// Of which epoch the targets are.
    var assignmentEpoch = MemberEpoch.joining
    private(set) var members: [MemberID: ConsumerMember] = [:]
    private(set) var byInstance: [InstanceID: MemberID] = [:]
    /// What each member is to hold; nothing of those that are not in it.
    private(set) var targets: [MemberID: PartitionSet] = [:]
    /// The topics that each regular expression in use has matched.
    private(set) var patterns: [String: ResolvedPattern] = [:]
    /// Who holds each partition.
    private(set) var owners: [PartitionID: MemberID] = [:]
    /// About how much memory the members take.
    private(set) var memberBytes = 0
    /// Members and patterns that have changed since ``forgetChanges()``.
    private(set) var changedMembers: Set<MemberID> = []
    private(set) var changedPatterns: Set<String> = []

    static func == (left: ConsumerGroupState, right: ConsumerGroupState) -> Bool {
        left.epoch == right.epoch && left.metadataHash == right.metadataHash
            && left.assignmentEpoch == right.assignmentEpoch && left.members == right.members
            && left.targets == right.targets && left.patterns == right.patterns
    }

    /// The members in an order that does not depend on chance.
    var inOrder: [ConsumerMember] { members.values.sorted { $0.id < $1.id } }

    mutating func forgetChanges() {
        changedMembers = []
        changedPatterns = []
    }

    mutating func noteAllAsChanged() {
        changedMembers.formUnion(members.keys)
        changedPatterns.formUnion(patterns.keys)
    }

    mutating func subscribe(_ id: MemberID, _ subscription: ConsumerMemberSubscription) {
        var member = members[id] ?? ConsumerMember(id)
        guard members[id] == nil || member.subscription != subscription else { return }
        if let instanceID = member.subscription.instanceID, byInstance[instanceID] == id {
            byInstance[instanceID] = nil
        }
        if let instanceID = subscription.instanceID { byInstance[instanceID] = id }
        if members[id] != nil { memberBytes -= member.subscription.bytes }
        memberBytes += subscription.bytes
        member.subscription = subscription
        members[id] = member
        changedMembers.insert(id)
    }

    mutating func assign(_ current: CurrentAssignment, to id: MemberID) {
        guard let member = members[id], member.current != current else { return }
        release(member)
        members[id]?.current = current
        for partition in current.assigned.all { owners[partition] = id }
        for partition in current.revoking.all { owners[partition] = id }
        changedMembers.insert(id)
    }

    private mutating func release(_ member: ConsumerMember) {
        for partition in member.current.assigned.all where owners[partition] == member.id { owners[partition] = nil }
        for partition in member.current.revoking.all where owners[partition] == member.id { owners[partition] = nil }
    }

    mutating func aim(_ target: PartitionSet, at id: MemberID) {
        guard targets[id] ?? PartitionSet() != target else { return }
        targets[id] = target.isEmpty ? nil : target
        changedMembers.insert(id)
    }

    mutating func remove(_ id: MemberID) {
        guard let member = members[id] else { return }
        release(member)
        members[id] = nil
        memberBytes -= member.subscription.bytes
        targets[id] = nil
        if let instanceID = member.subscription.instanceID, byInstance[instanceID] == id {
            byInstance[instanceID] = nil
        }
        changedMembers.insert(id)
    }

    mutating func resolve(_ pattern: String, _ resolved: ResolvedPattern?) {
        guard patterns[pattern] != resolved else { return }
        patterns[pattern] = resolved
        changedPatterns.insert(pattern)
    }

    /// The names of all topics that the member reads, or would if they were there.
    func topics(of member: ConsumerMember) -> [String] {
        guard let pattern = member.subscription.pattern, let resolved = patterns[pattern] else {
            return member.subscription.topics
        }
        if member.subscription.topics.isEmpty { return resolved.topics }
        return Set(member.subscription.topics).union(resolved.topics).sorted()
    }

    /// The names of the topics that any member reads.
    var subscribedTopics: Set<String> {
        var names: Set<String> = []
        var seen: Set<String> = []
        for member in members.values {
            names.formUnion(member.subscription.topics)
            if let pattern = member.subscription.pattern, seen.insert(pattern).inserted {
                names.formUnion(patterns[pattern]?.topics ?? [])
            }
        }
        return names
    }
}

/// The topics that a regular expression has matched. Immutable.
package struct ResolvedPattern: Equatable, Sendable {
    /// In order.
    package let topics: [String]
    /// Which topics there were.
    package let revision: Int64
    package let resolved: Timestamp

    package init(topics: [String], revision: Int64, resolved: Timestamp) {
        self.topics = topics
        self.revision = revision
        self.resolved = resolved
    }
}
