import Model

/// Rebalancing: from the wish for new assignments to a generation whose members wait for them.
extension ClassicGroup {
    /// Begins a rebalance, or ends the joining that is under way if this was the last to join.
    mutating func rebalanceOrComplete(
        _ reason: RebalanceReason,
        _ settings: ClassicGroupSettings,
        _ step: inout GroupStep
    ) {
        if isPreparing {
            completeJoinIfReady(settings, &step)
        } else {
            prepareRebalance(reason, settings, &step)
        }
    }

    mutating func prepareRebalance(
        _ reason: RebalanceReason,
        _ settings: ClassicGroupSettings,
        _ step: inout GroupStep
    ) {
        // Those that wait for the assignments of a generation that will not be are sent to join again.
        if isCompleting { failSyncs(.rebalanceInProgress, &step) }
        stopWaitingForSyncs(&step)
        history.begin(reason, history.underWay == nil ? holders : [], &step)
        let isInitial = phase == .empty
        enter(.preparing(nil), step)
        if hasEverybodyJoined, !isInitial || settings.initialRebalanceDelay == .zero {
            completeJoin(settings, &step)
        } else if isInitial {
            let timeout = Duration.milliseconds(Int64(members.rebalanceTimeoutMilliseconds))
            let wait = InitialWait(delay: settings.initialRebalanceDelay, rebalanceTimeout: timeout)
            phase = .preparing(wait)
            step.setTimer(.join, after: wait.window)
        } else {
            step.setTimer(.join, milliseconds: members.rebalanceTimeoutMilliseconds)
        }
    }

    /// Ends the joining if all that are known have joined. The first rebalance waits for unknown ones too, unless those
    /// that were there have gone.
    mutating func completeJoinIfReady(_ settings: ClassicGroupSettings, _ step: inout GroupStep) {
        guard isPreparing, hasEverybodyJoined, !isInitialRebalance || members.isEmpty else { return }
        completeJoin(settings, &step)
    }

    /// The join timer is due.
    package mutating func joinTimeExpired(_ settings: ClassicGroupSettings, _ step: inout GroupStep) {
        guard case .preparing(let wait) = phase else { return }
        if var wait, let window = wait.nextWindow() {
            phase = .preparing(wait)
            step.setTimer(.join, after: window)
        } else {
            completeJoin(settings, &step)
        }
    }

    /// Ends the joining: dynamic members that have not joined are out, static ones stay until their session ends.
    private mutating func completeJoin(_ settings: ClassicGroupSettings, _ step: inout GroupStep) {
        step.cancelTimer(.join)
        for member in members.inOrder where member.join == nil && !member.isStatic {
            members.remove(member.id)
            step.cancelTimer(.session(member.id))
        }
        if members.isEmpty { return becomeEmpty(&step) }
        guard members.electLeaderAmongJoined() else {
            // Only static members are left, and none of them has joined: there is nobody to lead, and time to wait.
            let timeout = Duration.milliseconds(Int64(members.rebalanceTimeoutMilliseconds))
            return step.setTimer(.join, after: max(timeout, GroupLimits.shortestWait))
        }
        generation = generation.next
        protocolName = members.elected()
        enter(.completing(nil), step)
        unsynced = Set(members.byID.keys)
        for member in members.inOrder {
            guard let token = members.takeJoin(of: member.id) else { continue }
            members.setKnown(member.id)
            restartSession(of: member.id, &step)
            step.reply(token, .join(currentReply(for: member.id)))
        }
        step.setTimer(.sync, milliseconds: members.rebalanceTimeoutMilliseconds)
    }

    private mutating func becomeEmpty(_ step: inout GroupStep) {
        generation = generation.next
        protocolName = nil
        enter(.empty, step)
        history.complete(generation, [], &step)
        step.append([record()], for: .emptied)
    }
}
