package import Model

/// A group: who is in it, and up to where it has read. A value, owned by its coordinator.
///
/// What members do comes in Group+Membership.swift; what concerns the offsets, or both, here.
package struct Group: Equatable, Sendable {
    package let id: GroupID
    package internal(set) var membership: GroupMembership
    package private(set) var offsets: GroupOffsets
    /// How many removals nobody asked for there were: each has its own purpose.
    private var expiries: UInt64 = 0
    /// The number of the last append of a consumer group that the group was.
    var lastConsumerAppend: UInt64 = 0

    package init(id: GroupID, now: Timestamp) {
        self.id = id
        membership = .classic(ClassicGroup(id: id, now: now))
        offsets = GroupOffsets()
    }

    /// The group as it was written down.
    init(id: GroupID, membership: GroupMembership?, offsets: [TopicPartition: CommittedOffset], now: Timestamp) {
        self.id = id
        self.membership = membership ?? .classic(ClassicGroup(id: id, now: now))
        self.offsets = GroupOffsets(committed: offsets)
    }

    /// Whether nothing is lost if the group is forgotten: it has nothing, and the log says nothing of it.
    package var isForgettable: Bool {
        membership.isUnused && !membership.isWritten && offsets.isEmpty
    }

    /// Whether the group is nothing but ids that were handed out and whose clients have not come back yet.
    package var isPromise: Bool {
        membership.classic?.isPromise == true && !membership.isWritten && offsets.isEmpty
    }

    // MARK: Commits

    package mutating func commit(
        _ request: CommitRequest,
        _ token: ReplyToken,
        _ settings: OffsetSettings,
        _ topics: any ConsumerTopics,
        _ step: inout GroupStep
    ) {
        let problem = problem(with: request, topics, &step)
        if problem != .none {
            return step.reply(token, .commit(request.positions.map { _ in problem }))
        }
        let now = step.now.timestamp
        var errors: [ErrorCode] = []
        var offsets: [(TopicPartition, CommittedOffset?)] = []
        for position in request.positions {
            guard position.metadata.utf8.count <= settings.maximumMetadataBytes else {
                errors.append(.offsetMetadataTooLarge)
                continue
            }
            errors.append(.none)
            let offset = CommittedOffset(
                offset: position.offset,
                leaderEpoch: position.leaderEpoch,
                metadata: position.metadata,
                committed: now,
                expires: request.retentionMilliseconds.map { now.advanced(milliseconds: $0) }
            )
            offsets.append((position.partition, offset))
        }
        if offsets.isEmpty { return step.reply(token, .commit(errors)) }
        let answer = GroupOffsets.Answer(token: token, reply: .commit(errors))
        self.offsets.change(id, offsets, for: .offsets(token), answer: answer, &step)
    }

    private mutating func problem(
        with request: CommitRequest,
        _ topics: any ConsumerTopics,
        _ step: inout GroupStep
    ) -> ErrorCode {
        switch membership {
        case .classic(var group):
            defer { membership = .classic(group) }
            return group.commit(request.memberID, request.instanceID, request.generation, &step)
        case .consumer(let group): return group.commitProblem(request, topics) ?? .none
        }
    }

    /// Whether a member, or whoever says to be one, may read the offsets; nil if so.
    package func fetchProblem(_ id: MemberID?, _ epoch: MemberEpoch) -> ErrorCode? {
        membership.consumer?.fetchProblem(id, epoch)
    }

    // MARK: Deletion

    /// Deletes offsets, except of topics that a member reads.
    package mutating func deleteOffsets(
        of partitions: [TopicPartition],
        _ token: ReplyToken,
        _ step: inout GroupStep
    ) {
        let isRead: (String) -> Bool
        switch membership.subscribedTopics {
        case .none: isRead = { _ in false }
        case .topics(let topics): isRead = { topics.contains($0) }
        case .unknown: return step.reply(token, .deleteOffsets(partitions.map { _ in .nonEmptyGroup }))
        }
        let errors: [ErrorCode] = partitions.map { isRead($0.topic) ? .groupSubscribedToTopic : .none }
        let doomed = partitions.filter { !isRead($0.topic) && offsets[$0] != nil }
        if doomed.isEmpty { return step.reply(token, .deleteOffsets(errors)) }
        let answer = GroupOffsets.Answer(token: token, reply: .deleteOffsets(errors))
        offsets.change(id, doomed.map { ($0, nil) }, for: .offsets(token), answer: answer, &step)
    }

    /// Deletes the group with all it has.
    package mutating func delete(_ token: ReplyToken, _ step: inout GroupStep) {
        if isForgettable { return step.reply(token, .delete(.groupIdNotFound)) }
        if let problem = membership.deletionProblem { return step.reply(token, .delete(problem)) }
        let answer = GroupOffsets.Answer(token: token, reply: .delete(.none))
        let doomed = offsets.partitions { _ in true }.map { ($0, nil as CommittedOffset?) }
        offsets.change(
            id,
            doomed,
            with: membership.tombstones(id),
            for: .deletion(token),
            answer: answer,
            &step
        )
    }

    /// The outcome of a deletion.
    private mutating func deleted(_ purpose: GroupAppend, _ failure: ErrorCode?, _ step: inout GroupStep) {
        offsets.appended(purpose, failure: failure, &step)
        guard failure == nil, membership.isUnused else { return }
        // Had somebody joined meanwhile, the group would go on, and be written down with its next generation.
        forgetMembership(step)
    }

    /// Forgets the offsets of topics that are no more: a new topic of that name begins anew.
    package mutating func forgetTopics(_ areGone: (String) -> Bool, _ step: inout GroupStep) {
        // Most offsets are of the topic of the one before.
        var last: (topic: String, isGone: Bool)?
        let gone = offsets.partitions { partition in
            if let last, last.topic == partition.topic { return last.isGone }
            let isGone = areGone(partition.topic)
            last = (partition.topic, isGone)
            return isGone
        }
        forget(gone, &step)
    }

    private mutating func forgetMembership(_ step: GroupStep) {
        if let consumer = membership.consumer { lastConsumerAppend = consumer.lastAppend }
        membership = .classic(ClassicGroup(id: id, now: step.now.timestamp))
    }

    /// The purpose of a removal nobody asked for.
    mutating func nextExpiry() -> GroupAppend {
        expiries += 1
        return .expiry(expiries)
    }

    private mutating func forget(_ partitions: [TopicPartition], _ step: inout GroupStep) {
        if partitions.isEmpty { return }
        offsets.change(id, partitions.map { ($0, nil) }, for: nextExpiry(), answer: nil, &step)
    }

    /// Forgets what has not been of use for long, and an empty group without offsets altogether.
    ///
    /// - Parameter isValid: Whether the partition still has the record at that offset, or can still get it.
    package mutating func expire(
        _ settings: OffsetSettings,
        isValid: (TopicPartition, Offset) -> Bool,
        _ step: inout GroupStep
    ) {
        guard membership.isUnused else { return }
        let now = step.now.timestamp
        let milliseconds = settings.retention.wholeNanoseconds / 1_000_000
        let unused = membership.unusedSince
        forget(
            offsets.partitions { partition in
                guard let offset = offsets[partition] else { return false }
                let lastUse = max(offset.committed, unused ?? offset.committed)
                guard now >= offset.expires ?? lastUse.advanced(milliseconds: milliseconds) else { return false }
                return !settings.keepsValidPositions || !isValid(partition, offset.offset)
            },
            &step
        )
        guard offsets.isEmpty, let unused, now >= unused.advanced(milliseconds: milliseconds) else { return }
        step.append(membership.tombstones(id), for: nextExpiry())
        forgetMembership(step)
    }

    // MARK: The log

    /// An append is in the log, or is not.
    package mutating func appended(
        _ purpose: GroupAppend,
        failure: ErrorCode?,
        _ rules: GroupRules,
        _ step: inout GroupStep
    ) {
        switch purpose {
        case .offsets, .expiry: offsets.appended(purpose, failure: failure, &step)
        case .deletion: deleted(purpose, failure, &step)
        case .consumerGroup(let number): decided(number, failure, rules, &step)
        case .emptied, .assignments, .restartedMember:
            _ = withClassic { $0.appended(purpose, failure: failure, rules.classic, &step) }
        }
    }
}
