import Groups
import Model
package import Wire

/// ListGroups (key 16): all groups, or those in some states or of some types.
extension ListGroupsRequest: BrokerRequest {
    package func handle(_ call: Call<ListGroupsRequest>) {
        let waiting = GroupCall(call) { code in
            var response = ListGroupsResponse()
            response.errorCode = code
            return response
        }
        let states = Set(statesFilter.map { $0.lowercased() })
        let types = Set(typesFilter.map { $0.lowercased() })
        waiting.withShards(
            creating: false,
            absent: { waiting.reply(ListGroupsResponse()) },
            { shards in
                var response = ListGroupsResponse()
                for shard in shards.all {
                    for id in shard.ids {
                        guard let summary = shard.look(at: id, { $0.membership.summary }) else { continue }
                        var group = ListGroupsResponse.Group()
                        group.groupID = id.rawValue
                        group.protocolType = summary.protocolType
                        group.groupState = summary.state.rawValue
                        group.groupType = summary.type.rawValue
                        let isWanted =
                            (states.isEmpty || states.contains(group.groupState.lowercased()))
                            && (types.isEmpty || types.contains(group.groupType))
                        if isWanted { response.groups.append(group) }
                    }
                }
                // Clients print the list as it comes.
                response.groups.sort { $0.groupID < $1.groupID }
                waiting.reply(response)
            }
        )
    }
}
