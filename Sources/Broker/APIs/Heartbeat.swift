import Groups
import Model
package import Wire

/// Heartbeat (key 12): see ``ClassicGroup``.
extension HeartbeatRequest: BrokerRequest {
    package func handle(_ call: Call<HeartbeatRequest>) {
        let waiting = GroupCall(call) { Self.response($0) }
        waiting.withShard(of: groupID) { shard, id in
            shard.handle(
                id,
                reply: { reply in
                    guard case .heartbeat(let error) = reply else { return }
                    waiting.reply(Self.response(error))
                },
                { group, token, context, step in
                    let instanceID = groupInstanceID.map { InstanceID($0) }
                    let generation = Generation(generationID)
                    group.heartbeat(MemberID(memberID), instanceID, generation, token, context.rules, &step)
                }
            )
        }
    }

    private static func response(_ code: ErrorCode) -> HeartbeatResponse {
        var response = HeartbeatResponse()
        response.errorCode = code
        return response
    }
}
