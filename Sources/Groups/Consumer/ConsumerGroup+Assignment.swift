import Model

/// From changes to targets, and from targets to what members hold.
extension ConsumerGroup {
    /// Takes in what is new: a member's change, if there is one, and changes of the topics. Assigns anew if there is.
    mutating func update(
        _ topics: some ConsumerTopics,
        because reason: RebalanceReason?,
        _ id: MemberID,
        _ settings: ConsumerGroupSettings,
        _ step: inout GroupStep
    ) {
        var reason = reason
        if reason != nil || checkedRevision != topics.revision {
            let hasNewTopics = resolvePatterns(topics, step)
            let hash = metadataHash(topics)
            // A member's going has changed the epoch already.
            let isExpected = state.assignmentEpoch != state.epoch
            if reason == nil, hasNewTopics || hash != state.metadataHash && !isExpected {
                reason = RebalanceReason(id, .topicsChanged, client: state.members[id]?.subscription.client)
            }
            state.metadataHash = hash
            checkedRevision = topics.revision
        }
        if let reason { change(because: reason, &step) }
        if state.assignmentEpoch != state.epoch, isTimeToAssign(settings, step) {
            assignTargets(topics, settings, step)
        }
    }

    /// Whether partitions are divided now, or together with changes that are still to come: dividing costs the more the
    /// larger the group is, and many members come and go at once. Members are told to heartbeat again when it is time.
    private func isTimeToAssign(_ settings: ConsumerGroupSettings, _ step: GroupStep) -> Bool {
        guard let lastAssignment, state.assignmentEpoch != .joining, state.members.count > 1 else { return true }
        let size = max(state.members.count, dividedPartitions)
        let pause = settings.assignmentInterval * min(size, GroupLimits.sizeOfWholePause) / GroupLimits.sizeOfWholePause
        // Before that nobody would hear of it.
        if pause < GroupLimits.shortestHeartbeatInterval { return true }
        if lastAssignment.duration(to: step.now.instant) >= pause { return true }
        // Those wait for nobody.
        return state.members.values.contains(where: \.isClassic)
    }

    /// Begins a new epoch.
    mutating func change(because reason: RebalanceReason, _ step: inout GroupStep) {
        state.epoch = state.epoch.next
        lastChange = step.now.instant
        if history.underWay == nil { ownersBefore = state.owners }
        history.begin(reason, [], &step)
    }

    /// Looks up the topics of all regular expressions. Whether any has others than before.
    private mutating func resolvePatterns(_ topics: some ConsumerTopics, _ step: GroupStep) -> Bool {
        var hasChanged = false
        for pattern in state.usedPatterns.sorted() {
            let names = topics.names(matching: pattern) ?? []
            if state.patterns[pattern]?.topics == names { continue }
            let revision = Int64(clamping: topics.revision)
            let resolved = ResolvedPattern(topics: names, revision: revision, resolved: step.now.timestamp)
            state.resolve(pattern, resolved)
            hasChanged = true
        }
        return hasChanged
    }

    /// A number that stands for the topics that members read: FNV-1a of names, ids and counts of partitions.
    private func metadataHash(_ topics: some ConsumerTopics) -> Int64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        func add(_ byte: UInt8) { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        func add(_ number: UInt64) {
            for shift in stride(from: UInt64(0), to: 64, by: 8) { add(UInt8(truncatingIfNeeded: number >> shift)) }
        }
        for name in state.subscribedTopics.sorted() {
            guard let topic = topics.topic(named: name) else { continue }
            for byte in name.utf8 { add(byte) }
            for number in [topic.id.high, topic.id.low, UInt64(clamping: topic.partitions)] { add(number) }
        }
        return Int64(bitPattern: hash)
    }

    /// Decides who is to hold what.
    private mutating func assignTargets(
        _ topics: some ConsumerTopics,
        _ settings: ConsumerGroupSettings,
        _ step: GroupStep
    ) {
        var known: [String: ConsumerTopic] = [:]
        for name in state.subscribedTopics { known[name] = topics.topic(named: name) }
        let members = state.inOrder.map { member in
            AssignorMember(
                id: member.id,
                instanceID: member.subscription.instanceID,
                topics: Set(state.topics(of: member).compactMap { known[$0]?.id }),
                held: state.targets[member.id] ?? PartitionSet()
            )
        }
        let partitions = Dictionary(known.values.map { ($0.id, $0.partitions) }, uniquingKeysWith: { $1 })
        let order = known.values.sorted { $0.name < $1.name }.map(\.id)
        let input = AssignorInput(members: members, partitions: partitions, topicOrder: order)
        let targets = assignor(settings).assign(input)
        for member in members { state.aim(targets[member.id] ?? PartitionSet(), at: member.id) }
        state.assignmentEpoch = state.epoch
        lastAssignment = step.now.instant
        dividedPartitions = partitions.values.reduce(0) { $0 + Int(max($1, 0)) }
    }

    /// The assignor that most members want, the broker's if they say nothing.
    func assignor(_ settings: ConsumerGroupSettings) -> ConsumerAssignor {
        var votes: [ConsumerAssignor: Int] = [:]
        for member in state.members.values {
            guard let name = member.subscription.assignor, let wanted = ConsumerAssignor(rawValue: name) else {
                continue
            }
            votes[wanted, default: 0] += 1
        }
        let offered = settings.assignors
        let most = offered.map { votes[$0] ?? 0 }.max() ?? 0
        return offered.first { votes[$0] ?? 0 == most } ?? .uniform
    }

    /// Takes a member a step further to its target.
    ///
    /// - Parameter owned: What the member says it holds; nil if it said nothing of it.
    mutating func reconcile(
        _ id: MemberID,
        owned: PartitionSet?,
        _ step: inout GroupStep
    ) throws(ConsumerRefusal) {
        guard let member = state.members[id], !member.isReconciled(to: state.assignmentEpoch) else { return }
        guard let next = reconciliation(of: id, owned: owned).next(after: member.current) else {
            throw ConsumerRefusal(
                .fencedMemberEpoch,
                "The consumer group member is in an unknown state. The member must abandon all its partitions and rejoin."
            )
        }
        if next == member.current { return }
        state.assign(next, to: id)
        if let member = state.members[id] { watch(member, &step) }
        completeHistoryIfStable(&step)
    }

    private func reconciliation(of id: MemberID, owned: PartitionSet?) -> Reconciliation {
        let owners = state.owners
        return Reconciliation(
            target: state.targets[id] ?? PartitionSet(),
            targetEpoch: state.assignmentEpoch,
            owned: owned,
            isFree: { owners[$0] == nil }
        )
    }

    func isStable(_ state: ConsumerGroupState) -> Bool {
        state.assignmentEpoch == state.epoch
            && state.members.values.allSatisfy { $0.isReconciled(to: state.assignmentEpoch) }
    }

    mutating func completeHistoryIfStable(_ step: inout GroupStep) {
        guard history.underWay != nil, isStable(state) else { return }
        completeHistory(&step)
    }

    mutating func completeHistory(_ step: inout GroupStep) {
        let moved = state.owners.count { ownersBefore[$0.key] != $0.value }
        ownersBefore = [:]
        let generation = Generation(state.epoch.rawValue)
        history.complete(generation, members: state.members.count, partitionsMoved: moved, &step)
    }

    /// The timer of the calm after a storm of rebalances is due.
    package mutating func calmed(_ step: inout GroupStep) { history.calmed(&step) }
}
