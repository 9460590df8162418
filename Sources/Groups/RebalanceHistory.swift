import Model

/// The newest rebalances of a group, and the one under way; tells when there are too many of them. A value, owned by its
/// group.
struct RebalanceHistory: Equatable, Sendable {
    /// A rebalance that has not led to assignments yet.
    private struct Current: Sendable {
        let reason: RebalanceReason
        let began: EventTime
        let holders: [PartitionHolder]
    }

    private(set) var completed: [Rebalance] = []
    private var current: Current?
    /// How many members the last rebalance left.
    private var members: Int
    /// When the newest rebalances began, as many as are a storm.
    private var recent: [Instant] = []
    private(set) var isStorm = false

    init(members: Int) { self.members = members }

    /// The rebalance under way, if there is one.
    var underWay: (reason: RebalanceReason, began: Timestamp)? {
        current.map { ($0.reason, $0.began.timestamp) }
    }

    /// Why the group rebalances, or did last.
    var newestReason: RebalanceReason? { current?.reason ?? completed.last?.reason }

    /// A rebalance that begins while one is under way is a part of it.
    ///
    /// - Parameter holders: Who holds what until then; of no matter if one is under way.
    mutating func begin(_ reason: RebalanceReason, _ holders: [PartitionHolder], _ step: inout GroupStep) {
        step.note(.rebalanceBegan(reason))
        guard current == nil else { return }
        current = Current(reason: reason, began: step.now, holders: holders)
        noteBeginning(reason, &step)
    }

    private mutating func noteBeginning(_ reason: RebalanceReason, _ step: inout GroupStep) {
        let now = step.now.instant
        recent.append(now)
        recent.removeAll { $0.duration(to: now) > GroupLimits.stormWindow }
        guard recent.count >= GroupLimits.stormRebalances else { return }
        recent.removeFirst(recent.count - GroupLimits.stormRebalances)
        // Each of them puts off the calm.
        step.setTimer(.calm, after: GroupLimits.stormWindow)
        if isStorm { return }
        isStorm = true
        step.note(.stormBegan(count: recent.count, within: GroupLimits.stormWindow, reason))
    }

    /// There has been no storm for a while.
    mutating func calmed(_ step: inout GroupStep) {
        isStorm = false
        step.note(.stormEnded)
    }

    mutating func complete(_ generation: Generation, _ holders: [PartitionHolder], _ step: inout GroupStep) {
        guard let current else { return }
        let moved = PartitionHolder.moves(from: current.holders, to: holders)
        complete(generation, members: holders.count, partitionsMoved: moved, &step)
    }

    mutating func complete(
        _ generation: Generation,
        members count: Int,
        partitionsMoved: Int?,
        _ step: inout GroupStep
    ) {
        guard let current else { return }
        let rebalance = Rebalance(
            generation: generation,
            reason: current.reason,
            began: current.began.timestamp,
            duration: current.began.instant.duration(to: step.now.instant),
            membersBefore: members,
            membersAfter: count,
            partitionsMoved: partitionsMoved
        )
        self.current = nil
        members = count
        if completed.count == GroupLimits.history { completed.removeFirst() }
        completed.append(rebalance)
        step.note(.rebalanceCompleted(rebalance))
    }

    static func == (left: RebalanceHistory, right: RebalanceHistory) -> Bool { left.completed == right.completed }
}
