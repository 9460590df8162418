package import Model

/// Staying and going: heartbeats, sessions that end, members that leave, commits.
extension ClassicGroup {
    package mutating func heartbeat(
        _ id: MemberID,
        _ instanceID: InstanceID?,
        _ heard: Generation,
        _ token: ReplyToken,
        _ step: inout GroupStep
    ) {
        step.reply(token, .heartbeat(heartbeatAnswer(id, instanceID, heard, &step)))
    }

    private mutating func heartbeatAnswer(
        _ id: MemberID,
        _ instanceID: InstanceID?,
        _ heard: Generation,
        _ step: inout GroupStep
    ) -> ErrorCode {
        if let problem = problem(id, instanceID) { return problem }
        if heard != generation { return .illegalGeneration }
        if phase == .empty { return .unknownMemberId }
        restartSession(of: id, &step)
        return isPreparing ? .rebalanceInProgress : .none
    }

    /// Gives a member its full session timeout again.
    func restartSession(of id: MemberID, _ step: inout GroupStep) {
        guard let member = members[id] else { return }
        step.setTimer(.session(id), milliseconds: member.sessionTimeoutMilliseconds)
    }

    /// A session timer is due.
    package mutating func sessionExpired(
        _ id: MemberID,
        _ settings: ClassicGroupSettings,
        _ step: inout GroupStep
    ) {
        if expected[id] != nil {
            expected[id] = nil
            return completeJoinIfReady(settings, &step)
        }
        guard let member = members[id] else { return }
        // Whoever waits for us cannot be expected to heartbeat; but a new member's client may have gone for good.
        if !member.isNew, member.join != nil || member.sync != nil { return }
        remove(id, &step)
        membersHaveGone(RebalanceReason(id, .sessionExpired, client: member.client), settings, &step)
    }

    package mutating func leave(
        _ request: LeaveRequest,
        _ token: ReplyToken,
        _ settings: ClassicGroupSettings,
        _ step: inout GroupStep
    ) {
        var reply = LeaveReply()
        var reason: RebalanceReason?
        for leaving in request.members {
            let holder = leaving.id == .unknown ? leaving.instanceID.flatMap { members.byInstance[$0] } : leaving.id
            let client = holder.flatMap { members[$0]?.client }
            let error = leave(leaving, &step)
            reply.members.append(LeaveReply.Member(id: leaving.id, instanceID: leaving.instanceID, error: error))
            if error == .none, reason == nil {
                let name = leaving.id == .unknown ? MemberID(leaving.instanceID?.rawValue ?? "") : leaving.id
                reason = RebalanceReason(name, .left, client: client, clientReason: leaving.reason)
            }
        }
        step.reply(token, .leave(reply))
        if let reason { membersHaveGone(reason, settings, &step) }
    }

    private mutating func leave(_ leaving: LeaveRequest.Member, _ step: inout GroupStep) -> ErrorCode {
        if leaving.id == .unknown {
            guard let instanceID = leaving.instanceID, let id = members.byInstance[instanceID] else {
                return .unknownMemberId
            }
            remove(id, &step)
            return .none
        }
        if expected.removeValue(forKey: leaving.id) != nil {
            step.cancelTimer(.session(leaving.id))
            return .none
        }
        if let problem = problem(leaving.id, leaving.instanceID) { return problem }
        remove(leaving.id, &step)
        return .none
    }

    /// Takes a member out, and tells its waiting requests.
    mutating func remove(_ id: MemberID, _ step: inout GroupStep) {
        if let token = members.takeJoin(of: id) {
            step.reply(token, .join(JoinReply(.unknownMemberId, memberID: .unknown)))
        }
        if let token = members.takeSync(of: id) { step.reply(token, .sync(SyncReply(.unknownMemberId))) }
        members.remove(id)
        unsynced.remove(id)
        step.cancelTimer(.session(id))
    }

    private mutating func membersHaveGone(
        _ reason: RebalanceReason,
        _ settings: ClassicGroupSettings,
        _ step: inout GroupStep
    ) {
        switch phase {
        case .empty: break
        case .preparing: completeJoinIfReady(settings, &step)
        case .completing, .stable: prepareRebalance(reason, settings, &step)
        }
    }

    /// Forgets a client that may not join: there is no room for it.
    mutating func drop(_ id: MemberID, _ settings: ClassicGroupSettings, _ step: inout GroupStep) {
        guard members.contains(id) || expected[id] != nil else { return }
        expected[id] = nil
        remove(id, &step)
        completeJoinIfReady(settings, &step)
    }

    /// Forgets whom it told to come back.
    package mutating func forgetExpected(_ step: inout GroupStep) {
        for id in expected.keys { step.cancelTimer(.session(id)) }
        expected = [:]
    }

    /// Whether a commit may be accepted; counts as a sign of life of the member that commits.
    ///
    /// - Parameter isTransactional: Whether it is a producer's (KIP-447), which the group's phase does not concern, and
    ///   which in old versions names no member.
    package mutating func commit(
        _ id: MemberID,
        _ instanceID: InstanceID?,
        _ claimed: Generation,
        isTransactional: Bool = false,
        _ step: inout GroupStep
    ) -> ErrorCode {
        // Of no generation: an admin's, or a consumer's that assigns its partitions itself.
        if claimed < .initial, phase == .empty { return .none }
        if claimed >= .initial || id != .unknown || instanceID != nil {
            if let problem = problem(id, instanceID) { return problem }
            if claimed != generation { return .illegalGeneration }
        } else if !isTransactional {
            return .unknownMemberId
        }
        if isCompleting, !isTransactional { return .rebalanceInProgress }
        restartSession(of: id, &step)
        return .none
    }

    /// The timer of the calm after a storm of rebalances is due.
    package mutating func calmed(_ step: inout GroupStep) { history.calmed(&step) }

    /// An append is in the log, or is not.
    package mutating func appended(
        _ purpose: GroupAppend,
        failure: ErrorCode?,
        _ settings: ClassicGroupSettings,
        _ step: inout GroupStep
    ) {
        switch purpose {
        // What the log says of it then, the last generation with members, ends by their session timeouts.
        case .emptied: break
        case .assignments(let stored): assignmentsStored(stored, failure, settings, &step)
        case .restartedMember(let restart): restartStored(restart, failure, &step)
        // The group's own, not its members'.
        case .offsets, .deletion, .expiry, .consumerGroup: break
        }
    }
}
