import Model

/// Synchronizing: the leader hands in everyone's assignment, and once they are stored everyone gets its own.
extension ClassicGroup {
    package mutating func sync(
        _ request: SyncRequest,
        _ token: ReplyToken,
        _ settings: ClassicGroupSettings,
        _ step: inout GroupStep
    ) {
        if let problem = problem(with: request) { return step.reply(token, .sync(SyncReply(problem))) }
        switch phase {
        case .empty: step.reply(token, .sync(SyncReply(.unknownMemberId)))
        case .preparing: step.reply(token, .sync(SyncReply(.rebalanceInProgress)))
        case .completing(let assignments):
            noteSynced(request.memberID, &step)
            if let superseded = members.park(sync: token, of: request.memberID) {
                step.reply(superseded, .sync(SyncReply(.rebalanceInProgress)))
            }
            if assignments == nil, members.leader == request.memberID { store(request, &step) }
        case .stable:
            noteSynced(request.memberID, &step)
            step.reply(token, .sync(currentReply(for: members[request.memberID]?.assignment ?? [])))
        }
    }

    private func problem(with request: SyncRequest) -> ErrorCode? {
        if let problem = problem(request.memberID, request.instanceID) { return problem }
        if request.generation != generation { return .illegalGeneration }
        if let claimed = request.protocolType, let actual = protocolType, claimed != actual {
            return .inconsistentGroupProtocol
        }
        if let claimed = request.protocolName, let actual = protocolName, claimed != actual {
            return .inconsistentGroupProtocol
        }
        return request.problemOfSize(keptBytes: members.assignmentBytes)
    }

    private func currentReply(for assignment: [UInt8]) -> SyncReply {
        var reply = SyncReply()
        reply.protocolType = protocolType
        reply.protocolName = protocolName
        reply.assignment = assignment
        return reply
    }

    /// Writes the assignments down; of a member that the leader has left out, an empty one.
    private mutating func store(_ request: SyncRequest, _ step: inout GroupStep) {
        var assignments = HandedIn()
        for (member, assignment) in request.assignments where members.contains(member) {
            assignments.set(assignment, of: member)
        }
        phase = .completing(assignments)
        step.append([record(assignments.byMember)], for: .assignments(generation))
    }

    /// The outcome of writing assignments down.
    mutating func assignmentsStored(
        _ stored: Generation,
        _ failure: ErrorCode?,
        _ settings: ClassicGroupSettings,
        _ step: inout GroupStep
    ) {
        // Somebody came or went meanwhile: all that waited have been told.
        guard case .completing(let assignments?) = phase, stored == generation else { return }
        if let failure {
            failSyncs(failure, &step)
            let reason = RebalanceReason(members.leader ?? .unknown, .storeFailed)
            return prepareRebalance(reason, settings, &step)
        }
        members.assign(assignments.byMember)
        enter(.stable, step)
        for member in members.inOrder {
            guard let token = members.takeSync(of: member.id) else { continue }
            // While it waited its session could not end.
            restartSession(of: member.id, &step)
            step.reply(token, .sync(currentReply(for: member.assignment)))
        }
        history.complete(generation, holders, &step)
    }

    /// Tells all that wait for an assignment that they will not get it.
    mutating func failSyncs(_ error: ErrorCode, _ step: inout GroupStep) {
        members.assign([:])
        for member in members.inOrder {
            guard let token = members.takeSync(of: member.id) else { continue }
            restartSession(of: member.id, &step)
            step.reply(token, .sync(SyncReply(error)))
        }
    }

    private mutating func noteSynced(_ id: MemberID, _ step: inout GroupStep) {
        if unsynced.remove(id) != nil, unsynced.isEmpty { step.cancelTimer(.sync) }
    }

    mutating func stopWaitingForSyncs(_ step: inout GroupStep) {
        unsynced = []
        step.cancelTimer(.sync)
    }

    /// The sync timer is due: members that have not asked for their assignment are out.
    package mutating func syncTimeExpired(_ settings: ClassicGroupSettings, _ step: inout GroupStep) {
        guard isCompleting || phase == .stable, let first = unsynced.min() else { return }
        let client = members[first]?.client
        for id in unsynced.sorted() { remove(id, &step) }
        prepareRebalance(RebalanceReason(first, .syncExpired, client: client), settings, &step)
    }
}
