import Wire

extension Admin {
    /// The newest rebalances of groups: who was the reason, how long they took, and what moved. In the order asked for.
    ///
    /// Throws ``ClientError`` named `GROUP_ID_NOT_FOUND` if a group does not exist, and of kind
    /// ``ClientError/Kind/unsupported`` if the broker is not a Martlet.
    public func groupHistory(of ids: [String]) async throws(ClientError) -> [GroupHistory] {
        var found: [String: GroupHistory] = [:]
        try await withCoordinators(of: Set(ids)) { (node, groups) async throws(ClientError) in
            var request = GroupHistoryRequest()
            request.groupIDs = groups
            let response = try await self.cluster.connection(to: node).send(request)
            for group in response.groups {
                try Self.check(group.errorCode, "group '\(group.groupID)'", group.errorMessage)
                found[group.groupID] = GroupHistory(group)
            }
            guard let missing = Set(groups).subtracting(found.keys).min() else { return }
            throw Self.missing("group '\(missing)'")
        }
        return ids.compactMap { found[$0] }
    }
}

extension GroupHistory {
    init(_ group: GroupHistoryResponse.Group) {
        id = group.groupID
        isInStorm = group.isInStorm
        isRebalancing = group.isRebalancing
        rebalances = group.rebalances.map(Rebalance.init)
    }
}

extension GroupHistory.Rebalance {
    init(_ rebalance: GroupHistoryResponse.Rebalance) {
        generation = rebalance.generation < 0 ? nil : rebalance.generation
        memberID = rebalance.memberID
        clientID = rebalance.clientID
        host = rebalance.clientHost.map(GroupDescription.hostName)
        cause = rebalance.cause
        clientReason = rebalance.clientReason.isEmpty ? nil : rebalance.clientReason
        began = rebalance.began
        durationMicroseconds = rebalance.durationMicroseconds < 0 ? nil : rebalance.durationMicroseconds
        membersBefore = rebalance.membersBefore < 0 ? nil : rebalance.membersBefore
        membersAfter = rebalance.membersAfter < 0 ? nil : rebalance.membersAfter
        partitionsMoved = rebalance.partitionsMoved < 0 ? nil : rebalance.partitionsMoved
    }
}
