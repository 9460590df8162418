import Groups
import Model
package import Wire

/// GroupHistory (key 10005): the newest rebalances of groups, which somebody wants to know whose group does not settle.
extension GroupHistoryRequest: BrokerRequest {
    package func handle(_ call: Call<GroupHistoryRequest>) {
        let waiting = GroupCall(call) { code in
            var response = GroupHistoryResponse()
            response.groups = groupIDs.map { refused($0, code) }
            return response
        }
        waiting.withShards(
            creating: false,
            absent: { waiting.refuse(.groupIdNotFound) },
            { shards in
                var response = GroupHistoryResponse()
                response.groups = groupIDs.map { describe($0, shards) }
                waiting.reply(response)
            }
        )
    }

    private func refused(_ name: String, _ code: ErrorCode) -> GroupHistoryResponse.Group {
        var group = GroupHistoryResponse.Group()
        group.groupID = name
        group.errorCode = code
        if code == .groupIdNotFound { group.errorMessage = "there is no group '\(name.prefix(GroupLimits.nameBytes))'" }
        return group
    }

    private func describe(_ name: String, _ shards: GroupShards) -> GroupHistoryResponse.Group {
        let id = GroupID(name)
        guard let shard = shards.shard(of: id) else { return refused(name, .coordinatorNotAvailable) }
        guard let membership = shard.look(at: id, { $0.membership }) else { return refused(name, .groupIdNotFound) }
        var group = GroupHistoryResponse.Group()
        group.groupID = name
        group.isInStorm = membership.isInStorm
        group.rebalances = membership.rebalances.map(describe)
        if let (reason, began) = membership.rebalanceUnderWay {
            group.isRebalancing = true
            group.rebalances.append(describe(reason, began))
        }
        return group
    }

    private func describe(_ rebalance: Rebalance) -> GroupHistoryResponse.Rebalance {
        var result = describe(rebalance.reason, rebalance.began)
        result.generation = rebalance.generation.rawValue
        result.durationMicroseconds = rebalance.duration.wholeNanoseconds / 1000
        result.membersBefore = Int32(clamping: rebalance.membersBefore)
        result.membersAfter = Int32(clamping: rebalance.membersAfter)
        result.partitionsMoved = rebalance.partitionsMoved.map { Int32(clamping: $0) } ?? -1
        return result
    }

    private func describe(_ reason: RebalanceReason, _ began: Timestamp) -> GroupHistoryResponse.Rebalance {
        var result = GroupHistoryResponse.Rebalance()
        result.memberID = reason.member.rawValue
        result.clientID = reason.client?.id
        result.clientHost = reason.client?.host
        result.cause = reason.cause.rawValue
        result.clientReason = reason.clientReason
        result.began = began.milliseconds
        return result
    }
}
