import Model

/// Members of the classic protocol in a group that has one of the consumer protocol: they join, synchronize and heartbeat
/// as ever, but the assignment is the coordinator's, and nobody waits for anybody.
extension ConsumerGroup {
    // MARK: Joining

    mutating func join(
        _ request: JoinRequest,
        _ token: ReplyToken,
        _ rules: GroupRules,
        _ step: inout GroupStep
    ) {
        if let problem = request.problem(rules.classic) {
            return step.reply(token, .join(JoinReply(problem, memberID: request.memberID)))
        }
        if request.memberID == .unknown, request.instanceID == nil, request.requiresKnownMemberID {
            return step.reply(token, .join(JoinReply(.memberIdRequired, memberID: request.freshMemberID)))
        }
        do throws(ConsumerRefusal) {
            let reply = try joined(request, rules, &step)
            conclude(answering: Answer(token: token, reply: .join(reply)), &step)
        } catch {
            takeBackChanges()
            step.reply(token, .join(JoinReply(error.code, memberID: request.memberID)))
        }
    }

    private mutating func joined(
        _ request: JoinRequest,
        _ rules: GroupRules,
        _ step: inout GroupStep
    ) throws(ConsumerRefusal) -> JoinReply {
        guard let first = request.protocols.first, supports(request),
            let subscription = ClassicSubscription(first.metadata)
        else { throw ConsumerRefusal(.inconsistentGroupProtocol, "") }
        let id = request.memberID == .unknown ? request.freshMemberID : request.memberID
        let known = try knownClassic(id, request, rules, &step)
        var said = known?.subscription ?? ConsumerMemberSubscription()
        let topics = Set(subscription.topics).sorted()
        let hasChanged = said.topics != topics || said.pattern != nil
        said.instanceID = request.instanceID
        said.rackID = subscription.rackID ?? said.rackID
        said.client = request.client
        said.topics = topics
        said.pattern = nil
        said.assignor = nil
        said.rebalanceTimeoutMilliseconds = request.rebalanceTimeoutMilliseconds
        var traits = ConsumerMemberSubscription.ClassicTraits()
        traits.sessionTimeoutMilliseconds = request.sessionTimeoutMilliseconds
        traits.protocols = request.protocols
        said.classic = traits
        state.subscribe(id, said)
        let cause: RebalanceReason.Cause? = known == nil ? .joined : hasChanged ? .changedSubscription : nil
        let reason = cause.map { RebalanceReason(id, $0, client: request.client, clientReason: request.reason) }
        update(rules.topics, because: reason, id, rules.consumer, &step)
        let owned = subscription.owned.compactMap { partition in
            rules.topics.topic(named: partition.topic).map { PartitionID($0.id, partition.partition) }
        }
        try reconcile(id, owned: PartitionSet(owned), &step)
        guard let member = state.members[id] else { throw .unknown(id, in: self.id) }
        restartSession(of: member, rules.consumer, &step)
        // It has to fetch its assignment now.
        expectClassic(member, &step)
        var reply = JoinReply()
        reply.memberID = id
        reply.generation = Generation(member.epoch.rawValue)
        reply.protocolType = ClassicGroup.consumerProtocol
        reply.protocolName = first.name
        return reply
    }

    /// Whether the member is a consumer and has a protocol that all other classic members have.
    private func supports(_ request: JoinRequest) -> Bool {
        guard request.protocolType == ClassicGroup.consumerProtocol else { return false }
        var common = Set(request.protocols.map(\.name))
        for member in state.members.values where member.id != request.memberID {
            guard let classic = member.subscription.classic else { continue }
            common.formIntersection(classic.protocols.map(\.name))
        }
        return !common.isEmpty
    }

    /// The member as the group knows it; nil if it is new.
    private mutating func knownClassic(
        _ id: MemberID,
        _ request: JoinRequest,
        _ rules: GroupRules,
        _ step: inout GroupStep
    ) throws(ConsumerRefusal) -> ConsumerMember? {
        if let instanceID = request.instanceID, let holder = state.byInstance[instanceID] {
            if holder == id { return state.members[id] }
            guard request.memberID == .unknown, let member = state.members[holder] else {
                throw ConsumerRefusal(.fencedInstanceId, "")
            }
            return replace(member, by: id, &step)
        }
        if request.instanceID != nil, request.memberID != .unknown { throw .unknown(id, in: self.id) }
        if let member = state.members[id] { return member }
        try checkThatThereIsRoom(rules.consumer)
        guard request.hasRoom else { throw .noRoom }
        return nil
    }

    // MARK: Synchronizing

    mutating func sync(
        _ request: SyncRequest,
        _ token: ReplyToken,
        _ rules: GroupRules,
        _ step: inout GroupStep
    ) {
        switch classicMember(request.memberID, request.instanceID, request.generation) {
        case .failure(let refusal): step.reply(token, .sync(SyncReply(refusal.code)))
        case .success(let member):
            let name = member.subscription.classic?.protocols.first?.name
            guard request.protocolType ?? ClassicGroup.consumerProtocol == ClassicGroup.consumerProtocol,
                request.protocolName == nil || request.protocolName == name
            else { return step.reply(token, .sync(SyncReply(.inconsistentGroupProtocol))) }
            if state.epoch > member.epoch, member.current.state != .unrevoked {
                expectClassic(member, &step)
                return step.reply(token, .sync(SyncReply(.rebalanceInProgress)))
            }
            step.cancelTimer(.rejoin(member.id))
            rejoining.remove(member.id)
            restartSession(of: member, rules.consumer, &step)
            var reply = SyncReply()
            reply.protocolType = ClassicGroup.consumerProtocol
            reply.protocolName = name
            reply.assignment = ClassicAssignment.bytes(of: member.current.assigned.partitions, rules.topics)
            conclude(answering: Answer(token: token, reply: .sync(reply)), &step)
        }
    }

    // MARK: Staying and going

    mutating func heartbeat(
        _ id: MemberID,
        _ instanceID: InstanceID?,
        _ heard: Generation,
        _ token: ReplyToken,
        _ rules: GroupRules,
        _ step: inout GroupStep
    ) {
        switch classicMember(id, instanceID, heard) {
        case .failure(let refusal): step.reply(token, .heartbeat(refusal.code))
        case .success(let member):
            restartSession(of: member, rules.consumer, &step)
            // Topics may have changed with nobody to notice but members like this one.
            update(rules.topics, because: nil, id, rules.consumer, &step)
            let mustRejoin = member.epoch < state.epoch || mustGoOn(member)
            if mustRejoin, !rejoining.contains(id) { expectClassic(member, &step) }
            let error = mustRejoin ? ErrorCode.rebalanceInProgress : .none
            conclude(answering: Answer(token: token, reply: .heartbeat(error)), &step)
        }
    }

    /// Whether joining again would take the member further.
    private func mustGoOn(_ member: ConsumerMember) -> Bool {
        switch member.current.state {
        case .stable: return false
        case .unrevoked, .unknown: return true
        case .unreleased:
            let target = state.targets[member.id] ?? PartitionSet()
            return target.all.allSatisfy { member.current.assigned[$0] != nil || state.owners[$0] == nil }
        }
    }

    mutating func leave(_ request: LeaveRequest, _ token: ReplyToken, _ step: inout GroupStep) {
        var reply = LeaveReply()
        for leaving in request.members {
            var error = ErrorCode.none
            let holder = leaving.instanceID.map { state.byInstance[$0] } ?? leaving.id
            if let holder, let member = state.members[holder], leaving.id == .unknown || leaving.id == holder {
                let client = member.subscription.client
                let reason = RebalanceReason(holder, .left, client: client, clientReason: leaving.reason)
                remove([holder], because: reason, &step)
            } else {
                error = leaving.instanceID != nil && holder != nil ? .fencedInstanceId : .unknownMemberId
            }
            reply.members.append(LeaveReply.Member(id: leaving.id, instanceID: leaving.instanceID, error: error))
        }
        conclude(answering: Answer(token: token, reply: .leave(reply)), &step)
    }

    private func classicMember(
        _ id: MemberID,
        _ instanceID: InstanceID?,
        _ generation: Generation
    ) -> Result<ConsumerMember, ConsumerRefusal> {
        if let instanceID {
            guard let holder = state.byInstance[instanceID] else { return .failure(.unknown(id, in: self.id)) }
            if holder != id { return .failure(ConsumerRefusal(.fencedInstanceId, "")) }
        }
        guard let member = state.members[id], member.isClassic else { return .failure(.unknown(id, in: self.id)) }
        guard member.epoch.rawValue == generation.rawValue else {
            return .failure(ConsumerRefusal(.illegalGeneration, ""))
        }
        return .success(member)
    }

    /// Gives a classic member its rebalance timeout to come back.
    private mutating func expectClassic(_ member: ConsumerMember, _ step: inout GroupStep) {
        rejoining.insert(member.id)
        step.setTimer(.rejoin(member.id), milliseconds: max(member.subscription.rebalanceTimeoutMilliseconds, 0))
    }
}
