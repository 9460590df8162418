import Model

/// Joining: the way into the group, and the way to say that something has changed.
extension ClassicGroup {
    package mutating func join(
        _ request: JoinRequest,
        _ token: ReplyToken,
        _ settings: ClassicGroupSettings,
        _ step: inout GroupStep
    ) {
        if let problem = request.problem(settings) {
            return step.reply(token, .join(JoinReply(problem, memberID: request.memberID)))
        }
        guard accepts(request, settings) else {
            step.reply(token, .join(JoinReply(.groupMaxSizeReached, memberID: .unknown)))
            return drop(request.memberID, settings, &step)
        }
        guard supports(request) else {
            return step.reply(token, .join(JoinReply(.inconsistentGroupProtocol, memberID: request.memberID)))
        }
        if request.memberID == .unknown {
            joinAnew(request, token, settings, &step)
        } else if request.instanceID == nil, expected[request.memberID] != nil {
            add(request.memberID, request, token, settings, &step)
        } else {
            joinAgain(request, token, settings, &step)
        }
    }

    /// Whether there is room. While members join, those that have joined count: of a group that has become too large,
    /// the last to join have to go.
    private func accepts(_ request: JoinRequest, _ settings: ClassicGroupSettings) -> Bool {
        let id = request.memberID
        guard request.hasRoom || members.contains(id) else { return false }
        let metadataBytes = members.metadataBytes - (members[id]?.metadataBytes ?? 0) + request.metadataBytes
        guard metadataBytes <= GroupLimits.metadataBytesPerGroup else { return false }
        return switch phase {
        case .empty: true
        case .preparing: members[id]?.join != nil || members.joiningCount < settings.maximumMembers
        case .completing, .stable: members.contains(id) || members.count < settings.maximumMembers
        }
    }

    /// Whether the member speaks the group's protocol, or may choose it because nobody else is there.
    private func supports(_ request: JoinRequest) -> Bool {
        if members.isEmpty { return !request.protocolType.isEmpty && !request.protocols.isEmpty }
        return request.protocolType == protocolType && request.protocols.contains { members.isSupportedByAll($0.name) }
    }

    private mutating func joinAnew(
        _ request: JoinRequest,
        _ token: ReplyToken,
        _ settings: ClassicGroupSettings,
        _ step: inout GroupStep
    ) {
        let id = request.freshMemberID
        if let instanceID = request.instanceID {
            if let holder = members.byInstance[instanceID] {
                takeOver(holder, as: id, request, token, settings, &step)
            } else {
                add(id, request, token, settings, &step)
            }
        } else if request.requiresKnownMemberID {
            expect(id, sessionTimeoutMilliseconds: request.sessionTimeoutMilliseconds, &step)
            step.reply(token, .join(JoinReply(.memberIdRequired, memberID: id)))
        } else {
            add(id, request, token, settings, &step)
        }
    }

    /// Hands out an id. Its client is asked to come back with it, so that a retry is not taken for another member.
    private mutating func expect(_ id: MemberID, sessionTimeoutMilliseconds: Int32, _ step: inout GroupStep) {
        if expected.count >= GroupLimits.expectedMembers, let oldest = expected.min(by: { $0.value < $1.value })?.key {
            expected[oldest] = nil
            step.cancelTimer(.session(oldest))
        }
        expected[id] = expectedCount
        expectedCount += 1
        let session = Duration.milliseconds(Int64(sessionTimeoutMilliseconds))
        step.setTimer(.session(id), after: min(session, GroupLimits.expectedReturn))
        noteArrival()
    }

    private mutating func noteArrival() {
        if case .preparing(var wait?) = phase {
            wait.noteArrival()
            phase = .preparing(wait)
        }
    }

    private mutating func add(
        _ id: MemberID,
        _ request: JoinRequest,
        _ token: ReplyToken,
        _ settings: ClassicGroupSettings,
        _ step: inout GroupStep
    ) {
        expected[id] = nil
        if members.isEmpty { protocolType = request.protocolType }
        members.add(
            id,
            instanceID: request.instanceID,
            client: request.client,
            rebalanceTimeoutMilliseconds: request.rebalanceTimeoutMilliseconds,
            sessionTimeoutMilliseconds: request.sessionTimeoutMilliseconds,
            protocols: request.protocols
        )
        noteArrival()
        park(join: token, of: id, &step)
        step.setTimer(.session(id), after: settings.newMemberJoinTimeout)
        rebalanceOrComplete(RebalanceReason(id, .joined, request), settings, &step)
    }

    private mutating func joinAgain(
        _ request: JoinRequest,
        _ token: ReplyToken,
        _ settings: ClassicGroupSettings,
        _ step: inout GroupStep
    ) {
        let id = request.memberID
        let problem = problem(id, request.instanceID)
        guard let member = members[id], problem == nil else {
            return step.reply(token, .join(JoinReply(problem ?? .unknownMemberId, memberID: id)))
        }
        let hasChanged = member.protocols != request.protocols
        let cause: RebalanceReason.Cause
        switch phase {
        case .empty: return step.reply(token, .join(JoinReply(.unknownMemberId, memberID: id)))
        case .preparing: cause = .rejoined
        case .completing where hasChanged, .stable where hasChanged: cause = .changedSubscription
        // The leader joins again when what it assigns has changed, for example the number of partitions.
        case .stable where members.leader == id: cause = .leaderRejoined
        // Nothing has changed: it has missed the answer.
        case .completing, .stable: return step.reply(token, .join(currentReply(for: id)))
        }
        update(id, request)
        park(join: token, of: id, &step)
        rebalanceOrComplete(RebalanceReason(id, cause, request), settings, &step)
    }

    private mutating func update(_ id: MemberID, _ request: JoinRequest) {
        members.update(
            id,
            protocols: request.protocols,
            rebalanceTimeoutMilliseconds: request.rebalanceTimeoutMilliseconds,
            sessionTimeoutMilliseconds: request.sessionTimeoutMilliseconds
        )
    }

    /// A static member is back under a new id: whoever used the old one is fenced off, and if the group's protocol stays
    /// what it is, nobody else notices.
    private mutating func takeOver(
        _ oldID: MemberID,
        as newID: MemberID,
        _ request: JoinRequest,
        _ token: ReplyToken,
        _ settings: ClassicGroupSettings,
        _ step: inout GroupStep
    ) {
        guard let old = members[oldID], let instanceID = old.instanceID else { return }
        let restart = ClassicMember.Restart(
            instanceID: instanceID,
            oldID: oldID,
            newID: newID,
            generation: generation,
            protocols: old.protocols,
            rebalanceTimeoutMilliseconds: old.rebalanceTimeoutMilliseconds,
            sessionTimeoutMilliseconds: old.sessionTimeoutMilliseconds,
            understandsSkippedAssignment: request.understandsSkippedAssignment,
            leader: members.leader
        )
        fence(oldID, &step)
        members.rename(oldID, to: newID)
        members.setKnown(newID)
        if unsynced.remove(oldID) != nil { unsynced.insert(newID) }
        step.cancelTimer(.session(oldID))
        update(newID, request)
        restartSession(of: newID, &step)
        park(join: token, of: newID, &step)
        let reason = RebalanceReason(newID, .restarted, request)
        switch phase {
        case .stable where members.elected() == protocolName:
            step.append([record()], for: .restartedMember(restart))
        // The leader may have been told the old id already, so its assignment would miss the new one.
        case .stable, .completing: prepareRebalance(reason, settings, &step)
        case .empty, .preparing: completeJoinIfReady(settings, &step)
        }
    }

    /// Answers what a static member's former self still waits for.
    private mutating func fence(_ id: MemberID, _ step: inout GroupStep) {
        if let token = members.takeJoin(of: id) {
            step.reply(token, .join(JoinReply(.fencedInstanceId, memberID: id)))
        }
        if let token = members.takeSync(of: id) { step.reply(token, .sync(SyncReply(.fencedInstanceId))) }
    }

    /// Lets a member's join wait for the others. One that waits already belongs to a connection that its client has
    /// left; if it has not, it is told to try again.
    private mutating func park(join token: ReplyToken, of id: MemberID, _ step: inout GroupStep) {
        if let superseded = members.park(join: token, of: id) {
            step.reply(superseded, .join(JoinReply(.rebalanceInProgress, memberID: id)))
        }
    }

    /// What a member is told that has joined the present generation.
    func currentReply(for id: MemberID) -> JoinReply {
        var reply = JoinReply(.none, memberID: id)
        reply.generation = generation
        reply.protocolType = protocolType
        reply.protocolName = protocolName
        reply.leader = members.leader ?? .unknown
        if members.leader == id {
            reply.members = members.inOrder.map {
                JoinReply.Member(id: $0.id, instanceID: $0.instanceID, metadata: $0.metadata(for: protocolName))
            }
        }
        return reply
    }

    /// The outcome of writing down a static member's new id.
    mutating func restartStored(
        _ restart: ClassicMember.Restart,
        _ failure: ErrorCode?,
        _ step: inout GroupStep
    ) {
        guard members.contains(restart.newID) else { return }
        if let failure { return undo(restart, failure, &step) }
        // A rebalance that has begun meanwhile will answer it.
        guard phase == .stable, generation == restart.generation, let token = members.takeJoin(of: restart.newID)
        else { return }
        var reply = currentReply(for: restart.newID)
        if restart.understandsSkippedAssignment {
            reply.skipsAssignment = members.leader == restart.newID
        } else {
            // It would assign if it were told that it leads; so it is told that its former self does.
            reply.members = []
            reply.leader = restart.leader ?? .unknown
        }
        restartSession(of: restart.newID, &step)
        step.reply(token, .join(reply))
    }

    private mutating func undo(_ restart: ClassicMember.Restart, _ failure: ErrorCode, _ step: inout GroupStep) {
        let token = members.takeJoin(of: restart.newID)
        members.update(
            restart.newID,
            protocols: restart.protocols,
            rebalanceTimeoutMilliseconds: restart.rebalanceTimeoutMilliseconds,
            sessionTimeoutMilliseconds: restart.sessionTimeoutMilliseconds
        )
        members.rename(restart.newID, to: restart.oldID)
        if unsynced.remove(restart.newID) != nil { unsynced.insert(restart.oldID) }
        step.cancelTimer(.session(restart.newID))
        restartSession(of: restart.oldID, &step)
        if let token { step.reply(token, .join(JoinReply(failure, memberID: .unknown))) }
    }
}

extension RebalanceReason {
    /// - Parameter request: What the member came with.
    fileprivate init(_ member: MemberID, _ cause: Cause, _ request: JoinRequest) {
        self.init(member, cause, client: request.client, clientReason: request.reason)
    }
}
