import Groups
import Model
package import Wire

/// LeaveGroup (key 13): see ``ClassicGroup``.
extension LeaveGroupRequest: BrokerRequest {
    package func handle(_ call: Call<LeaveGroupRequest>) {
        let waiting = GroupCall(call) { code in
            var response = LeaveGroupResponse()
            response.errorCode = code
            return response
        }
        waiting.withShard(of: groupID) { shard, id in
            shard.handle(
                id,
                reply: { reply in
                    guard case .leave(let left) = reply else { return }
                    waiting.reply(response(left, version: call.version))
                },
                { group, token, context, step in
                    group.leave(request(version: call.version), token, context.rules, &step)
                }
            )
        }
    }

    private func request(version: Int16) -> LeaveRequest {
        var request = LeaveRequest()
        if version <= 2 {
            var member = LeaveRequest.Member()
            member.id = MemberID(memberID)
            request.members = [member]
        } else {
            request.members = members.map { leaving in
                var member = LeaveRequest.Member()
                member.id = MemberID(leaving.memberID)
                member.instanceID = leaving.groupInstanceID.map { InstanceID($0) }
                member.reason = leaving.reason
                return member
            }
        }
        return request
    }

    private func response(_ reply: LeaveReply, version: Int16) -> LeaveGroupResponse {
        var response = LeaveGroupResponse()
        response.errorCode = reply.error
        if version <= 2, let only = reply.members.first { response.errorCode = only.error }
        response.members = reply.members.map { member in
            var result = LeaveGroupResponse.Member()
            result.memberID = member.id.rawValue
            result.groupInstanceID = member.instanceID?.rawValue
            result.errorCode = member.error
            return result
        }
        return response
    }
}
