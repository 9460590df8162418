/// A consumer group as admins see it: as the log has it for good. Immutable.
package struct ConsumerGroupDescription: Equatable, Sendable {
    package var state = GroupState.empty
    package var epoch = MemberEpoch.joining
    package var assignmentEpoch = MemberEpoch.joining
    package var assignor = ""
    /// By id.
    package var members: [Member] = []

    package init() {}

    package struct Member: Equatable, Sendable {
        package let member: ConsumerMember
        package let target: PartitionSet
    }
}

extension ConsumerGroup {
    package func description(_ settings: ConsumerGroupSettings) -> ConsumerGroupDescription {
        let stored = stored
        var description = ConsumerGroupDescription()
        description.state = groupState(stored)
        description.epoch = stored.epoch
        description.assignmentEpoch = stored.assignmentEpoch
        description.assignor = assignor(settings).rawValue
        description.members = stored.inOrder.map { member in
            ConsumerGroupDescription.Member(member: member, target: stored.targets[member.id] ?? PartitionSet())
        }
        return description
    }

    package var groupState: GroupState { groupState(stored) }

    private func groupState(_ state: ConsumerGroupState) -> GroupState {
        if state.members.isEmpty { return .empty }
        if state.assignmentEpoch != state.epoch { return .assigning }
        return isStable(state) ? .stable : .reconciling
    }
}
