import Groups
import Model
import NIOCore
package import Wire

/// DescribeGroups (key 15): the state and the members of groups.
extension DescribeGroupsRequest: BrokerRequest {
    package func handle(_ call: Call<DescribeGroupsRequest>) {
        let waiting = GroupCall(call) { code in
            var response = DescribeGroupsResponse()
            response.groups = groups.map { name in
                var group = DescribeGroupsResponse.Group()
                group.groupID = name
                group.errorCode = code
                return group
            }
            return response
        }
        let version = call.version
        waiting.withShards(
            creating: false,
            absent: {
                var response = DescribeGroupsResponse()
                response.groups = groups.map { absent($0, version) }
                waiting.reply(response)
            },
            { shards in
                var response = DescribeGroupsResponse()
                response.groups = groups.map { describe($0, shards, version) }
                waiting.reply(response)
            }
        )
    }

    private func absent(_ name: String, _ version: Int16) -> DescribeGroupsResponse.Group {
        var group = DescribeGroupsResponse.Group()
        group.groupID = name
        group.groupState = GroupState.dead.rawValue
        if version >= 6 {
            group.errorCode = .groupIdNotFound
            group.errorMessage = "Group \(name.prefix(GroupLimits.nameBytes)) not found."
        }
        return group
    }

    private func describe(_ name: String, _ shards: GroupShards, _ version: Int16) -> DescribeGroupsResponse.Group {
        let id = GroupID(name)
        guard let shard = shards.shard(of: id) else {
            var group = DescribeGroupsResponse.Group()
            group.groupID = name
            group.errorCode = .coordinatorNotAvailable
            return group
        }
        // A consumer group is none that this API knows.
        guard let found = shard.look(at: id, { $0.membership.classic?.description }), let description = found else {
            return absent(name, version)
        }
        var group = DescribeGroupsResponse.Group()
        group.groupID = name
        group.groupState = description.state.rawValue
        group.protocolType = description.protocolType
        group.protocolData = description.protocolName
        if includeAuthorizedOperations { group.authorizedOperations = Operations.group }
        group.members = description.members.map { member in
            var result = DescribeGroupsResponse.Member()
            result.memberID = member.id.rawValue
            result.groupInstanceID = member.instanceID?.rawValue
            result.clientID = member.client.id
            result.clientHost = member.client.host
            result.memberMetadata = ByteBuffer(bytes: member.metadata)
            result.memberAssignment = ByteBuffer(bytes: member.assignment)
            return result
        }
        return group
    }
}
