import Model

/// Heartbeats: the one request with which members join, stay, change their mind, report what they hold, and leave.
extension ConsumerGroup {
    package mutating func heartbeat(
        _ request: ConsumerHeartbeat,
        _ token: ReplyToken,
        _ topics: some ConsumerTopics,
        _ settings: ConsumerGroupSettings,
        _ step: inout GroupStep
    ) {
        if let refusal = request.problem(settings) { return step.reply(token, .consumerHeartbeat(refusal)) }
        do throws(ConsumerRefusal) {
            let reply =
                switch request.epoch {
                case .leaving, .pausing: try leave(request, settings, &step)
                default: try stay(request, topics, settings, &step)
                }
            conclude(answering: Answer(token: token, reply: .consumerHeartbeat(reply)), &step)
        } catch {
            takeBackChanges()
            step.reply(token, .consumerHeartbeat(.refusal(error.code, error.message)))
        }
    }

    // MARK: Staying

    private mutating func stay(
        _ request: ConsumerHeartbeat,
        _ topics: some ConsumerTopics,
        _ settings: ConsumerGroupSettings,
        _ step: inout GroupStep
    ) throws(ConsumerRefusal) -> ConsumerHeartbeatReply {
        let id = request.memberID == .unknown ? request.freshMemberID : request.memberID
        let known = try known(id, request, settings, &step)
        let subscription = try subscription(of: known, request, topics)
        let isRead =
            known?.subscription.topics == subscription.topics && known?.subscription.pattern == subscription.pattern
        state.subscribe(id, subscription)
        let cause: RebalanceReason.Cause? = known == nil ? .joined : isRead ? nil : .changedSubscription
        update(topics, because: cause.map { RebalanceReason(id, $0, client: request.client) }, id, settings, &step)
        try reconcile(id, owned: request.owned, &step)
        guard let member = state.members[id] else { throw ConsumerRefusal(.unknownMemberId, "") }
        restartSession(of: member, settings, &step)
        var reply = ConsumerHeartbeatReply()
        reply.memberID = id
        reply.epoch = member.epoch
        reply.heartbeatIntervalMilliseconds = heartbeatInterval(settings, step)
        let assigned = member.current.assigned.partitions
        if request.isFull || known?.current.assigned.partitions != assigned { reply.assignment = assigned }
        return reply
    }

    /// When members are to say something again: soon while the group changes, since only then do they hear of it; the longer
    /// it has been as it is, the later.
    private func heartbeatInterval(_ settings: ConsumerGroupSettings, _ step: GroupStep) -> Int32 {
        let calm = settings.heartbeatIntervalMilliseconds
        guard let lastChange else { return calm }
        let age = lastChange.duration(to: step.now.instant)
        let soonest = max(
            GroupLimits.shortestHeartbeatInterval,
            GroupLimits.timeBetweenHeartbeats * state.members.count
        )
        return min(calm, Int32(clamping: max(age, soonest).wholeNanoseconds / 1_000_000))
    }

    /// Undoes what a request has done so far that is refused after all.
    mutating func takeBackChanges() {
        state.takeBackChanges()
        checkedRevision = nil
    }

    /// The member as the group knows it; nil if it is new.
    private mutating func known(
        _ id: MemberID,
        _ request: ConsumerHeartbeat,
        _ settings: ConsumerGroupSettings,
        _ step: inout GroupStep
    ) throws(ConsumerRefusal) -> ConsumerMember? {
        let holder = request.instanceID.flatMap { state.byInstance[$0] }
        if request.epoch == .joining, let holder, let instanceID = request.instanceID {
            return try takeOver(holder, as: id, instanceID, &step)
        }
        if let instanceID = request.instanceID, request.epoch != .joining {
            try check(holder, of: instanceID, is: id)
        }
        guard let member = state.members[id] else {
            guard request.epoch == .joining else { throw .unknown(id, in: self.id) }
            try checkThatThereIsRoom(settings)
            guard request.hasRoom else { throw .noRoom }
            return nil
        }
        try check(request, against: member)
        return member
    }

    func checkThatThereIsRoom(_ settings: ConsumerGroupSettings) throws(ConsumerRefusal) {
        guard state.members.count < settings.maximumMembers else {
            throw ConsumerRefusal(
                .groupMaxSizeReached,
                "The consumer group has reached its maximum capacity of \(settings.maximumMembers) members."
            )
        }
    }

    private func check(
        _ holder: MemberID?,
        of instanceID: InstanceID,
        is id: MemberID
    ) throws(ConsumerRefusal) {
        guard let holder else {
            throw ConsumerRefusal(.unknownMemberId, "Instance id \(instanceID) is unknown.")
        }
        guard holder == id else {
            throw ConsumerRefusal(
                .fencedInstanceId,
                "Static member \(id) with instance id \(instanceID) was fenced by member \(holder)."
            )
        }
    }

    /// Whether what the member says it knows is what it was told, last or, if that answer may have been lost, before.
    private func check(_ request: ConsumerHeartbeat, against member: ConsumerMember) throws(ConsumerRefusal) {
        // Whoever was fenced begins anew, with nothing.
        if request.epoch == .joining || request.epoch == member.epoch { return }
        let isLate =
            request.epoch == member.current.previousEpoch && request.epoch < member.epoch
            && request.owned.map { member.current.assigned.isSuperset(of: $0) } ?? false
        if isLate { return }
        throw ConsumerRefusal(
            .fencedMemberEpoch,
            """
            The consumer group member has a \(request.epoch > member.epoch ? "greater" : "smaller") member epoch \
            (\(request.epoch)) than the one known by the group coordinator (\(member.epoch)). The member must abandon all \
            its partitions and rejoin.
            """
        )
    }

    /// A static member is back, as itself or under a new id, with the place that was kept for it.
    private mutating func takeOver(
        _ holder: MemberID,
        as id: MemberID,
        _ instanceID: InstanceID,
        _ step: inout GroupStep
    ) throws(ConsumerRefusal) -> ConsumerMember? {
        guard let member = state.members[holder] else { return nil }
        guard member.epoch == .pausing || holder == id else {
            throw ConsumerRefusal(
                .unreleasedInstanceId,
                """
                Static member \(id) with instance id \(instanceID) cannot join the group because the instance id is owned \
                by \(holder) member.
                """
            )
        }
        return replace(member, by: id, &step)
    }

    /// Puts a member in the place of another.
    mutating func replace(_ member: ConsumerMember, by id: MemberID, _ step: inout GroupStep) -> ConsumerMember? {
        var current = member.current
        if current.epoch < .joining { current.epoch = .joining }
        current.previousEpoch = .joining
        if id == member.id {
            state.assign(current, to: id)
            return state.members[id]
        }
        let target = state.targets[member.id] ?? PartitionSet()
        state.remove(member.id)
        stopClocks(of: member.id, &step)
        state.subscribe(id, member.subscription)
        state.aim(target, at: id)
        state.assign(current, to: id)
        return state.members[id]
    }

    private func subscription(
        of member: ConsumerMember?,
        _ request: ConsumerHeartbeat,
        _ topics: some ConsumerTopics
    ) throws(ConsumerRefusal) -> ConsumerMemberSubscription {
        var subscription = member?.subscription ?? ConsumerMemberSubscription()
        subscription.classic = nil
        subscription.client = request.client
        if let instanceID = request.instanceID { subscription.instanceID = instanceID }
        if let rackID = request.rackID { subscription.rackID = rackID }
        if let timeout = request.rebalanceTimeoutMilliseconds { subscription.rebalanceTimeoutMilliseconds = timeout }
        if let names = request.topics { subscription.topics = Set(names).sorted() }
        if let assignor = request.assignor { subscription.assignor = assignor }
        guard let pattern = request.pattern else { return subscription }
        subscription.pattern = pattern.isEmpty ? nil : pattern
        guard !pattern.isEmpty, state.patterns[pattern] == nil else { return subscription }
        if state.patterns.count >= GroupLimits.patternsPerGroup {
            throw ConsumerRefusal(
                .invalidRegularExpression,
                "The group has \(GroupLimits.patternsPerGroup) different regular expressions, which is the limit."
            )
        }
        if topics.names(matching: pattern) == nil {
            throw ConsumerRefusal(
                .invalidRegularExpression,
                "SubscribedTopicRegex `\(pattern)` is not a valid regular expression."
            )
        }
        return subscription
    }
}

extension ConsumerRefusal {
    static var noRoom: ConsumerRefusal {
        ConsumerRefusal(
            .groupMaxSizeReached,
            "The members of all groups take \(GroupLimits.memberBytes) bytes of the coordinator's memory, which is the limit."
        )
    }

    static func unknown(_ id: MemberID, in group: GroupID) -> ConsumerRefusal {
        ConsumerRefusal(.unknownMemberId, "Member \(id) is not a member of group \(group).")
    }
}
