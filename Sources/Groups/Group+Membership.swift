import Model

/// Requests of members, timers, and the change from one protocol to the other.
extension Group {
    // MARK: Classic protocol

    package mutating func join(
        _ request: JoinRequest,
        _ token: ReplyToken,
        _ rules: GroupRules,
        _ step: inout GroupStep
    ) {
        if case .consumer(let group) = membership, group.isUnused { becomeClassic(group, &step) }
        if withClassic({ $0.join(request, token, rules.classic, &step) }) { return }
        withConsumer(rules, &step) { $0.join(request, token, rules, &$1) }
    }

    package mutating func sync(
        _ request: SyncRequest,
        _ token: ReplyToken,
        _ rules: GroupRules,
        _ step: inout GroupStep
    ) {
        if withClassic({ $0.sync(request, token, rules.classic, &step) }) { return }
        withConsumer(rules, &step) { $0.sync(request, token, rules, &$1) }
    }

    package mutating func heartbeat(
        _ id: MemberID,
        _ instanceID: InstanceID?,
        _ heard: Generation,
        _ token: ReplyToken,
        _ rules: GroupRules,
        _ step: inout GroupStep
    ) {
        if withClassic({ $0.heartbeat(id, instanceID, heard, token, &step) }) { return }
        withConsumer(rules, &step) { $0.heartbeat(id, instanceID, heard, token, rules, &$1) }
    }

    package mutating func leave(
        _ request: LeaveRequest,
        _ token: ReplyToken,
        _ rules: GroupRules,
        _ step: inout GroupStep
    ) {
        if withClassic({ $0.leave(request, token, rules.classic, &step) }) { return }
        withConsumer(rules, &step) { $0.leave(request, token, &$1) }
    }

    // MARK: Consumer protocol

    package mutating func consumerHeartbeat(
        _ request: ConsumerHeartbeat,
        _ token: ReplyToken,
        _ rules: GroupRules,
        _ step: inout GroupStep
    ) {
        switch membership {
        case .classic(let group): beConsumer(insteadOf: group, request, token, rules, &step)
        case .consumer: withConsumer(rules, &step) { $0.heartbeat(request, token, rules.topics, rules.consumer, &$1) }
        }
    }

    /// The first member of the consumer protocol makes a classic group one of that protocol, if its members, should it
    /// have some, are consumers.
    private mutating func beConsumer(
        insteadOf classic: ClassicGroup,
        _ request: ConsumerHeartbeat,
        _ token: ReplyToken,
        _ rules: GroupRules,
        _ step: inout GroupStep
    ) {
        let isEmpty = classic.members.isEmpty
        let now = step.now.timestamp
        var group = ConsumerGroup(id: id, now: now, after: lastConsumerAppend, history: classic.history)
        if !isEmpty {
            guard request.epoch == .joining, rules.consumer.migration.allowsUpgrade, group.adopt(classic, rules.topics)
            else {
                let refusal = ConsumerHeartbeatReply.refusal(.groupIdNotFound, "Group \(id) is not a consumer group.")
                return step.reply(token, .consumerHeartbeat(refusal))
            }
        }
        group.replaces = classic.generation == .initial && isEmpty ? [] : [.classicGroup(id, nil)]
        group.heartbeat(request, token, rules.topics, rules.consumer, &step)
        // Unless it was refused.
        guard !group.isDecided else { return }
        classic.abandon(&step)
        membership = .consumer(group)
    }

    /// A group of the consumer protocol without members is as good as a new one.
    private mutating func becomeClassic(_ group: ConsumerGroup, _ step: inout GroupStep) {
        lastConsumerAppend = group.lastAppend
        if membership.isWritten { step.append(membership.tombstones(id), for: nextExpiry()) }
        var classic = ClassicGroup(id: id, now: step.now.timestamp)
        classic.history = group.history
        membership = .classic(classic)
    }

    /// The membership, of which nobody else has a copy then: it changes in place. Something has to be put back.
    private mutating func takeMembership() -> GroupMembership {
        let taken = membership
        membership = .classic(ClassicGroup(id: id, now: .none))
        return taken
    }

    /// Hands an event to the classic group; false if the group is none.
    mutating func withClassic(_ event: (inout ClassicGroup) -> Void) -> Bool {
        guard case .classic = membership, case .classic(var group) = takeMembership() else { return false }
        event(&group)
        membership = .classic(group)
        return true
    }

    /// Hands an event to the consumer group. When the last member of the consumer protocol has gone and others are left,
    /// the group becomes theirs.
    private mutating func withConsumer(
        _ rules: GroupRules,
        _ step: inout GroupStep,
        _ event: (inout ConsumerGroup, inout GroupStep) -> Void
    ) {
        guard case .consumer = membership, case .consumer(var group) = takeMembership() else { return }
        event(&group, &step)
        membership = .consumer(group)
        guard rules.consumer.migration.allowsDowngrade,
            let value = group.classicValue(rules.topics, step.now.timestamp),
            value.members.count <= rules.classic.maximumMembers
        else { return }
        lastConsumerAppend = group.lastAppend
        for id in group.state.members.keys { group.stopClocks(of: id, &step) }
        step.append(membership.tombstones(id) + [.classicGroup(id, value)], for: nextExpiry())
        var classic = ClassicGroup(id: id, value: value)
        classic.history = group.history
        classic.resume(rules.classic, &step)
        if let reason = group.history.newestReason { classic.prepareRebalance(reason, rules.classic, &step) }
        membership = .classic(classic)
    }

    // MARK: Timers

    /// Starts the clocks of a group that was loaded.
    package mutating func resume(_ rules: GroupRules, _ step: inout GroupStep) {
        if withClassic({ $0.resume(rules.classic, &step) }) { return }
        withConsumer(rules, &step) { $0.resume(rules.consumer, &$1) }
    }

    /// A timer is due.
    package mutating func expired(_ timer: GroupTimer, _ rules: GroupRules, _ step: inout GroupStep) {
        if withClassic({ $0.expired(timer, rules.classic, &step) }) { return }
        withConsumer(rules, &step) { $0.expired(timer, &$1) }
    }

    /// The outcome of a decision of the consumer group.
    mutating func decided(_ number: UInt64, _ failure: ErrorCode?, _ rules: GroupRules, _ step: inout GroupStep) {
        withConsumer(rules, &step) { $0.appended(number, failure: failure, rules.consumer, &$1) }
    }

    /// Forgets whom the group told to come back.
    package mutating func forgetPromises(_ step: inout GroupStep) {
        _ = withClassic { $0.forgetExpected(&step) }
    }
}

extension ClassicGroup {
    fileprivate mutating func expired(
        _ timer: GroupTimer,
        _ settings: ClassicGroupSettings,
        _ step: inout GroupStep
    ) {
        switch timer {
        case .join: joinTimeExpired(settings, &step)
        case .sync: syncTimeExpired(settings, &step)
        case .session(let id): sessionExpired(id, settings, &step)
        case .calm: calmed(&step)
        // Of the consumer group that it was.
        case .revocation, .rejoin: break
        }
    }

    /// Tells all that wait for something that it does not come: they join the group that takes this one's place.
    fileprivate func abandon(_ step: inout GroupStep) {
        step.cancelTimer(.join)
        step.cancelTimer(.sync)
        for id in expected.keys { step.cancelTimer(.session(id)) }
        for member in members.inOrder {
            if let token = member.join {
                step.reply(token, .join(JoinReply(.rebalanceInProgress, memberID: member.id)))
            }
            if let token = member.sync { step.reply(token, .sync(SyncReply(.rebalanceInProgress))) }
        }
    }
}

extension ConsumerGroup {
    fileprivate mutating func expired(_ timer: GroupTimer, _ step: inout GroupStep) {
        switch timer {
        case .session(let id): sessionExpired(id, &step)
        case .revocation(let id): revocationExpired(id, &step)
        case .rejoin(let id): rejoinExpired(id, &step)
        case .calm: calmed(&step)
        // Of the classic group that it was.
        case .join, .sync: break
        }
    }
}
