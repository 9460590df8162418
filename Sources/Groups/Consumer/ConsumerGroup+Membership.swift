package import Model

/// Going: members that leave, those that are not heard of, those that do not give back what they have to.
extension ConsumerGroup {
    mutating func leave(
        _ request: ConsumerHeartbeat,
        _ settings: ConsumerGroupSettings,
        _ step: inout GroupStep
    ) throws(ConsumerRefusal) -> ConsumerHeartbeatReply {
        let member: ConsumerMember
        if let instanceID = request.instanceID {
            guard let holder = state.byInstance[instanceID], let found = state.members[holder] else {
                throw ConsumerRefusal(.unknownMemberId, "Instance id \(instanceID) is unknown.")
            }
            guard holder == request.memberID else {
                throw ConsumerRefusal(
                    .fencedInstanceId,
                    "Static member \(request.memberID) with instance id \(instanceID) was fenced by member \(holder)."
                )
            }
            member = found
        } else {
            guard let found = state.members[request.memberID] else { throw .unknown(request.memberID, in: id) }
            member = found
        }
        if request.epoch == .pausing {
            pause(member, &step)
        } else {
            remove([member.id], because: RebalanceReason(member.id, .left, client: member.subscription.client), &step)
        }
        var reply = ConsumerHeartbeatReply()
        reply.memberID = member.id
        reply.epoch = request.epoch
        return reply
    }

    /// A static member goes and will be back within its session timeout: what it holds stays its own.
    private mutating func pause(_ member: ConsumerMember, _ step: inout GroupStep) {
        var current = member.current
        current.previousEpoch = current.epoch
        current.epoch = .pausing
        current.state = .stable
        current.revoking = HeldPartitions()
        state.assign(current, to: member.id)
        step.cancelTimer(.revocation(member.id))
    }

    /// Takes members out; what they held is free.
    mutating func remove(_ ids: [MemberID], because reason: RebalanceReason, _ step: inout GroupStep) {
        for id in ids {
            state.remove(id)
            rejoining.remove(id)
            stopClocks(of: id, &step)
        }
        change(because: reason, &step)
        if state.members.isEmpty { completeHistory(&step) }
    }

    /// A session timer is due.
    package mutating func sessionExpired(_ id: MemberID, _ step: inout GroupStep) {
        expire(id, .sessionExpired, &step)
    }

    /// A member has had its time to give back what it is to lose.
    package mutating func revocationExpired(_ id: MemberID, _ step: inout GroupStep) {
        guard state.members[id]?.current.state == .unrevoked else { return }
        expire(id, .revocationExpired, &step)
    }

    /// A member of the classic protocol was told to join again and has not.
    package mutating func rejoinExpired(_ id: MemberID, _ step: inout GroupStep) {
        guard state.members[id]?.isClassic == true else { return }
        expire(id, .rejoinExpired, &step)
    }

    private mutating func expire(_ id: MemberID, _ cause: RebalanceReason.Cause, _ step: inout GroupStep) {
        guard let member = state.members[id] else { return }
        remove([id], because: RebalanceReason(id, cause, client: member.subscription.client), &step)
        conclude(answering: nil, &step)
    }
}

/// What members may do to offsets.
extension ConsumerGroup {
    /// Whether a commit may be accepted: of a member as of its epoch, except for what others hold, or as of an older one
    /// for partitions that it has had since then.
    package func commitProblem(_ request: CommitRequest, _ topics: some ConsumerTopics) -> ErrorCode? {
        let epoch = MemberEpoch(request.generation.rawValue)
        // An admin's, or of a consumer that assigns its partitions itself.
        if epoch < .joining, state.members.isEmpty { return nil }
        guard let member = state.members[request.memberID] else { return .unknownMemberId }
        if member.isClassic { return epoch == member.epoch ? nil : .illegalGeneration }
        guard request.understandsMemberEpochs else { return .unsupportedVersion }
        if epoch > member.epoch { return .staleMemberEpoch }
        let isCurrent = epoch == member.epoch
        let isAllowed = request.positions.allSatisfy { position in
            guard let topic = topics.topic(named: position.partition.topic) else { return isCurrent }
            let partition = PartitionID(topic.id, position.partition.partition)
            if let since = member.current[partition] { return since <= epoch }
            // As an admin's. But a member stays in its epoch while it gives back one partition after the other, and what
            // it has said of one must not come after its next owner's word.
            return isCurrent && state.owners[partition] == nil
        }
        return isAllowed ? nil : .staleMemberEpoch
    }

    /// Whether committed offsets may be read by the member; anybody may who does not claim to be one.
    package func fetchProblem(_ id: MemberID?, _ epoch: MemberEpoch) -> ErrorCode? {
        guard let id, id != .unknown || epoch >= .joining else { return nil }
        guard let member = storedMember(id) else { return .unknownMemberId }
        if epoch == member.epoch { return nil }
        return member.isClassic ? .illegalGeneration : .staleMemberEpoch
    }

    var subscribedTopics: SubscribedTopics {
        state.members.isEmpty ? .none : .topics(state.subscribedTopics)
    }

    /// Why the group cannot be deleted now; nil if it can.
    package var deletionProblem: ErrorCode? { isUnused ? nil : .nonEmptyGroup }
}
