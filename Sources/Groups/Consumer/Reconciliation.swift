import Model

/// The step that a member takes next on its way to its target assignment: it gives back what it is to lose before it gets
/// anything, and gets nothing that another member still holds. Immutable.
struct Reconciliation {
    let target: PartitionSet
    let targetEpoch: MemberEpoch
    /// What the member says it holds; nil if it said nothing of it.
    let owned: PartitionSet?
    /// Whether no member holds the partition.
    let isFree: (PartitionID) -> Bool

    /// The member's assignment after the step; the same if it cannot go on. Nil if it has to join anew.
    func next(after current: CurrentAssignment) -> CurrentAssignment? {
        switch current.state {
        case .stable: return current.epoch == targetEpoch ? current : advanced(current)
        case .unrevoked: return hasGivenBack(current.revoking) ? advanced(current) : current
        case .unreleased: return advanced(current)
        case .unknown: return owned?.isEmpty == true ? advanced(current) : nil
        }
    }

    private func hasGivenBack(_ partitions: HeldPartitions) -> Bool {
        guard let owned else { return false }
        return partitions.isDisjoint(with: owned)
    }

    private func advanced(_ current: CurrentAssignment) -> CurrentAssignment {
        var next = current
        next.assigned = HeldPartitions()
        next.revoking = HeldPartitions()
        for partition in current.assigned.all {
            if target.contains(partition) {
                next.assigned[partition] = current.assigned[partition]
            } else {
                next.revoking[partition] = current.assigned[partition]
            }
        }
        if !next.revoking.isEmpty, !hasGivenBack(next.revoking) {
            next.state = .unrevoked
            next.advance(to: current.epoch)
            return next
        }
        next.revoking = HeldPartitions()
        next.state = .stable
        for partition in target.all where next.assigned[partition] == nil {
            // What the member itself was to give back, and has, is as good as free.
            if isFree(partition) || current.revoking[partition] != nil {
                next.assigned[partition] = targetEpoch
            } else {
                next.state = .unreleased
            }
        }
        next.advance(to: targetEpoch)
        return next
    }
}
