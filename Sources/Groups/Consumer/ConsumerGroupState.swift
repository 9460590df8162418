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
    /// About how much memory the members take, with what they are to hold.
    private(set) var memberBytes = 0
    /// How many members name each topic, and use each regular expression.
    private var topicReaders: [String: Int] = [:]
    private var patternUsers: [String: Int] = [:]
    /// What it was like before the changes since ``beginChanges()``.
    private(set) var past = ConsumerGroupPast()

    static func == (left: ConsumerGroupState, right: ConsumerGroupState) -> Bool {
        left.epoch == right.epoch && left.metadataHash == right.metadataHash
            && left.assignmentEpoch == right.assignmentEpoch && left.members == right.members
            && left.targets == right.targets && left.patterns == right.patterns
    }

    /// The members in an order that does not depend on chance.
    var inOrder: [ConsumerMember] { members.values.sorted { $0.id < $1.id } }

    // MARK: Changes

    /// From now on the state is remembered as it is.
    mutating func beginChanges() {
        past = ConsumerGroupPast()
        past.epoch = epoch
        past.metadataHash = metadataHash
        past.assignmentEpoch = assignmentEpoch
    }

    /// Takes back the changes since ``beginChanges()``.
    mutating func takeBackChanges() { goBack(to: past) }

    /// Becomes what it was before changes; those that were made later have to be taken back already.
    mutating func goBack(to past: ConsumerGroupPast) {
        // Partitions may have gone from one to the other: all are free before any is held again.
        for id in past.members.keys { drop(id) }
        for (id, before) in past.members {
            if let member = before.member { put(member, id, target: before.target) }
        }
        for (pattern, resolved) in past.patterns { set(pattern, resolved) }
        epoch = past.epoch
        metadataHash = past.metadataHash
        assignmentEpoch = past.assignmentEpoch
        beginChanges()
    }

    private mutating func drop(_ id: MemberID) {
        setTarget(PartitionSet(), of: id)
        guard let member = members.removeValue(forKey: id) else { return }
        release(member)
        count(member.subscription, by: -1)
        if let instanceID = member.subscription.instanceID, byInstance[instanceID] == id {
            byInstance[instanceID] = nil
        }
    }

    private mutating func put(_ member: ConsumerMember, _ id: MemberID, target: PartitionSet) {
        members[id] = member
        count(member.subscription, by: 1)
        if let instanceID = member.subscription.instanceID { byInstance[instanceID] = id }
        setTarget(target, of: id)
        hold(member.current, id)
    }

    private mutating func remember(_ id: MemberID) {
        if past.members[id] != nil { return }
        past.members[id] = ConsumerGroupPast.Member(member: members[id], target: targets[id] ?? PartitionSet())
    }

    mutating func subscribe(_ id: MemberID, _ subscription: ConsumerMemberSubscription) {
        var member = members[id] ?? ConsumerMember(id)
        guard members[id] == nil || member.subscription != subscription else { return }
        remember(id)
        if members[id] != nil { count(member.subscription, by: -1) }
        if let instanceID = member.subscription.instanceID, byInstance[instanceID] == id {
            byInstance[instanceID] = nil
        }
        if let instanceID = subscription.instanceID { byInstance[instanceID] = id }
        count(subscription, by: 1)
        member.subscription = subscription
        members[id] = member
    }

    private mutating func count(_ subscription: ConsumerMemberSubscription, by change: Int) {
        memberBytes += change * subscription.bytes
        for topic in subscription.topics { topicReaders.count(topic, by: change) }
        if let pattern = subscription.pattern { patternUsers.count(pattern, by: change) }
    }

    mutating func assign(_ current: CurrentAssignment, to id: MemberID) {
        guard let member = members[id], member.current != current else { return }
        remember(id)
        release(member)
        members[id]?.current = current
        hold(current, id)
    }

    private mutating func hold(_ current: CurrentAssignment, _ id: MemberID) {
        for partition in current.assigned.all { owners[partition] = id }
        for partition in current.revoking.all { owners[partition] = id }
    }

    private mutating func release(_ member: ConsumerMember) {
        for partition in member.current.assigned.all where owners[partition] == member.id { owners[partition] = nil }
        for partition in member.current.revoking.all where owners[partition] == member.id { owners[partition] = nil }
    }

    mutating func aim(_ target: PartitionSet, at id: MemberID) {
        guard targets[id] ?? PartitionSet() != target else { return }
        remember(id)
        setTarget(target, of: id)
    }

    private mutating func setTarget(_ target: PartitionSet, of id: MemberID) {
        memberBytes += (target.count - (targets[id]?.count ?? 0)) * GroupLimits.bytesPerPartition
        targets[id] = target.isEmpty ? nil : target
    }

    mutating func remove(_ id: MemberID) {
        guard members[id] != nil else { return }
        remember(id)
        drop(id)
    }

    mutating func resolve(_ pattern: String, _ resolved: ResolvedPattern?) {
        guard patterns[pattern] != resolved else { return }
        if past.patterns[pattern] == nil { past.patterns[pattern] = .some(patterns[pattern]) }
        set(pattern, resolved)
    }

    private mutating func set(_ pattern: String, _ resolved: ResolvedPattern?) {
        let change = (resolved?.topics.count ?? 0) - (patterns[pattern]?.topics.count ?? 0)
        memberBytes += change * GroupLimits.bytesPerPartition
        patterns[pattern] = resolved
    }

    // MARK: What is read

    /// The regular expressions that members have subscribed with.
    var usedPatterns: some Collection<String> { patternUsers.keys }

    func isUsed(_ pattern: String) -> Bool { patternUsers[pattern] != nil }

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
        var names = Set(topicReaders.keys)
        for pattern in patternUsers.keys { names.formUnion(patterns[pattern]?.topics ?? []) }
        return names
    }
}

/// What a consumer group was like before some changes, as far as they have changed it: so much has to be written down, or put
/// back if that fails. A value.
struct ConsumerGroupPast: Equatable, Sendable {
    var epoch = MemberEpoch.joining
    var metadataHash: Int64 = 0
    var assignmentEpoch = MemberEpoch.joining
    /// By id: the members that have changed.
    var members: [MemberID: Member] = [:]
    /// By regular expression; nil for those that were not there.
    var patterns: [String: ResolvedPattern?] = [:]

    struct Member: Equatable, Sendable {
        /// Nil if it was not there.
        let member: ConsumerMember?
        let target: PartitionSet
    }
}

extension [String: Int] {
    /// Keeps what is counted more often than never.
    fileprivate mutating func count(_ name: String, by change: Int) {
        let sum = self[name, default: 0] + change
        self[name] = sum == 0 ? nil : sum
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
